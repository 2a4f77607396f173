//! Abuse of the service's operation: its dependencies, its secrets, its files.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use samsyn::access::policy::Role;
use serde_json::json;

use crate::{
    contract::file,
    harness::{Database, TestApp, mail, settings_of},
};

#[test]
fn abuse_106_what_the_program_is_built_from_is_locked_and_judged() {
    let read = |path: &str| fs::read_to_string(file(path)).unwrap();
    let lock = read("Cargo.lock");
    assert!(lock.matches("checksum = ").count() > 200, "every library is pinned by its digest");
    assert!(!lock.contains("git+"), "no library comes from a branch that may move");
    let ci = read(".ci/run");
    for step in [".ci/licences", ".ci/advisories", ".ci/sbom", "--locked"] {
        assert!(ci.contains(step), "{step} is not in .ci/run");
    }
    for (line, text) in ci.lines().enumerate().filter(|(_, text)| text.starts_with("cargo ") && !text.starts_with("cargo fmt")) {
        assert!(text.contains("--locked"), ".ci/run:{}: {text}", line + 1);
    }
    let deny = read("deny.toml");
    for rule in ["[licenses]", "[bans]", "[sources]", "unknown-git = \"deny\"", "unknown-registry = \"deny\""] {
        assert!(deny.contains(rule), "{rule} is not in deny.toml");
    }
}

#[test]
fn abuse_107_secrets_are_shown_nowhere() {
    let settings = "database_url = \"postgres://samsyn:hemligtlosen@db.invalid/samsyn\"\n\
        mail_url = \"smtps://post:hemligtlosen@mail.invalid\"\n\
        identity_providers = [{ id = \"x\", name = \"X\", issuer = \"https://x.invalid\", client_id = \"s\", client_secret = \"hemligtlosen\" }]\n";
    let config = crate::harness::config_of(settings);
    assert_eq!(config.database_url, "postgres://samsyn:hemligtlosen@db.invalid/samsyn");
    for shown in [config.print(), format!("{config:?}")] {
        assert!(!shown.contains("hemligtlosen"), "{shown}");
    }
    // A setting may come from a file, so that the list of processes does not show it.
    let folder = file("target/tmp");
    fs::create_dir_all(&folder).unwrap();
    let secret = folder.join(format!("secret-{}", std::process::id()));
    fs::write(&secret, "postgres://samsyn:hemligtlosen@db.invalid/samsyn\n").unwrap();
    let environment = [("SAMSYN_DATABASE_URL_FILE".to_owned(), secret.display().to_string())];
    let config = samsyn::config::Config::load(&[], None, environment.into_iter(), &[]).unwrap();
    assert_eq!(config.database_url, "postgres://samsyn:hemligtlosen@db.invalid/samsyn");
    fs::remove_file(secret).unwrap();
    // None of the service's own pages contains a secret of the installation.
    let app = TestApp::start(Database::Sqlite).unwrap();
    let secrets: Vec<String> = app.rows("SELECT value FROM installation").iter().map(|row| row.try_get("", "value").unwrap()).collect();
    for path in ["/api-info", "/config", "/health/ready", "/openapi.json", "/.well-known/jwks.json", "/docs/permissions"] {
        let body = app.anybody().get(path).is(200).body;
        assert!(secrets.iter().all(|secret| secret.len() < 20 || !body.contains(secret.as_str())), "{path}");
    }
}

#[test]
fn abuse_108_weak_keys_and_secrets_from_the_docs_are_refused() {
    let provider = |secret: &str| {
        format!(
            "identity_providers = [{{ id = \"x\", name = \"X\", issuer = \"https://x.invalid\", client_id = \"s\", client_secret = \"{secret}\" }}]"
        )
    };
    for placeholder in ["secret", "change-me", "changeme", "password", "<secret>", "…"] {
        let refused = crate::harness::try_config(&provider(placeholder)).unwrap_err();
        assert!(refused.contains("client_secret"), "{placeholder}: {refused}");
    }
    assert!(crate::harness::try_config(&provider("q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC")).is_ok());
    let app = TestApp::start(Database::Sqlite).unwrap();
    let admin = app.user(Role::Admin, None);
    let new = |key: serde_json::Value| json!({"name": "X", "authMethod": "private_key_jwt", "jwks": {"keys": [key]}, "scopes": ["registry.read"]});
    let short = json!({"kty": "RSA", "e": "AQAB", "n": "x".repeat(171)});
    assert_eq!(admin.post("/service-accounts", &new(short)).is(422).faults(), ["/jwks/keys/0 unfit-key"]);
    admin.post("/service-accounts", &new(json!({"kty": "oct", "k": "c2VjcmV0"}))).is(422);
    admin.post("/service-accounts", &new(json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}))).is(422);
    let mut private = crate::harness::forge::public_key();
    private["d"] = json!("q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c");
    let exposed = admin.post("/service-accounts", &new(private)).is(422);
    assert!(exposed.json["detail"].as_str().unwrap().contains("röjd"), "{}", exposed.body);
}

#[test]
fn abuse_109_files_with_data_are_the_services_own() {
    let url = crate::harness::empty(Database::Sqlite).unwrap();
    crate::harness::prepare(&url);
    let app = TestApp::on(&url, 1);
    app.register("kim@example.se", "Kim", Role::Reader, None);
    app.anybody().post("/password-resets", &json!({"email": "kim@example.se"})).is(202);
    app.letter("kim@example.se", "password");
    let database = samsyn::kernel::db::sqlite_file(&settings_of(&url).url).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&database), 0o600);
    for ending in ["-wal", "-shm"] {
        let beside = std::path::PathBuf::from(format!("{}{ending}", database.display()));
        if beside.exists() {
            assert_eq!(mode(&beside), 0o600, "{}", beside.display());
        }
    }
    assert_eq!(mode(&mail(&url)), 0o700);
}

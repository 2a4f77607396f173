//! Texts, times and claims that are not what they look like.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_federation::{account_of, sign_in, user_of},
    harness::{Database, PASSWORD, TestApp, escaped, forge, id, idp::Idp, today},
    imports::import_as,
};

/// One number in many spellings.
const SPELLINGS: [&str; 14] = [
    "811228-9874",
    "8112289874",
    "811228 9874",
    "811228--9874",
    "811228 - 9874",
    "811228.9874",
    "81.12.28.98.74",
    "1981-12-28 9874",
    "8 1 1 2 2 8 9 8 7 4",
    "８１１２２８－９８７４",
    "٨١١٢٢٨-٩٨٧٤",
    "𝟖𝟏𝟏𝟐𝟐𝟖-𝟗𝟖𝟕𝟒",
    "811228\n9874",
    "8112\r\n28-9874",
];

#[rstest]
fn abuse_124_a_personal_number_gets_in_by_no_spelling(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let new = |focus: &str| json!({"kind": "association", "name": "Föreningen", "focus": focus});
    for spelling in SPELLINGS {
        let text = format!("Ring Anna ({spelling}) i morgon");
        assert_eq!(admin.post("/actors", &new(&text)).is(422).faults(), ["/focus personal-identity-number"], "{spelling:?}");
        let asked = admin.get(&format!("/actors?q={}", escaped(spelling))).is(400);
        assert_eq!(asked.faults(), ["q personal-identity-number"], "{spelling:?}");
        assert!(!asked.body.contains(spelling) && !asked.body.contains("9874"), "{}", asked.body);
        let logged = samsyn::kernel::logs::mask_path(&format!("/actors/{}", escaped(spelling))).into_owned();
        assert_eq!(logged, "/actors/[personnummer]", "{spelling:?}");
    }
    // Nor by a request header that is stored.
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let credentials = json!({"email": "kim@example.se", "password": PASSWORD});
    let session = app.anybody().with("User-Agent", "Annas 811228-9874 dator").post("/sessions", &credentials).is(201);
    let kim = app.anybody().with_token(session.json["accessToken"].as_str().unwrap());
    let own = kim.get("/me/sessions").is(200);
    assert!(own.body.contains("Annas [personnummer] dator"), "{}", own.body);
    // Nor by an import.
    let table = format!("namn;organisationsnummer;inriktning\nFöreningen;802001-0008;{}\n", SPELLINGS[6]);
    let job = admin.call("POST", "/imports?kind=association", Some(("text/csv", table.as_bytes())));
    assert!(!job.body.contains(SPELLINGS[6]), "{}", job.body);
    // Telephone numbers, organisation numbers, times and amounts are not personal identity numbers.
    for other in
        ["070-123 45 61", "08-123 456 71", "+46 70 123 45 61", "212000-2882", "2026-11-22 13:00", "1 250 000 kr", "59.3293, 18.0686"]
    {
        admin.post("/actors", &new(&format!("Ring {other}"))).is(201);
    }
}

#[rstest]
fn abuse_125_claims_are_held_to_what_people_may_write(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    // A name that is not acceptable is replaced by the part of the address before the at sign.
    for (at, name) in
        ["Kim\u{202E}nimda", "Kim\u{200B}", "Kim 811228-9874", "Kim ８１１２２８ ９８７４", "\u{3164}", "Kim\u{7}"].iter().enumerate()
    {
        let claims = json!({"sub": format!("kim-{at}"), "email": format!("kim.{at}@kommun.example.se"), "name": name});
        let me = account_of(&app, &idp, &claims).get("/me").is(200).json;
        assert_eq!(me["user"]["name"], json!(format!("kim.{at}")), "{name:?}");
    }
    // A person with an unacceptable address, or with a number as subject, cannot sign in.
    for (sub, email) in [
        ("a", "a@x@b"),
        ("b", "no address"),
        ("c", "kim\u{202E}@kommun.example.se"),
        ("d", "811228-9874@kommun.example.se"),
        ("e", "@kommun.example.se"),
        ("811228-9874", "f@kommun.example.se"),
        ("198112289874", "g@kommun.example.se"),
        ("kim\u{202E}1", "h@kommun.example.se"),
    ] {
        let told = sign_in(&app, &idp, &json!({"sub": sub, "email": email}));
        assert_eq!(told["error"], "access_denied", "{sub} {email}");
        assert!(told["error_description_sv"].contains("it-avdelning") && !told.contains_key("code"), "{told:?}");
    }
    for (table, column) in [("user_account", "email"), ("user_account", "name"), ("user_identity", "subject")] {
        for row in app.rows(&format!("SELECT {column} FROM {table}")) {
            let stored: String = row.try_get("", column).unwrap();
            assert!(!samsyn::kernel::personal_number::contains(&stored) && !stored.contains('\u{202E}'), "{table} {stored}");
        }
    }
    // An acceptable name is stored in composed form.
    let me = account_of(&app, &idp, &json!({"sub": "asa", "email": "asa@kommun.example.se", "name": "A\u{30A}sa O\u{308}berg"}));
    assert_eq!(me.get("/me").json["user"]["name"], json!("Åsa Öberg"));
}

#[rstest]
fn abuse_126_what_cannot_be_seen_gets_in_nowhere(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let new = |name: &str| json!({"kind": "association", "name": name});
    for hidden in [
        '\u{AD}',
        '\u{34F}',
        '\u{61C}',
        '\u{115F}',
        '\u{180E}',
        '\u{200B}',
        '\u{200D}',
        '\u{2028}',
        '\u{202E}',
        '\u{2060}',
        '\u{206A}',
        '\u{3164}',
        '\u{E000}',
        '\u{FDD0}',
        '\u{FE0F}',
        '\u{FEFF}',
        '\u{FFA0}',
        '\u{E0041}',
        '\u{E0100}',
        '\u{F0000}',
        '\u{10FFFF}',
    ] {
        let name = format!("Före{hidden}ningen");
        assert_eq!(admin.post("/actors", &new(&name)).is(422).faults(), ["/name forbidden-character"], "{:x}", u32::from(hidden));
        assert_eq!(admin.get(&format!("/actors?q={}", escaped(&name))).is(400).faults(), ["q forbidden-character"]);
    }
    // Complete emoji are accepted; fragments are not.
    for whole in ["Kul ❤\u{FE0F}", "👩🏽\u{200D}🚀 och 🏳\u{FE0F}\u{200D}🌈", "Sverige 🇸🇪"] {
        let actor = admin.post("/actors", &new(whole)).is(201);
        assert_eq!(actor.json["name"], json!(whole));
    }
    admin.post("/actors", &new("1\u{FE0F}")).is(422);
    admin.post("/actors", &new("a\u{200D}❤")).is(422);
}

#[rstest]
fn abuse_126_a_name_has_something_that_can_be_said(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let area = app.area("0127");
    let ends = "2026-12-20T00:00:00Z";
    for name in ["\u{2800}", "\u{2800} \u{2800}", "…", "\u{301}", "❤\u{FE0F}"] {
        for (path, new) in [
            ("/actors", json!({"kind": "association", "name": name})),
            ("/actors", json!({"kind": "association", "name": "A", "formerNames": [{"name": name}]})),
            ("/forums", json!({"kind": "council", "level": "local", "name": name, "areas": [area]})),
            ("/sources", json!({"name": name, "idScheme": "x"})),
            ("/users", json!({"email": "kim@example.se", "name": name})),
            ("/me/tokens", json!({"name": name, "scopes": ["registry.read"], "expiresAt": ends})),
            ("/service-accounts", json!({"name": name, "authMethod": "client_secret_post", "scopes": ["registry.read"]})),
        ] {
            let refused = admin.post(path, &new).is(422);
            assert!(refused.faults().iter().any(|fault| fault.ends_with("name blank")), "{path} {name:?}: {:?}", refused.faults());
        }
        admin.patch("/me", "*", &json!({"name": name})).is(422);
        let (_, job) = import_as(&admin, "?dryRun=true", "text/csv", format!("namn;typ\n{name};förening\n").as_bytes());
        assert_eq!(job["refused"], 1, "{name:?} {job}");
    }
    // The object replacement character is refused.
    let refused = admin.post("/actors", &json!({"kind": "association", "name": "Alby\u{FFFC}"})).is(422);
    assert_eq!(refused.faults(), ["/name forbidden-character"]);
}

#[rstest]
fn abuse_126_headings_are_shown_without_what_hides_in_them(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let table = "na\u{200B}mn;Kas\u{202E}sör;K\u{E0041}assa;\u{200B}\nAlby IF;x;y;z\n";
    let (path, job) = import_as(&admin, "?kind=association&dryRun=true", "text/csv", table.as_bytes());
    assert_eq!(job["created"], 1, "{job}");
    assert_eq!(job["columns"], json!([{"heading": "namn", "member": "name"}]));
    let left_out: Vec<_> = job["leftOut"].as_array().unwrap().iter().map(|left| left["heading"].clone()).collect();
    assert_eq!(left_out, ["Kassör", "Kassa", "D"], "what is left of a heading of nothing is none");
    let shown = admin.get(&path).is(200).body;
    assert!(!shown.contains(['\u{200B}', '\u{202E}', '\u{E0041}']), "{shown}");
}

#[rstest]
fn abuse_124_nothing_that_a_caller_calls_something_is_told_back_with_a_number(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for spelling in SPELLINGS {
        let told = app.token(&[("grant_type", spelling)]).is(400);
        assert_eq!(told.json["error"], "unsupported_grant_type");
        assert!(!told.body.contains(spelling) && !told.body.contains("9874"), "{}", told.body);
        let told = app.token(&[(spelling, "1"), (spelling, "2")]).is(400);
        assert!(!told.body.contains(spelling) && !told.body.contains("9874"), "{}", told.body);
    }
    for told in [
        admin.get("/actors?811228-9874=1"),
        admin.get("/actors?fields=811228-9874"),
        admin.post("/actors/search", &json!({"811228-9874": 1})),
        admin.post("/actors", &json!({"kind": "association", "name": "A", "811228-9874": 1})),
        admin.post("/me/tokens", &json!({"name": "A", "scopes": ["811228-9874"], "expiresAt": "2026-12-20T00:00:00Z"})),
    ] {
        assert!(matches!(told.status, 400 | 422) && !told.body.contains("9874"), "{}", told.body);
    }
}

#[rstest]
fn abuse_134_a_token_that_demands_what_we_do_not_know_is_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    app.register("kim@example.se", "Kim", Role::Admin, None);
    let session = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD})).is(201);
    let claims = forge::claims(session.json["accessToken"].as_str().unwrap());
    let admin = app.anybody().with_token(&app.signed(&claims));
    admin.get("/me").is(200);
    let demands = [
        json!({"crit": ["exp"], "exp": 1}),
        json!({"crit": ["https://example.se/holder"]}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"b64": false}),
        json!({"b64": true}),
        json!({"crit": []}),
        json!({"crit": "b64"}),
    ];
    let new =
        json!({"name": "Register", "authMethod": "private_key_jwt", "jwks": {"keys": [forge::public_key()]}, "scopes": ["registry.read"]});
    let client = id(&admin.post("/service-accounts", &new).is(201).json);
    let ask = |number: usize, more: &Value| {
        let mut header = json!({"alg": "EdDSA", "typ": "JWT"});
        for (name, value) in more.as_object().unwrap() {
            header[name] = value.clone();
        }
        let claims = json!({"iss": client, "sub": client, "aud": format!("{}/oauth2/token", samsyn::openapi::CANONICAL_URL),
            "jti": number.to_string(), "exp": (today() + TimeDelta::minutes(2)).timestamp()});
        let statement = forge::ed25519(&header, &claims);
        app.token(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &statement),
        ])
    };
    ask(100, &json!({})).is(200);
    user_of(&app, &idp, &json!({"sub": "lo", "email": "lo@kommun.example.se"}));
    for (number, demand) in demands.iter().enumerate() {
        let refused = app.anybody().with_token(&app.signed_with_header(demand, &claims)).get("/me").is(401);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{demand}");
        assert_eq!(ask(number, demand).is(401).json["error"], json!("invalid_client"), "{demand}");
        idp.is_told(|idp| idp.header = demand.clone());
        assert_eq!(sign_in(&app, &idp, &json!({"sub": "lo"}))["error"], "server_error", "{demand}");
    }
}

#[rstest]
fn abuse_139_descriptions_of_errors_keep_to_the_characters_of_the_standard(#[values(Database::Sqlite)] database: Database) {
    let idp = Idp::start();
    let settings = idp.settings("").replace("Kommunens inloggning", "Kommunens \\\"inloggning\\\" för Håbo");
    let Some(app) = TestApp::start_with(database, &settings) else { return };
    let keeps = |description: &str| {
        let fits = description.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        assert!(fits && !description.is_empty(), "{description}");
    };
    // In the redirect to the frontend: ASCII in `error_description`, and the complete sentence beside it.
    for claims in [json!({}), json!({"email": null}), json!({"email": "a@x@b"}), json!({"nonce": "another"}), json!({"exp": 1})] {
        let Ok(told) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sign_in(&app, &idp, &claims))) else {
            // This answer belongs to another sign-in, so the browser gets the error itself.
            assert_eq!(claims, json!({"nonce": "another"}));
            continue;
        };
        keeps(&told["error_description"]);
        assert!(told["error"].bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert!(told["error_description_sv"].contains("för Håbo") || told["error_description_sv"].starts_with("Du har"), "{told:?}");
    }
    // At the OAuth endpoints, whatever is sent.
    for form in [
        vec![("grant_type", "lösen\"ord\\")],
        vec![("grant_type", "client_credentials"), ("client_id", "å")],
        vec![("grant_type", "refresh_token"), ("refresh_token", "ä")],
        vec![("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", "y"), ("client_assertion", "z")],
        vec![],
    ] {
        let refused = app.token(&form);
        assert!(matches!(refused.status, 400 | 401), "{}", refused.body);
        keeps(refused.json["error_description"].as_str().unwrap());
        assert!(refused.header("www-authenticate").is_none_or(str::is_ascii));
    }
    let twice = app.anybody().call("POST", "/oauth2/token", Some(("application/x-www-form-urlencoded", "å%22=1&å%22=2".as_bytes())));
    keeps(twice.is(400).json["error_description"].as_str().unwrap());
}

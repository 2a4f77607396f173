//! Tests of how settings are read, refused and printed.

use super::*;

fn load(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    Config::load(&[], None, own(environment).into_iter(), &own(flags))
}

#[test]
fn the_defaults_run() -> Result<(), ConfigError> {
    let config = load(&[], &[])?;
    assert_eq!(config.public_url, "http://127.0.0.1:8080");
    Ok(())
}

#[test]
fn flags_win_over_the_environment() -> Result<(), ConfigError> {
    let config = load(&[("SAMSYN_LISTEN", "127.0.0.1:1"), ("SAMSYN_WORKERS", "3")], &[("listen", "127.0.0.1:2")])?;
    assert_eq!((config.listen.as_str(), config.workers), ("127.0.0.1:2", 3));
    Ok(())
}

#[test]
fn a_wrong_value_is_reported_with_its_name_and_a_sentence() {
    let told = |name: &str, value: &str| load(&[], &[(name, value)]).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(told("workers", "many"), "workers: many is not a whole number");
    assert_eq!(told("listn", "x"), "listn: there is no such setting; did you mean listen?");
    assert_eq!(told("listen", "nowhere"), "listen: nowhere is no address and port, such as 127.0.0.1:8080");
    assert!(!told("database_url", "mysql://user:secret@host/x").contains("secret"));
}

#[test]
fn what_is_printed_can_be_read_back_and_shows_no_password() -> Result<(), Box<dyn std::error::Error>> {
    for url in [
        "postgres://samsyn:hemligtlosen@db/samsyn",
        "postgres://samsyn:a@hemligtlosen@db/samsyn",
        "postgres://samsyn:hemligtlosen@db1:5432,db2:5433/samsyn?target_session_attrs=read-write",
        "postgres://db1,db2/samsyn?user=samsyn&password=hemligtlosen",
    ] {
        let config = load(&[], &[("database_url", url)])?;
        let printed: Table = config.print().parse()?;
        assert_eq!(printed.len(), reference().len());
        assert!(!config.print().contains("hemligtlosen"));
        assert!(printed["database_url"].as_str().unwrap_or_default().contains("db"));
    }
    Ok(())
}

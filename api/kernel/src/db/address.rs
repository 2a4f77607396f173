//! The address of the database. On `PostgreSQL` it may name several machines, of which one accepts writes at a time.

use std::{path::PathBuf, str::FromStr};

use sqlx::postgres::PgConnectOptions;

/// The addresses of the machines, in the order in which they are tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) Vec<String>);

/// Returns the file of a `SQLite` address; `None` for any other address.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// Checks the address of a database.
///
/// # Errors
/// A sentence that says what the address must be. It does not repeat the address, which may contain a password.
pub fn check(url: &str) -> Result<(), String> {
    if let Some(file) = sqlite_file(url) {
        return if file.as_os_str().is_empty() { Err(WANTED.to_owned()) } else { Ok(()) };
    }
    let Address(machines) = postgres(url)?;
    if machines.iter().all(|machine| PgConnectOptions::from_str(machine).is_ok()) { Ok(()) } else { Err(WANTED.to_owned()) }
}

const WANTED: &str = "it must be sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME, with commas between several HOST:PORT";
const WANTED_SESSIONS: &str = "target_session_attrs must be read-write or be left out, for the service looks for the machine that writes";

/// Splits an address with several machines, written as `libpq` reads it: `HOST:PORT,HOST:PORT`, or `host=` and `port=` among the
/// parameters, with commas. The service always looks for the machine that accepts writes, so `target_session_attrs` has no effect.
pub(super) fn postgres(url: &str) -> Result<Address, String> {
    let wanted = || WANTED.to_owned();
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "postgres" | "postgresql")).ok_or_else(wanted)?;
    let (place, query) = rest.split_once('?').map_or((rest, ""), |(place, query)| (place, query));
    let (login, place) = place.rsplit_once('@').map_or((String::new(), place), |(login, place)| (format!("{login}@"), place));
    let (hosts, name) = place.split_once('/').map_or((place, String::new()), |(hosts, name)| (hosts, format!("/{name}")));
    let (mut named, mut ports, mut others) = (None, None, Vec::new());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("target_session_attrs", "read-write" | "primary" | "any")) => {}
            Some(("target_session_attrs", _)) => return Err(WANTED_SESSIONS.to_owned()),
            Some(("host", hosts)) => named = Some(split(hosts)),
            Some(("port", given)) => ports = Some(split(given)),
            _ => others.push(parameter),
        }
    }
    let hosts = split(hosts);
    let count = named.as_ref().unwrap_or(&hosts).len();
    if hosts.len() > 1 && named.is_some() || ports.as_ref().is_some_and(|ports| ports.len() != 1 && ports.len() != count) {
        return Err(wanted());
    }
    if count > 1 && named.as_ref().unwrap_or(&hosts).iter().any(|host| host.is_empty()) {
        return Err(wanted());
    }
    let machine = |index: usize| {
        let mut parameters: Vec<_> = others.iter().map(|parameter| (*parameter).to_owned()).collect();
        parameters.extend(named.as_ref().map(|named| format!("host={}", named[index])));
        parameters.extend(ports.as_ref().and_then(|ports| ports.get(index).or(ports.first())).map(|port| format!("port={port}")));
        let host = hosts.get(index).or(hosts.first()).copied().unwrap_or_default();
        let query = if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
        format!("{scheme}://{login}{host}{name}{query}")
    };
    Ok(Address((0..count).map(machine).collect()))
}

fn split(list: &str) -> Vec<&str> {
    list.split(',').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines(url: &str) -> Vec<String> {
        postgres(url).unwrap().0
    }

    #[test]
    fn one_machine_stays_as_it_is_written() {
        for url in ["postgres://samsyn:a%2Cb@db/samsyn?sslmode=require", "postgresql:///samsyn?host=/run/postgresql", "postgres://db"] {
            assert_eq!(machines(url), [url]);
        }
        assert_eq!(machines("postgres://samsyn@db:5433/samsyn?target_session_attrs=read-write"), ["postgres://samsyn@db:5433/samsyn"]);
    }

    #[test]
    fn several_machines_are_tried_in_their_order() {
        let expected = ["postgres://samsyn:a@b@one:5432/samsyn?sslmode=require", "postgres://samsyn:a@b@[::1]:5433/samsyn?sslmode=require"];
        let url = "postgres://samsyn:a@b@one:5432,[::1]:5433/samsyn?target_session_attrs=primary&sslmode=require";
        assert_eq!(machines(url), expected);
        let expected = ["postgres://localhost/samsyn?host=/a&port=1", "postgres://localhost/samsyn?host=/b&port=2"];
        assert_eq!(machines("postgres://localhost/samsyn?host=/a,/b&port=1,2"), expected);
        assert_eq!(machines("postgres:///samsyn?host=a,b&port=1")[1], "postgres:///samsyn?host=b&port=1");
    }

    #[test]
    fn an_unusable_address_is_refused_without_repeating_it() {
        for url in [
            "mysql://samsyn:hemligt@db/samsyn",
            "postgresx://samsyn:hemligt@db/samsyn",
            "postgres://samsyn:hemligt@one,/samsyn",
            "postgres://samsyn:hemligt@one:port/samsyn",
            "postgres://samsyn:hemligt@one,two/samsyn?port=1,2,3",
            "postgres://samsyn:hemligt@one,two/samsyn?target_session_attrs=standby",
            "sqlite:",
        ] {
            assert!(!check(url).unwrap_err().contains("hemligt"), "{url}");
        }
        assert_eq!(check("postgres://samsyn:hemligt@one:1,two:2/samsyn?target_session_attrs=read-write"), Ok(()));
    }
}

//! The rules of the house that only the source can show.

use std::fs;

use crate::contract::file;

/// Every source file of the service, by its path below `api/src`.
pub fn sources() -> Vec<(String, String)> {
    fn walk(folder: &std::path::Path, root: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.strip_prefix(root).unwrap().display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = file("api/src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    found
}

/// The rooms from the ground up. A room uses those before it, and never those after.
const ROOMS: &[&str] = &[
    "kernel",
    "access",
    "intake",
    "reference",
    "geography",
    "registry",
    "forums",
    "statistics",
    "assessments",
    "interventions",
    "priorities",
    "exchange",
    "insight",
    "disclosure",
    "privacy",
    "guidance",
];

#[test]
fn arrows_point_one_way() {
    for (path, text) in sources() {
        let Some(room) = ROOMS.iter().position(|room| path.starts_with(&format!("{room}/"))) else { continue };
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (later, name) in ROOMS.iter().enumerate().skip(room + 1) {
            let uses = [format!("crate::{name}::"), format!("    {name}::"), format!("crate::{{{name}::")];
            assert!(!uses.iter().any(|used| code.contains(used)), "{path} ({}) uses {name}, which lies above it ({later})", ROOMS[room]);
        }
    }
}

#[test]
fn statements_live_in_stores_and_tables() {
    let homes = ["store.rs", "table.rs", "types.rs", "mod.rs"];
    for (path, text) in sources() {
        let is_room = ROOMS.iter().skip(2).any(|room| path.starts_with(&format!("{room}/")));
        let name = path.rsplit('/').next().unwrap();
        if is_room && !homes.contains(&name) && !path.contains("/store/") && !path.starts_with("insight/") {
            assert!(!text.contains("sea_orm") && !text.contains("sqlx"), "{path} speaks to the database");
        }
        if name == "rules.rs" {
            assert!(!text.contains("actix_web"), "{path} knows of HTTP");
        }
    }
}

#[test]
fn a_room_never_uses_anothers_handlers() {
    for (path, text) in sources() {
        let room = path.split('/').next().unwrap();
        for other in ROOMS.iter().skip(1).filter(|other| **other != room) {
            for line in text.lines().filter(|line| line.contains(&format!("{other}::"))) {
                assert!(!line.contains("::api::"), "{path}: {line}");
            }
        }
    }
}

/// What SECURITY.md says of each abuse case is so: the tests that it names are there, and each case that must have one has.
#[test]
fn every_abuse_case_is_held_by_the_tests_that_are_named() {
    let tests = fs::read_dir(file("tests/it")).unwrap().flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let source: String = tests.chain(sources().into_iter().map(|(_, text)| text)).collect();
    let security = fs::read_to_string(file("docs/SECURITY.md")).unwrap();
    let mut held = std::collections::BTreeSet::new();
    for row in security.lines().filter(|row| row.starts_with("| ")) {
        let Ok(number) = row.split('|').nth(1).unwrap().trim().parse::<u32>() else { continue };
        for name in row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).filter(|name| !name.contains(['/', '.', ' '])) {
            assert!(source.contains(&format!("fn {name}")), "SECURITY.md names {name} for case {number}, and there is no such test");
            if name.starts_with(&format!("abuse_{number:02}_")) {
                held.insert(number);
            }
        }
    }
    let wanted = (1..=50).chain([78, 81]).chain(84..=116).chain(118..=149);
    let missing: Vec<_> = wanted.filter(|number| !held.contains(number)).collect();
    assert!(missing.is_empty(), "SECURITY.md names no test of their own for {missing:?}");
}

#[test]
fn no_file_is_longer_than_a_reader_lasts() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 520, "{path} has {lines} lines; split it by meaning");
    }
}

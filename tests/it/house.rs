//! The rules of the house that only the source can show.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::LazyLock,
};

use crate::contract::file;

/// The rooms: folders of `api` that are crates of their own. What a room may use stands in its `Cargo.toml`.
static ROOMS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folders = fs::read_dir(file("api")).unwrap().map(|entry| entry.unwrap());
    let crates = folders.filter(|folder| folder.path().join("Cargo.toml").exists());
    crates.map(|folder| folder.file_name().into_string().unwrap()).collect()
});

/// Every source file of the service: those of the service itself by their path below `api/src`, those of a room by
/// `<room>/<path below its src>`.
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
    let mut found = Vec::new();
    let root = file("api/src");
    walk(&root, &root, &mut found);
    for room in ROOMS.iter() {
        let (root, from) = (file(&format!("api/{room}/src")), found.len());
        walk(&root, &root, &mut found);
        for (path, _) in &mut found[from..] {
            *path = format!("{room}/{}", path.replace("lib.rs", "mod.rs"));
        }
    }
    found.sort();
    found
}

#[test]
fn statements_live_in_stores_and_tables() {
    let homes = ["reading.rs", "store.rs", "table.rs", "types.rs", "mod.rs"];
    for (path, text) in sources() {
        let is_room =
            ROOMS.iter().any(|room| path.starts_with(&format!("{room}/"))) && !path.starts_with("kernel/") && !path.starts_with("access/");
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
        for other in ROOMS.iter().filter(|other| *other != room) {
            for line in text.lines().filter(|line| line.contains(&format!("{other}::"))) {
                assert!(!line.contains("::api::"), "{path}: {line}");
            }
        }
    }
}

/// The modules of the service by their paths, each with its text: without comments and tests.
struct Modules(BTreeMap<Vec<String>, String>);

impl Modules {
    fn read() -> Self {
        let path = |file: &str| -> Vec<String> {
            let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
            path.split('/').filter(|part| *part != "lib").map(ToOwned::to_owned).collect()
        };
        let code = |text: &str| -> String {
            let code = text.split("#[cfg(test)]").next().unwrap();
            code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
        };
        Self(sources().into_iter().filter(|(file, _)| file != "main.rs").map(|(file, text)| (path(&file), code(&text))).collect())
    }

    /// The `use` items of a module, each path whole, with whether it is re-exported.
    fn uses(text: &str) -> Vec<(bool, String)> {
        fn flatten(prefix: &str, tree: &str, found: &mut Vec<String>) {
            let tree = tree.trim();
            let (Some(open), Some(close)) = (tree.find('{'), tree.rfind('}')) else {
                found.extend((!tree.is_empty()).then(|| format!("{prefix}{tree}")));
                return;
            };
            let (prefix, inner) = (format!("{prefix}{}", &tree[..open]), &tree[open + 1..close]);
            let (mut depth, mut from) = (0, 0);
            for (at, letter) in inner.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        flatten(&prefix, &inner[from..at], found);
                        from = at + 1;
                    }
                    _ => {}
                }
            }
            flatten(&prefix, &inner[from..], found);
        }
        let mut uses = Vec::new();
        for (at, _) in text.match_indices("use ") {
            let line = text[..at].rsplit('\n').next().unwrap().trim();
            if !line.is_empty() && !line.starts_with("pub") {
                continue;
            }
            let mut found = Vec::new();
            let item = text[at + 4..].split(';').next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            if !item.chars().all(|letter| letter.is_alphanumeric() || "_:{}, *".contains(letter)) {
                continue;
            }
            flatten("", &item, &mut found);
            uses.extend(found.into_iter().map(|path| (!line.is_empty(), path.split(" as ").next().unwrap().trim().to_owned())));
        }
        uses
    }

    /// The module that a path leads to from another module, through what is re-exported on the way.
    fn resolve(&self, from: &[String], path: &str, depth: usize) -> Option<Vec<String>> {
        let mut parts: Vec<&str> = path.split("::").map(str::trim).filter(|part| *part != "*" && *part != "self").collect();
        let mut here = from.to_vec();
        match *parts.first()? {
            "crate" => {
                // The rooms that a room uses go by their names in it.
                let within = from.first().filter(|room| ROOMS.contains(room));
                let below = within.zip(parts.get(1)).is_some_and(|(room, next)| room != next && ROOMS.iter().any(|room| room == next));
                here = within.filter(|_| !below).cloned().into_iter().collect();
                parts.remove(0);
            }
            "super" => {
                while parts.first() == Some(&"super") {
                    here.pop();
                    parts.remove(0);
                }
            }
            first if self.0.contains_key(&[from, &[first.to_owned()]].concat()) => {}
            _ => return None,
        }
        while let Some(next) =
            parts.first().map(|part| [here.as_slice(), &[(*part).to_owned()]].concat()).filter(|next| self.0.contains_key(next))
        {
            here = next;
            parts.remove(0);
        }
        let (Some(name), Some(text)) = (parts.first(), self.0.get(&here)) else { return Some(here).filter(|here| !here.is_empty()) };
        let defines = |text: &str| {
            ["fn", "struct", "enum", "trait", "type", "const", "static"].iter().any(|kind| text.contains(&format!("{kind} {name}")))
        };
        if depth < 5 && !defines(text) {
            for (_, shown) in Self::uses(text).into_iter().filter(|(shown, _)| *shown) {
                let named = shown.rsplit("::").next() == Some(name);
                if named || shown.ends_with("::*") {
                    let to = self.resolve(&here, &shown, depth + 1);
                    if let Some(to) = to.filter(|to| named || self.0.get(to).is_some_and(|text| defines(text))) {
                        return Some(to);
                    }
                }
            }
        }
        Some(here).filter(|here| !here.is_empty())
    }

    /// What each module uses: by imports, whatever their form, and by paths in the code.
    fn arrows(&self) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
        let mut arrows = BTreeMap::new();
        for (module, text) in &self.0 {
            let uses = Self::uses(text).into_iter().filter(|(shown, _)| !shown).map(|(_, path)| path);
            let paths = text.match_indices("crate::").filter(|(at, _)| !text[..*at].ends_with("use ")).map(|(at, _)| {
                text[at..].chars().take_while(|letter| letter.is_alphanumeric() || "_:".contains(*letter)).collect::<String>()
            });
            let found: BTreeSet<_> = uses
                .chain(paths)
                .filter_map(|path| self.resolve(module, path.trim_end_matches(':'), 0))
                .filter(|to| to != module)
                .collect();
            arrows.insert(module.clone(), found);
        }
        arrows
    }
}

/// Files that use one another in a circle, where untying them would only hide that they are one matter.
const ONE_MATTER: &[&str] = &["kernel", "registry/actors", "registry/mandates/types", "registry/relations"];

#[test]
fn files_use_one_another_in_no_circle() {
    let modules = Modules::read();
    let arrows = modules.arrows();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 1000, "the imports were read");
    // A module and those inside it are one matter.
    let nested = |one: &[String], other: &[String]| one.starts_with(other) || other.starts_with(one);
    let known = |module: &[String]| ONE_MATTER.iter().any(|known| format!("{}/", module.join("/")).starts_with(&format!("{known}/")));
    let mut circles = BTreeSet::new();
    for start in arrows.keys().filter(|module| !known(module)) {
        let (mut met, mut next) = (BTreeMap::from([(start.clone(), None)]), vec![start.clone()]);
        while let Some(here) = next.pop() {
            for to in arrows.get(&here).into_iter().flatten().filter(|to| !known(to) && !nested(&here, to)) {
                if to == start {
                    let (mut way, mut at) = (vec![start.join("/")], Some(here.clone()));
                    while let Some(step) = at {
                        at = met[&step].clone();
                        way.push(step.join("/"));
                    }
                    circles.insert(way.into_iter().rev().collect::<Vec<_>>().join(" → "));
                } else if !met.contains_key(to) {
                    met.insert(to.clone(), Some(here.clone()));
                    next.push(to.clone());
                }
            }
        }
    }
    assert!(circles.is_empty(), "move what both need to a file of its own: {circles:#?}");
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

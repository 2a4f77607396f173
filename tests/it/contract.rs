//! The published contract: golden files are current, examples are valid and complete, codelists have labels.

use std::{
    collections::BTreeSet,
    env, fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use samsyn::{
    kernel::contract::Contract,
    openapi::{CANONICAL_URL, document, older},
};
use serde_json::{Value, json};

use crate::{fixtures::EXAMPLES, pretty::pretty};

/// The path of a file of the repository.
pub fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Compares a golden file with its current content, or writes it when `SAMSYN_GOLDEN=write`.
pub fn golden(path: &str, current: &str) {
    let file = file(path);
    #[expect(clippy::disallowed_methods, reason = "golden.sh says so")]
    let write = env::var("SAMSYN_GOLDEN").is_ok_and(|what| what == "write");
    if write {
        fs::write(&file, current).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if kept != current {
        let at = kept.lines().zip(current.lines()).position(|(kept, current)| kept != current).unwrap_or_default();
        panic!(
            "{path} is not current (line {}):\n- {}\n+ {}\nrun openapi/golden.sh",
            at + 1,
            kept.lines().nth(at).unwrap_or_default(),
            current.lines().nth(at).unwrap_or_default()
        );
    }
}

/// The contract, built once.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(CANONICAL_URL));

/// The contract compiled, once for all tests that need it beside a service.
pub static COMPILED: LazyLock<Arc<Contract>> = LazyLock::new(|| Arc::new(Contract::new(&DOCUMENT).unwrap()));

/// Every operation as (method, path, operation), with its parameters in full.
pub fn operations() -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, operation)| operation.is_object()) {
            let mut operation = operation.clone();
            for parameter in operation["parameters"].as_array_mut().unwrap() {
                if let Some(reference) = parameter["$ref"].as_str() {
                    *parameter = DOCUMENT.pointer(&reference[1..]).unwrap().clone();
                }
            }
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

/// Whether a call's path belongs to a path of the contract.
pub fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('?').next().unwrap().split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(&path).all(|(known, given)| known == given || known.starts_with('{'))
}

/// A validator for a schema of the contract.
pub fn checker(schema: &Value) -> jsonschema::Validator {
    // Compiling all schemas of the contract takes long, so only the needed ones are included.
    let (mut needed, mut open) = (serde_json::Map::new(), vec![schema]);
    while let Some(value) = open.pop() {
        let name = value["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
        if let Some(name) = name.filter(|name| !needed.contains_key(*name)) {
            let named = &DOCUMENT["components"]["schemas"][name];
            needed.insert(name.to_owned(), named.clone());
            open.push(named);
        }
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let mut root = schema.clone();
    root["components"] = json!({"schemas": needed});
    jsonschema::draft202012::options().should_validate_formats(true).offline().build(&root).unwrap()
}

/// The contract with a reference in place of each example of the story.
fn with_examples_elsewhere() -> Value {
    let mut document = DOCUMENT.clone();
    let items = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in items.flat_map(|item| item.as_object_mut().unwrap().values_mut()).filter(|operation| operation.is_object()) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        let refer = |part: &mut Value, exchanged: &str| {
            for media_type in part["content"].as_object_mut().into_iter().flat_map(|content| content.values_mut()) {
                let media_type = media_type.as_object_mut().unwrap();
                let pointer = format!("/{name}/{exchanged}");
                if media_type
                    .remove("example")
                    .inspect(|example| assert_eq!(EXAMPLES.pointer(&pointer).unwrap()["value"], *example))
                    .is_some()
                {
                    media_type.insert("examples".to_owned(), json!({"story": {"$ref": format!("examples.json#{pointer}")}}));
                }
            }
        };
        if let Some(body) = operation.get_mut("requestBody") {
            refer(body, "request");
        }
        operation["responses"]
            .as_object_mut()
            .unwrap()
            .values_mut()
            .filter(|response| response.get("content").is_some())
            .for_each(|response| refer(response, "response"));
    }
    document
}

#[test]
fn the_golden_files_are_current() {
    golden("openapi/samsyn.json", &pretty(&with_examples_elsewhere()));
    golden("openapi/permissions.md", &samsyn::access::policy::table());
    golden("openapi/states.md", &samsyn::states::page());
    let public: Vec<_> = operations()
        .into_iter()
        .filter(|(_, _, operation)| operation["security"][0] == json!({}))
        .map(|(method, path, operation)| format!("{method} {path} {}", operation["operationId"].as_str().unwrap()))
        .collect();
    golden("openapi/public-operations.txt", &format!("{}\n", public.join("\n")));
    let config = samsyn::config::Config::load(&[], None, std::iter::empty(), &[]).unwrap();
    golden("docs/configuration.toml", &config.print());
}

/// Validates with the schema of the `OpenAPI` Initiative (Apache-2.0), from
/// <https://spec.openapis.org/oas/3.0/schema/2021-09-28>.
#[test]
fn the_older_form_is_valid() {
    let schema: Value = serde_json::from_str(include_str!("openapi-3.0.schema.json")).unwrap();
    let validator = jsonschema::draft4::options().offline().build(&schema).unwrap();
    let older = older(&DOCUMENT);
    let errors: Vec<_> = validator.iter_errors(&older).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // The schema does not notice a `nullable` without a type, nor a reference that leads nowhere.
    let mut open = vec![&older];
    while let Some(value) = open.pop() {
        assert!(value.get("nullable").is_none_or(|nullable| !nullable.is_boolean() || value["type"].is_string()), "{value}");
        if let Some(reference) = value["$ref"].as_str() {
            assert!(older.pointer(&reference[1..]).is_some(), "{reference}");
        }
        match value {
            Value::Object(members) => open.extend(members.iter().filter(|(name, _)| *name != "example").map(|(_, member)| member)),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    // It has the same operations and components.
    for part in ["/paths", "/components/schemas", "/components/parameters"] {
        let names = |document: &Value| document.pointer(part).unwrap().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&older), names(&DOCUMENT));
    }
}

#[test]
fn every_example_is_valid_and_every_body_has_one() {
    let mut missing = Vec::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        let body = &operation["requestBody"]["content"]["application/json"];
        let mut bodies = vec![(format!("{name} request"), body)];
        for (status, response) in operation["responses"].as_object().unwrap() {
            bodies.push((format!("{name} {status}"), &response["content"]["application/json"]));
        }
        for (what, body) in bodies.into_iter().filter(|(_, body)| !body.is_null()) {
            match body.get("example") {
                None => missing.push(format!("{what} ({method} {path})")),
                Some(example) => {
                    let errors: Vec<_> =
                        checker(&body["schema"]).iter_errors(example).map(|error| format!("{}: {error}", error.instance_path())).collect();
                    assert!(errors.is_empty(), "{what}: {errors:?}\n{example}");
                }
            }
        }
    }
    assert!(missing.is_empty(), "without an example: {missing:#?}");
}

#[test]
fn every_enumeration_has_labels_in_both_languages() {
    let labels: Value = serde_json::from_str(&fs::read_to_string(file("api/guidance/src/packs/codelists.json")).unwrap()).unwrap();
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        for code in schema["enum"].as_array().into_iter().flatten() {
            let label = &labels[name][code.as_str().unwrap()];
            assert!(label[0].is_string() && label[1].is_string(), "{name}: {code} has no label");
        }
    }
}

#[test]
fn no_two_operations_have_one_name_and_no_two_schemas_are_one() {
    let names: Vec<_> = operations().into_iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    // Types of the same name in two places of the source would overwrite each other silently.
    let mut seen = BTreeSet::new();
    for (path, text) in crate::house::sources() {
        let lines = text.lines();
        let mut schema = false;
        let mut renamed = None;
        for line in lines {
            schema |= line.contains("ToSchema") && line.contains("derive");
            if let Some(name) = line.split("schema(as = ").nth(1) {
                renamed = name.split([')', ',']).next().map(ToOwned::to_owned);
            }
            let declared = line.trim().trim_start_matches("pub ").trim_start_matches("pub(super) ");
            if let Some(name) = declared.strip_prefix("struct ").or(declared.strip_prefix("enum ")) {
                if schema {
                    let name = renamed.take().unwrap_or_else(|| name.split([' ', '<', '(']).next().unwrap().to_owned());
                    assert!(seen.insert(name.clone()), "{path}: another type is called {name} in the contract");
                }
                schema = false;
                renamed = None;
            }
        }
    }
}

#[test]
fn every_handler_of_the_source_is_in_the_contract() {
    // A search is the same handler as its list.
    let known: BTreeSet<_> = operations()
        .into_iter()
        .filter(|(_, _, operation)| operation.get("x-search-of").is_none())
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let mut found = BTreeSet::new();
    for (path, text) in crate::house::sources() {
        let handlers = text.matches("#[utoipa::path(").count();
        let routes = ["#[get(\"", "#[post(\"", "#[put(\"", "#[patch(\"", "#[delete(\""]
            .iter()
            .map(|route| text.matches(route).count())
            .sum::<usize>();
        // Pages, health checks and the addresses of OAuth are no operations.
        let beside = path.starts_with("service/") || path.starts_with("access/oauth/") || path.ends_with("/pages.rs");
        assert!(handlers == routes || beside, "{path}: a route without a description");
        found.extend(text.split("operation_id = \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    assert_eq!(found, known);
}

//! `include=allowedActions`, for every operation that shows one record: the parameter, and the member of the record.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kernel::contract::{ALLOWED_ACTIONS, FOR_EACH_PARTY, acts_on};

/// Adds `include=allowedActions` to every operation that shows one record.
pub(super) fn add_allowed_actions(document: &mut Value) {
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let paths: Vec<String> = document["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone()).collect();
    for path in paths.iter().filter(|path| path.ends_with("Id}")) {
        let operation = &document["paths"][path]["get"];
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = answer.as_str().and_then(|name| name.strip_prefix("#/components/schemas/")).map(ToOwned::to_owned) else {
            continue;
        };
        // An answer without an id is no record; a trace is an example.
        if document["components"]["schemas"][&schema]["properties"].get("id").is_none() {
            continue;
        }
        // The value is the name of a member and not a code, which would be in snake_case. So it is a pattern, as for `sort`.
        let parameter = json!({
            "name": "include", "in": "query", "required": false, "style": "form", "explode": false,
            "description": "`allowedActions` adds the operations on the record, and below it, that the caller may carry out.",
            "schema": {"type": "array", "items": {"type": "string", "pattern": format!("^{ALLOWED_ACTIONS}$"), "example": ALLOWED_ACTIONS}}
        });
        let operation = &mut document["paths"][path]["get"];
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
        shown.entry(schema).or_default().extend(actions(document, path));
    }
    for (schema, actions) in shown {
        let known = if actions.is_empty() {
            "none yet".to_owned()
        } else {
            actions.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
        };
        // Not required, because it is present only when it is asked for.
        document["components"]["schemas"][&schema]["properties"][ALLOWED_ACTIONS] = json!({
            "type": "array",
            "items": {"type": "string"},
            "description": format!("Present only with `include=allowedActions`: the operations that the caller has permission to carry out on this record, among {known}. The record's state may still forbid them (409)."),
        });
    }
}

/// The operations that change the record at a path.
fn actions(document: &Value, record: &str) -> Vec<String> {
    let mut actions = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if acts_on(record, method, path, operation[FOR_EACH_PARTY] == true).is_some() {
                actions.extend(operation["operationId"].as_str().map(ToOwned::to_owned));
            }
        }
    }
    actions.sort();
    actions
}

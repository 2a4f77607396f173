//! The places of an operation where a code may stand for an id.

use serde_json::Value;

use super::{CODE_OF, array, object, resolve};

/// The places of a call where a code may stand for an id, each with the value of [`CODE_OF`].
#[derive(Debug, Default)]
pub struct Coded {
    /// The names of path parts and parameters.
    pub parameters: Vec<(String, String)>,
    /// The paths to values in the body: the names of members in order, with `None` for every item of a list.
    pub body: Vec<(Vec<Option<String>>, String)>,
}

impl Coded {
    pub(super) fn from_operation(document: &Value, operation: &Value) -> Self {
        let mut parameters = Vec::new();
        for parameter in array(&operation["parameters"]).map(|parameter| resolve(document, parameter)) {
            let mut found = Vec::new();
            find_codes(document, &parameter["schema"], &mut Vec::new(), &mut found);
            let name = parameter["name"].as_str().unwrap_or_default();
            parameters.extend(found.into_iter().map(|(_, of)| (name.to_owned(), of)));
        }
        let mut body = Vec::new();
        for (_, form) in object(&operation["requestBody"]["content"]) {
            find_codes(document, &form["schema"], &mut Vec::new(), &mut body);
        }
        body.dedup();
        Self { parameters, body }
    }
}

/// Adds to `found` all places in a schema where a code may stand for an id. `path` leads to the schema.
fn find_codes(document: &Value, schema: &Value, path: &mut Vec<Option<String>>, found: &mut Vec<(Vec<Option<String>>, String)>) {
    // No body of the contract is deeper. The limit ends schemas that contain themselves.
    if path.len() > 8 {
        return;
    }
    let schema = resolve(document, schema);
    if let Some(of) = schema[CODE_OF].as_str() {
        found.push((path.clone(), of.to_owned()));
    }
    for (name, member) in object(&schema["properties"]) {
        path.push(Some(name.clone()));
        find_codes(document, member, path, found);
        path.pop();
    }
    if schema["items"].is_object() {
        path.push(None);
        find_codes(document, &schema["items"], path, found);
        path.pop();
    }
    for form in ["anyOf", "oneOf", "allOf"] {
        array(&schema[form]).for_each(|form| find_codes(document, form, path, found));
    }
}

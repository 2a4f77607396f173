//! The contract for generators that read an older form of it.

use serde_json::{Value, json};

use super::each;

/// The contract in the words of `OpenAPI` 3.0.3, for generators that read only that.
#[must_use]
pub fn older(document: &Value) -> Value {
    let mut older = document.clone();
    older["openapi"] = json!("3.0.3");
    each(&mut older, &mut |value| {
        let Some(object) = value.as_object_mut() else { return };
        if let Some(types) = object.get("type").and_then(Value::as_array).cloned() {
            let plain: Vec<_> = types.iter().filter(|kind| *kind != "null").cloned().collect();
            object.insert("nullable".into(), json!(true));
            if let [one] = plain.as_slice() {
                object.insert("type".into(), one.clone());
            }
        }
        let forms = object.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
        if forms.iter().any(|form| form["type"] == "null") {
            object.remove("oneOf");
            object.insert("nullable".into(), json!(true));
            object.insert("allOf".into(), forms.into_iter().filter(|form| form["type"] != "null").collect());
        }
        if let Some(constant) = object.remove("const") {
            object.insert("enum".into(), json!([constant]));
        }
        if object.contains_key("$ref") {
            object.retain(|name, _| name == "$ref");
        }
        if let Some(content) = object.get_mut("content").and_then(Value::as_object_mut) {
            content.remove("application/merge-patch+json");
        }
    });
    older
}

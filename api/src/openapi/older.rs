//! The contract in an older form.

use serde_json::{Value, json};

use super::visit_objects;

/// Converts the contract to `OpenAPI` 3.0.3, for generators that read only that.
#[must_use]
pub fn older(document: &Value) -> Value {
    let mut older = document.clone();
    older["openapi"] = json!("3.0.3");
    visit_objects(&mut older, &mut |value| {
        let Some(object) = value.as_object_mut() else { return };
        if object.contains_key("$ref") {
            object.retain(|name, _| name == "$ref");
            return;
        }
        if let Some([kind, null]) = object.get("type").and_then(Value::as_array).map(Vec::as_slice)
            && null == "null"
        {
            let kind = kind.clone();
            object.insert("type".into(), kind);
            object.insert("nullable".into(), json!(true));
        }
        for form in object.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
            if form["type"] == "null" {
                // `nullable` without a type has no effect.
                *form = json!({"type": "object", "nullable": true, "enum": [null]});
            }
        }
        if let Some(constant) = object.remove("const") {
            object.insert("enum".into(), json!([constant]));
        }
        for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            if let Some(number) = object.get(exclusive).filter(|number| number.is_number()).cloned() {
                object.insert(limit.into(), number);
                object.insert(exclusive.into(), json!(true));
            }
        }
        object.remove("propertyNames");
        if let Some(content) = object.get_mut("content").and_then(Value::as_object_mut) {
            content.remove("application/merge-patch+json");
        }
    });
    older
}

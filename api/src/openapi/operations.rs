//! Completes every operation from its path, its method and its permission.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{EXAMPLES, problem_responses};
use crate::access::policy::{Permission, Standing, allows};

/// Completes all operations.
pub(super) fn complete(document: &mut Value) {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    document["components"]["responses"] = problem_responses(&examples);
    let versioned = versioned(&document["components"]["schemas"]);
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        let single = item.as_object().is_some_and(|item| item.len() == 1);
        let mut summary = Value::Null;
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete_operation(path, method, operation, &versioned, &examples);
            summary = operation["summary"].clone();
        }
        if single {
            item["summary"] = summary;
        }
    }
}

/// The parameters of a path: UUIDs, ids of other systems, and codes.
fn path_parameters(path: &str) -> Vec<Value> {
    path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .map(|name| {
            let schema = if name == "externalId" {
                json!({"type": "string", "minLength": 1, "maxLength": 200})
            } else if name.ends_with("Id") { json!({"type": "string", "format": "uuid"}) } else { json!({"type": "string", "maxLength": 100}) };
            json!({"name": name, "in": "path", "required": true, "description": format!("The {name} from another answer."), "schema": schema})
        })
        .collect()
}

/// Adds the example of a body, and the media types of a patch.
fn complete_body(method: &str, operation: &mut Value, example: &Value) {
    if let Some(request) = example.pointer("/request/value") {
        operation["requestBody"]["content"]["application/json"]["example"] = request.clone();
    }
    operation["requestBody"]["required"] = json!(true);
    for (kind, content) in operation["requestBody"]["content"].as_object_mut().into_iter().flatten() {
        // A workbook is binary.
        if kind.starts_with("application/vnd.") {
            content["schema"] = json!({"type": "string", "format": "binary"});
        }
    }
    if method == "patch" {
        let content = operation["requestBody"]["content"]["application/json"].clone();
        operation["requestBody"]["content"]["application/merge-patch+json"] = content;
    }
}

/// The problems of a call with an old version (412), or without a version (428).
const fn preconditions(versioned: bool, unread: bool) -> &'static [&'static str] {
    match (versioned, unread) {
        (true, false) => &["412", "428"],
        (true, true) => &["412"],
        (false, _) => &[],
    }
}

/// References to the schemas of records that have a version, and so an `ETag`.
fn versioned(schemas: &Value) -> BTreeSet<String> {
    let all = schemas.as_object().into_iter().flatten().filter(|(_, schema)| schema["properties"].get("version").is_some());
    all.map(|(name, _)| format!("#/components/schemas/{name}")).collect()
}

fn complete_operation(path: &str, method: &str, operation: &mut Value, tagged: &BTreeSet<String>, examples: &Value) {
    let key = operation["x-permission"].as_str().unwrap_or_default().to_owned();
    let permission = Permission::ALL.iter().copied().find(|permission| permission.key() == key);
    let open = permission.is_some_and(|permission| allows(Standing::Everyone, permission));
    operation["security"] = if open { json!([{}, {"bearer": []}]) } else { json!([{"bearer": []}]) };
    let description = operation["description"].as_str().unwrap_or_default().trim().to_owned();
    let words = permission.map(|permission| format!(" ({})", permission.words().en)).unwrap_or_default();
    operation["description"] = json!(format!("{description}\n\nPermission: `{key}`{words}.").trim());
    let writes = method != "get";
    let body = operation.get("requestBody").is_some();
    let versioned = matches!(method, "patch" | "delete" | "put") && !path.contains("/sessions/");
    // A partner system sends its records without reading them here first.
    let unread = method == "put" && path.ends_with("/{externalId}");

    let mut parameters = path_parameters(path);
    parameters.extend(operation["parameters"].as_array().cloned().unwrap_or_default());
    parameters.push(header(
        "traceparent",
        "The trace that the call belongs to (W3C Trace Context).",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ));
    if method == "post" {
        parameters.push(header("Idempotency-Key", "A text that the caller makes anew for each new call. A repeated call with the same key gets the same answer and is carried out only once.", "8e03978e-40d5-43e8-bc93-6894a57f9324"));
    }
    if method == "get" && operation["responses"].get("301").is_some() {
        parameters.push(header("Prefer", "`handling=strict` answers 410 with a problem instead of 301 (RFC 7240).", "handling=strict"));
    }
    if unread {
        parameters.push(header(
            "If-Match",
            "The `ETag` of the version that is changed; it may be left out, and is checked when sent.",
            "\"v1\"",
        ));
    } else if versioned {
        let mut tag = header("If-Match", "The `ETag` of the version that is changed.", "\"v1\"");
        tag["required"] = json!(true);
        parameters.push(tag);
    }
    if method == "get" {
        parameters.push(header("If-None-Match", "The `ETag` that you have. The answer is 304 when it is still the present one.", "\"v1\""));
    }
    operation["parameters"] = json!(parameters);

    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let example = &examples[&id];
    if body {
        complete_body(method, operation, example);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        complete_headers(&id, method, status, response, tagged);
        if let (Some(answer), Some(_)) = (example.pointer("/response/value"), response.get("content")) {
            response["content"]["application/json"]["example"] = answer.clone();
        }
    }
    if let Some(tag) = responses.get("200").map(|response| &response["headers"]["ETag"]).filter(|tag| method == "get" && tag.is_object()) {
        let unchanged = json!({"description": "Unchanged since the tag in `If-None-Match`. There is no body.", "headers": {"ETag": tag, "traceparent": trace_header()}});
        responses.insert("304".to_owned(), unchanged);
    }
    let mut statuses = vec!["400", "401", "406", "429", "500", "503"];
    statuses.extend(preconditions(versioned, unread));
    if !open || writes {
        statuses.push("403");
    }
    if path.contains('{') {
        statuses.push("404");
    }
    if writes {
        statuses.extend(["409", "413", "507"]);
    }
    if body {
        statuses.extend(["415", "422"]);
    }
    if id.starts_with("batch") {
        // The problems of a single operation in the batch.
        statuses.extend(["404", "412"]);
    }
    if id.starts_with("list") {
        statuses.extend(["410", "422"]);
    }
    if path.starts_with("/actors/{actorId}") {
        // The actor may have been merged into another.
        statuses.push("410");
    }
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        responses.insert(status.to_owned(), json!({"$ref": format!("#/components/responses/Problem{status}")}));
    }
    responses.sort_keys();
}

fn trace_header() -> Value {
    json!({"description": "The trace that the answer belongs to.", "schema": {"type": "string"}})
}

/// Adds the headers of a successful answer.
fn complete_headers(id: &str, method: &str, status: &str, response: &mut Value, tagged: &BTreeSet<String>) {
    let mut headers = json!({"traceparent": trace_header(),
        "X-Request-Id": {"description": "Identifies the call, also in the log.", "schema": {"type": "string"}}});
    rate_limits(&mut headers);
    // A streamed answer has no ETag, because its content is not known when it begins.
    let only_streamed = response["content"].get("text/csv").is_some() && response["content"].get("application/json").is_none();
    let shown = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
    let versioned = tagged.contains(shown);
    if (status.starts_with('2') && status != "204" && !only_streamed) && (versioned || method == "get") {
        headers["ETag"] = json!({"description": "Identifies this version of the answer.", "schema": {"type": "string", "format": "etag"}});
    }
    let location = match status {
        "201" => "The address of the new record, or of the record that was changed.",
        "202" if response.get("content").is_some() => "The address that shows the progress.",
        "301" => "The address of the record that it was merged into.",
        _ => "",
    };
    if !location.is_empty() {
        headers["Location"] = json!({"description": location, "schema": {"type": "string", "format": "uri-reference"}});
    }
    if id.starts_with("list") && response["content"].get("text/csv").is_some() {
        headers["Link"] = json!({"description": "The first and the next page (RFC 8288).", "schema": {"type": "string"}});
    }
    if let (Some(own), Some(all)) = (response["headers"].as_object().cloned(), headers.as_object_mut()) {
        all.extend(own);
    }
    response["headers"] = headers;
}

/// Adds the headers with the caller's limits, and with the calls that remain.
pub(super) fn rate_limits(headers: &mut Value) {
    headers["RateLimit-Policy"] = json!({
        "description": "The limits that concern the caller: how many calls (`q`) within how many seconds (`w`). Missing when there is no limit.",
        "schema": {"type": "string"}, "example": "\"caller\";q=1200;w=60, \"day\";q=200000;w=86400"
    });
    headers["RateLimit"] = json!({
        "description": "What remains of each limit (`r`), and for how many seconds (`t`).",
        "schema": {"type": "string"}, "example": "\"caller\";r=1199;t=42, \"day\";r=199999;t=43200"
    });
}

fn header(name: &str, description: &str, example: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string", "minLength": 1, "maxLength": 255}, "example": example})
}

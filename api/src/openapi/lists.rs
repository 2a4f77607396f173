//! Additions to every list: it can be answered whole as a table, and called with a body. Both are derived from the operation of
//! the list.

use serde_json::{Map, Value, json};

use super::EXAMPLES;
use crate::{
    exchange::columns,
    kernel::{
        export::{CHANGE_CURSOR, Format},
        twin::SEARCH,
    },
};

/// The most values of one filter in an address.
const MAX_IN_ADDRESS: u64 = 50;
/// The most values of one filter in a body.
const MAX_IN_BODY: u64 = 1000;

/// The most characters of one value in a list of values.
const MAX_TEXT: u64 = 200;

/// Parameters that do not filter items.
const ORDINARY: &[&str] = &["limit", "cursor", "offset", "include", "fields", "expand", "sort", "format"];

/// The lists of the contract, by path.
fn list_paths(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let is_list = |item: &Value| item["get"]["operationId"].as_str().is_some_and(|id| id.starts_with("list"));
    paths.filter(|(_, item)| is_list(item)).map(|(path, _)| path.clone()).collect()
}

/// The name of the schema of a list's page.
fn page_schema<'a>(document: &'a Value, path: &str) -> Option<&'a str> {
    let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
}

/// Adds the Swedish headings that tables of actors have. An import reads the same headings.
pub(super) fn add_headings(document: &mut Value) {
    let actor = &mut document["components"]["schemas"]["Actor"];
    let names = actor["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
    let headings: serde_json::Map<_, _> =
        names.filter_map(|name| Some((name.clone(), json!(columns::COLUMNS.find_by_member(name)?.swedish)))).collect();
    actor["x-headings"] = json!(headings);
}

/// Adds to every list the answer as a table, except to a feed, which has no end.
pub(super) fn add_tables(document: &mut Value) {
    for path in list_paths(document) {
        limit_lists(&mut document["paths"][&path]["get"]["parameters"]);
        let whole =
            page_schema(document, &path).is_some_and(|name| document["components"]["schemas"][name]["properties"].get("total").is_some());
        if !whole {
            continue;
        }
        let operation = &mut document["paths"][&path]["get"];
        let parameter = json!({
            "name": "format", "in": "query", "required": false,
            "description": "The form of the answer. It takes precedence over `Accept`. `json` is one page. The others are the whole list from `cursor` on, whatever `limit` says: `csv` (RFC 4180), `excel-sv` (CSV as Excel reads it in Sweden), `xlsx` and `ndjson` (one JSON object per line).",
            "schema": {"type": "string", "pattern": format!("^({})$", Format::NAMES.join("|")), "example": "csv"}
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
        operation["responses"]["200"]["headers"][CHANGE_CURSOR] = json!({
            "description": "With a table: the cursor for `/changes` that keeps the table up to date, as `changeCursor` of a page.",
            "schema": {"type": "string"}
        });
        let content = &mut operation["responses"]["200"]["content"];
        for kind in Format::MEDIA_TYPES {
            content[kind] = match kind {
                "text/csv" => {
                    json!({"schema": {"type": "string", "description": "A line of headings, and a line for each item. `text/csv; dialect=excel-sv` is as Excel reads it in Sweden."}})
                }
                "application/x-ndjson" => {
                    json!({"schema": {"type": "string", "description": "One item per line, as in `items` of the JSON answer."}})
                }
                _ => json!({"schema": {"type": "string", "format": "binary", "description": "A workbook with one sheet."}}),
            };
        }
    }
}

/// Limits the number of values in parameters that are lists, and the length of each value.
fn limit_lists(parameters: &mut Value) {
    for parameter in parameters.as_array_mut().into_iter().flatten() {
        let schema = &mut parameter["schema"];
        if schema["type"] == "array" && schema.get("maxItems").is_none() {
            schema["maxItems"] = json!(MAX_IN_ADDRESS);
            let items = &mut schema["items"];
            if items["type"] == "string" && ["enum", "format", "pattern", "maxLength"].iter().all(|limit| items.get(limit).is_none()) {
                items["maxLength"] = json!(MAX_TEXT);
            }
        }
    }
}

/// Adds a search to every list with filters: the same operation, with its parameters as members of a body.
pub(super) fn add_searches(document: &mut Value) {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let mut found = Vec::new();
    for path in list_paths(document) {
        let parameters = document["paths"][&path]["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let is_filter =
            |parameter: &Value| parameter["in"] == "query" && parameter["name"].as_str().is_some_and(|name| !ORDINARY.contains(&name));
        let Some(item) = page_schema(document, &path).and_then(|page| page.strip_suffix("Page")) else { continue };
        if parameters.iter().any(is_filter) {
            found.push((path.clone(), format!("{item}Search")));
        }
    }
    for (path, schema) in &found {
        document["components"]["schemas"][schema] = search_body(&document["paths"][path]["get"]);
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let mut all = Map::new();
    for (path, item) in std::mem::take(paths) {
        let search =
            found.iter().find(|(list, _)| *list == path).map(|(_, schema)| search_operation(&path, &item["get"], schema, &examples));
        all.insert(path.clone(), item);
        if let Some(search) = search {
            all.insert(format!("{path}{SEARCH}"), json!({"summary": search["summary"], "post": search}));
        }
    }
    *paths = all;
}

/// The parameters of a list as members of a body.
fn search_body(list: &Value) -> Value {
    let mut properties = Map::new();
    for parameter in list["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
        let mut schema = parameter["schema"].clone();
        schema["description"] = parameter["description"].clone();
        if schema["maxItems"] == MAX_IN_ADDRESS {
            schema["maxItems"] = json!(MAX_IN_BODY);
        }
        if let Some(example) = parameter.get("example") {
            schema["example"] = example.clone();
        }
        properties.insert(parameter["name"].as_str().unwrap_or_default().to_owned(), schema);
    }
    json!({
        "type": "object", "additionalProperties": false, "properties": properties,
        "description": "The parameters of the list as members. A member that is left out has the same default as the parameter."
    })
}

/// The operation that calls a list with a body.
fn search_operation(path: &str, list: &Value, schema: &str, examples: &Value) -> Value {
    let mut search = list.clone();
    let id = list["operationId"].as_str().unwrap_or_default();
    let own = format!("search{}", id.trim_start_matches("list"));
    let summary = list["summary"].as_str().unwrap_or_default().replacen("List ", "Search ", 1);
    let description = list["description"].as_str().unwrap_or_default();
    search["operationId"] = json!(own);
    search["summary"] = json!(summary);
    search["description"] = json!(format!(
        "`GET {path}` with its parameters as members of a body, for filters that are too long for an address: a list of values may have {MAX_IN_BODY}. It changes nothing, and the answer is the same. A cursor is valid only for this address and the same members.\n\n{description}"
    ));
    search["x-search-of"] = json!(id);
    if let Some(responses) = search["responses"].as_object_mut() {
        responses.remove("304");
    }
    if let Some(parameters) = search["parameters"].as_array_mut() {
        parameters.retain(|parameter| parameter["in"] != "query" && parameter["name"] != "If-None-Match");
    }
    let mut content = json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
    if let Some(example) = examples[&own].pointer("/request/value") {
        content["example"] = example.clone();
    }
    search["requestBody"] = json!({"required": true, "content": {"application/json": content}});
    let answer = &mut search["responses"]["200"];
    if let Some(headers) = answer["headers"].as_object_mut() {
        headers.remove("ETag");
        headers.remove("Link");
    }
    if let Some(content) = answer["content"]["application/json"].as_object_mut() {
        content.remove("example");
        content.extend(examples[&own].pointer("/response/value").map(|example| ("example".to_owned(), example.clone())));
    }
    for status in ["413", "415", "422"] {
        search["responses"][status] = json!({"$ref": format!("#/components/responses/Problem{status}")});
    }
    if let Some(responses) = search["responses"].as_object_mut() {
        responses.sort_keys();
    }
    search
}

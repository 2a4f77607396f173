//! Moves parameters, headers and answers that several operations share to the components, so that each stands once.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// The component for the answer 304.
const NOT_MODIFIED: &str = "NotModified";

/// The query parameters that are the same in many operations. Filters are described where they are used.
const PAGING: [&str; 6] = ["limit", "cursor", "offset", "include", "fields", "format"];

/// Moves everything that operations share to the components, and refers to it.
pub(super) fn share_components(document: &mut Value) {
    let headers = repeated_values(responses(document).filter_map(|response| response.get_mut("headers")).flat_map(by_name));
    for response in responses(document) {
        response.get_mut("headers").into_iter().flat_map(by_name).for_each(|(name, header)| replace(header, &name, "headers", &headers));
    }
    document["components"]["headers"] = headers.into();

    let parameters = repeated_values(parameters(document));
    for (name, parameter) in self::parameters(document) {
        replace(parameter, &name, "parameters", &parameters);
    }
    document["components"]["parameters"] = parameters.into();

    let mut unchanged = None;
    for (_, operation) in operations(document) {
        if let Some(response) = operation["responses"].get_mut("304") {
            unchanged = Some(std::mem::replace(response, json!({"$ref": format!("#/components/responses/{NOT_MODIFIED}")})));
        }
    }
    document["components"]["responses"].as_object_mut().into_iter().for_each(|all| {
        all.extend(unchanged.take().map(|unchanged| (NOT_MODIFIED.to_owned(), unchanged)));
        all.sort_keys();
    });
}

/// The values that occur several times, by name. When several such values have one name, the most common one keeps it.
fn repeated_values<'a>(all: impl Iterator<Item = (String, &'a mut Value)>) -> Map<String, Value> {
    let mut counts: HashMap<(String, String), (usize, Value)> = HashMap::new();
    for (name, value) in all {
        counts.entry((name, value.to_string())).or_insert_with(|| (0, value.clone())).0 += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, (count, _))| *count > 1).collect();
    counts.sort_by(|(a, (few, _)), (b, (many, _))| many.cmp(few).then_with(|| a.cmp(b)));
    let mut common = Map::new();
    for ((name, _), (_, value)) in counts {
        common.entry(name).or_insert(value);
    }
    common.sort_keys();
    common
}

fn replace(value: &mut Value, name: &str, kind: &str, common: &Map<String, Value>) {
    if common.get(name) == Some(value) {
        *value = json!({"$ref": format!("#/components/{kind}/{name}")});
    }
}

/// The parameters that operations may share, by the name of their component.
fn parameters(document: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    operations(document).flat_map(|(id, operation)| {
        let all = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        all.filter_map(move |parameter| {
            let name = parameter["name"].as_str()?;
            let name = match parameter["in"].as_str()? {
                "query" if !PAGING.contains(&name) => return None,
                "query" if id.starts_with("list") => format!("{name}OfList"),
                _ => name.to_owned(),
            };
            Some((name, parameter))
        })
    })
}

/// Every response, in operations and in components.
fn responses(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let mut all: Vec<&mut Value> = Vec::new();
    for (kind, part) in by_name(document) {
        match kind.as_str() {
            "paths" => all.extend(
                operations_of(part)
                    .filter_map(|(_, operation)| operation.get_mut("responses"))
                    .flat_map(by_name)
                    .map(|(_, response)| response),
            ),
            "components" => all.extend(part.get_mut("responses").into_iter().flat_map(by_name).map(|(_, response)| response)),
            _ => {}
        }
    }
    all.into_iter()
}

fn operations(document: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    document.get_mut("paths").into_iter().flat_map(operations_of)
}

fn operations_of(paths: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    by_name(paths)
        .flat_map(|(_, item)| by_name(item))
        .filter_map(|(_, operation)| Some((operation["operationId"].as_str()?.to_owned(), operation)))
}

fn by_name(value: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    value.as_object_mut().into_iter().flatten().map(|(name, value)| (name.clone(), value))
}

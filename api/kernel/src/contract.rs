//! The published contract, compiled for checking requests. Bodies and parameters are checked against the same schemas that clients
//! read, so documented limits are enforced, and all faults are found at once.

mod codes;
mod parameters;

use std::{collections::HashMap, sync::Arc};

use actix_web::http::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use self::{codes::Coded, parameters::ParameterType};
use super::{
    export::{self, Column, Format},
    fields::Item,
    language::{Text, say},
    problem::{Fault, Problem, Result},
    schema::{self, faults},
    secrecy::{self, Forms},
    text, twin,
};

/// The path of the API's root.
pub const ROOT: &str = "/samsyn/v1";

/// The member of a record that lists the operations on it that the caller may carry out. It is also the value of `include` that asks
/// for it.
pub const ALLOWED_ACTIONS: &str = "allowedActions";

/// The extension of a schema for an id that may be given as a code. Its value is the kind of thing that the code stands for.
pub const CODE_OF: &str = "x-code-of";

/// The extension of an operation whose body may be a file that is larger than other bodies: `always` or `when-large` ([`FileBody`]).
const FILE_BODY: &str = "x-file-body";

/// The extension of an operation that each party carries out for itself, with its own id in the path.
pub const FOR_EACH_PARTY: &str = "x-for-each-party";

/// The cases in which the handler of a POST receives the body itself, as a file with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileBody {
    /// At any size.
    Always,
    /// When it is larger than other bodies may be. The middleware reads smaller ones like any body.
    WhenLarge,
}

/// One operation of the contract.
#[derive(Debug)]
pub struct Operation {
    /// The `operationId`.
    pub id: String,
    /// The key of the permission that the operation needs.
    pub permission: String,
    /// The members of the answer, or of one item of a list, that `fields` may choose.
    pub members: Vec<String>,
    /// The HTTP status of success.
    pub success: u16,
    /// The media types of the successful answer.
    pub media_types: Vec<String>,
    /// The places where a code may stand for an id.
    pub coded: Coded,
    /// The columns of the list as a table; empty when the operation is no list that can be exported.
    pub columns: Vec<Column>,
    /// The body of the search; `None` when the operation is no search.
    search: Option<twin::Body>,
    /// Whether each party carries the operation out for itself ([`FOR_EACH_PARTY`]).
    for_each_party: bool,
    /// The names and types of the query's parameters.
    parameters: Vec<(String, ParameterType)>,
    /// The schema of all parameters together, as one object.
    query: Validator,
}

/// An operation that changes a record, or something below its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The `operationId`.
    pub id: String,
    /// The key of the permission that the operation needs.
    pub permission: String,
    /// Whether each party carries the operation out for itself. Any caller who holds the permission for some actor may then do it.
    pub for_a_party: bool,
}

/// Returns the number of parameters in a pattern.
fn parameters_in(pattern: &str) -> usize {
    pattern.matches('{').count()
}

/// Returns the first part of a path below the root.
fn first_part(path: &str) -> &str {
    path.strip_prefix(ROOT).unwrap_or(path).trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// The contract, compiled.
#[derive(Debug)]
pub struct Contract {
    /// The operations by the pattern of their path.
    operations: HashMap<String, Vec<(Method, Arc<Operation>)>>,
    /// The patterns by their first part below the root.
    patterns: HashMap<String, Vec<String>>,
    /// The schemas of request bodies, by name.
    bodies: HashMap<String, Validator>,
    /// The paths of the operations whose body may be a file. They have no parameters.
    files: HashMap<String, FileBody>,
    /// The members of the kinds of record that can be under secrecy: those whose schema has the member `redacted`.
    records: HashMap<String, Forms>,
}

impl Contract {
    /// Compiles an `OpenAPI` document.
    ///
    /// # Errors
    /// When the document refers to a schema that it lacks, or an operation has no permission or an invalid extension.
    pub fn new(document: &Value) -> Result<Self, String> {
        let components = &document["components"];
        let compile = |schema: Value| schema::compile(&schema, &components["schemas"]);
        let mut operations: HashMap<String, Vec<_>> = HashMap::new();
        let mut bodies = HashMap::new();
        let mut files = HashMap::new();
        for (path, item) in object(&document["paths"]) {
            for (method, described) in object(item).filter(|(_, described)| described.is_object()) {
                let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).map_err(|error| error.to_string())?;
                let mut parameters = Vec::new();
                let mut properties = Map::new();
                for parameter in array(&described["parameters"]).map(|parameter| resolve(document, parameter)) {
                    if parameter["in"] == "query" {
                        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                        let schema = &parameter["schema"];
                        parameters.push((name.clone(), parameter_type(resolve(document, schema))));
                        properties.insert(name, schema.clone());
                    }
                }
                if let Some(name) = schema::reference(&described["requestBody"]["content"]["application/json"]["schema"]) {
                    bodies.entry(name.to_owned()).or_insert(compile(json!({"$ref": format!("#/components/schemas/{name}")}))?);
                }
                match described[FILE_BODY].as_str() {
                    Some("always") => drop(files.insert(format!("{ROOT}{path}"), FileBody::Always)),
                    Some("when-large") => drop(files.insert(format!("{ROOT}{path}"), FileBody::WhenLarge)),
                    Some(other) => return Err(format!("{FILE_BODY} is neither always nor when-large: {other}")),
                    None => {}
                }
                if described["x-permission"].as_str().is_none_or(str::is_empty) {
                    return Err(format!("the handler of {} names no permission in its signature", described["operationId"]));
                }
                let operation = Operation {
                    id: described["operationId"].as_str().unwrap_or_default().to_owned(),
                    permission: described["x-permission"].as_str().unwrap_or_default().to_owned(),
                    members: members(document, described),
                    coded: Coded::from_operation(document, described),
                    columns: export::columns(document, described),
                    search: twin::Body::from_operation(document, described)?,
                    for_each_party: described[FOR_EACH_PARTY] == true,
                    success: answer(described).and_then(|(status, _)| status.parse().ok()).unwrap_or(200),
                    media_types: answer(described)
                        .map(|(_, answer)| object(&answer["content"]).map(|(kind, _)| kind.clone()).collect())
                        .unwrap_or_default(),
                    parameters,
                    query: compile(json!({"type": "object", "properties": properties}))?,
                };
                operations.entry(format!("{ROOT}{path}")).or_default().push((method, Arc::new(operation)));
            }
        }
        let records = object(&components["schemas"])
            .filter(|(_, schema)| schema["properties"].get("redacted").is_some())
            .map(|(name, schema)| (snake_case(name), secrecy::forms(schema, |schema| resolve(document, schema).clone())))
            .collect();
        let mut patterns: HashMap<String, Vec<String>> = HashMap::new();
        for pattern in operations.keys() {
            patterns.entry(first_part(pattern).to_owned()).or_default().push(pattern.clone());
        }
        Ok(Self { operations, patterns, bodies, files, records })
    }

    /// Returns the members of a kind of record, each with the value that replaces it when it is hidden; `None` when the member is never
    /// hidden.
    pub fn forms(&self, kind: &str) -> impl Iterator<Item = (&String, &Option<Value>)> {
        self.records.get(kind).into_iter().flatten()
    }

    /// Returns the cases in which the handler of a POST at a concrete path receives the body itself; `None` when it never does.
    #[must_use]
    pub fn file_body(&self, path: &str) -> Option<FileBody> {
        self.files.get(path).copied()
    }

    /// Returns the operation that serves a method at a route's pattern.
    #[must_use]
    pub fn operation(&self, method: &Method, pattern: &str) -> Option<Arc<Operation>> {
        let methods = self.operations.get(pattern)?;
        methods.iter().find(|(known, _)| known == method).map(|(_, operation)| Arc::clone(operation))
    }

    /// Returns the operation that serves a method at a concrete path, with the pattern that matches the path.
    #[must_use]
    pub fn serving<'a>(&'a self, method: &Method, path: &'a str) -> Option<(&'a str, &'a Operation)> {
        let find_method = |(pattern, operations): (&'a String, &'a Vec<(Method, Arc<Operation>)>)| {
            let operation = operations.iter().find(|(known, _)| known == method)?;
            Some((pattern.as_str(), &*operation.1))
        };
        // A fixed path is preferred to a pattern with parameters.
        self.matching(path).filter_map(find_method).min_by_key(|(pattern, _)| parameters_in(pattern))
    }

    /// Returns the patterns that match a concrete path, with their operations. The first part below the root is fixed in all patterns.
    fn matching<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a String, &'a Vec<(Method, Arc<Operation>)>)> {
        let fits = move |pattern: &str| {
            let (mut known, mut given) = (pattern.split('/'), path.split('/'));
            loop {
                match (known.next(), given.next()) {
                    (None, None) => return true,
                    (Some(known), Some(given)) if known == given || (known.starts_with('{') && !given.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        let patterns = self.patterns.get(first_part(path)).into_iter().flatten();
        patterns.filter(move |pattern| fits(pattern)).filter_map(|pattern| self.operations.get_key_value(pattern))
    }

    /// Returns the operations of a concrete path.
    fn operations_at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a (Method, Arc<Operation>)> {
        self.matching(path).flat_map(|(_, operations)| operations)
    }

    /// Returns the parameter's name of a part of a concrete path; `None` for a fixed part. Part 0 is the empty text before the first slash.
    #[must_use]
    pub fn name_of_part(&self, path: &str, index: usize) -> Option<String> {
        self.matching(path).find_map(|(pattern, _)| Some(pattern.split('/').nth(index)?.strip_prefix('{')?.strip_suffix('}')?.to_owned()))
    }

    /// Returns the media types of the successful answers at a concrete path.
    pub fn media_types<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.operations_at(path).flat_map(|(_, operation)| operation.media_types.iter().map(String::as_str))
    }

    /// Whether a concrete path is that of a search by a body.
    #[must_use]
    pub fn is_search(&self, path: &str) -> bool {
        self.operations_at(path).any(|(_, operation)| operation.search.is_some())
    }

    /// Returns the operations that change the record at a route's pattern, or something below its address, sorted by `operationId`.
    #[must_use]
    pub fn actions(&self, pattern: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        for (path, methods) in &self.operations {
            for (method, operation) in methods {
                if let Some(for_a_party) = acts_on(pattern, method.as_str(), path, operation.for_each_party) {
                    actions.push(Action { id: operation.id.clone(), permission: operation.permission.clone(), for_a_party });
                }
            }
        }
        actions.sort_by(|a, b| a.id.cmp(&b.id));
        actions
    }

    /// Returns the methods of a concrete path, sorted; empty when there is no such path.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let fewest = self.matching(path).map(|(pattern, _)| parameters_in(pattern)).min();
        let nearest = self.matching(path).filter(|(pattern, _)| Some(parameters_in(pattern)) == fewest);
        let mut methods: Vec<Method> = nearest.flat_map(|(_, operations)| operations).map(|(method, _)| method.clone()).collect();
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        if !methods.is_empty() {
            methods.push(Method::OPTIONS);
        }
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        methods
    }

    /// Checks that a fixed path, such as `/actors/search`, has a method. Otherwise the call would be taken for one of the pattern with a
    /// parameter in that place.
    ///
    /// # Errors
    /// When it does not (405, with the methods that it has).
    pub fn require_method(&self, method: &Method, path: &str) -> Result<()> {
        if self.matching(path).nth(1).is_none() {
            return Ok(());
        }
        let methods = self.methods(path);
        if methods.contains(method) { Ok(()) } else { Err(Problem::method_not_allowed(&methods)) }
    }

    /// Checks a body against the request schema of that name.
    ///
    /// # Errors
    /// When the body has faults (422). The problem has all faults found. When there is no such schema (500).
    pub fn check(&self, schema: &str, body: &Value) -> Result<()> {
        let Some(validator) = self.bodies.get(schema) else {
            return Err(Problem::internal(&format_args!("no request body in the contract is called {schema}")));
        };
        let faults = faults(validator, body);
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }
}

impl Operation {
    /// Checks and returns the body of a search; `None` when the operation is no search.
    ///
    /// # Errors
    /// When the body has faults (422), with all faults found, and the problem of `body`.
    pub fn searched(&self, body: impl FnOnce() -> Result<Value>) -> Result<Option<Value>> {
        self.search.as_ref().map(|search| search.read(body()?)).transpose()
    }

    /// Returns the form in which the caller wants a list as a table; `None` for JSON, and when the operation is no list.
    ///
    /// # Errors
    /// When `Accept` names no form of the service (406).
    pub fn format(&self, parameters: &Value, accept: &[Item<'_>]) -> Result<Option<Format>> {
        if self.columns.is_empty() { Ok(None) } else { Format::requested(parameters["format"].as_str(), accept) }
    }

    /// Returns the members of the answer that the caller wants by `fields`; `None` means all.
    ///
    /// # Errors
    /// When a member does not exist (400).
    pub fn fields(&self, parameters: &Value) -> Result<Option<Vec<String>>> {
        let Some(Value::Array(chosen)) = parameters.get("fields") else { return Ok(None) };
        let chosen: Vec<String> = chosen.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        let faults: Vec<_> = chosen
            .iter()
            .filter(|name| !self.members.contains(name))
            .map(|name| {
                let meant =
                    text::nearest(name, self.members.iter().map(String::as_str)).map_or_else(|| self.members.join(", "), ToOwned::to_owned);
                let name = text::quoted(name);
                Fault::of_parameter(
                    "fields",
                    "unknown",
                    say!("Svaret har inget som heter {name}. Menade du {meant}?", "The answer has no member {name}. Did you mean {meant}?"),
                )
            })
            .collect();
        if faults.is_empty() { Ok(Some(chosen)) } else { Err(Problem::parameters(faults)) }
    }
}

/// Returns `Some` when an operation changes the record at a pattern, or something below its address, and needs no other parameter in
/// its path than those of the record and, with [`FOR_EACH_PARTY`], the party. The value is whether the path has that party.
#[must_use]
pub fn acts_on(record: &str, method: &str, path: &str, for_each_party: bool) -> Option<bool> {
    let below = path.strip_prefix(record).filter(|below| below.is_empty() || below.starts_with('/'))?;
    let for_a_party = for_each_party && below.matches('{').count() == 1;
    // A search changes nothing, though it is a POST.
    let reads = method.eq_ignore_ascii_case("get") || below.ends_with(twin::SEARCH);
    (!reads && (for_a_party || !below.contains('{'))).then_some(for_a_party)
}

/// Returns the explanation why a character cannot be stored.
#[must_use]
pub fn forbidden(letter: char) -> Text {
    let code = u32::from(letter);
    say!(
        "Texten innehåller ett osynligt tecken (U+{code:04X}) som inte kan sparas. Skriv om texten.",
        "The text contains an invisible character (U+{code:04X}) that cannot be stored. Write the text again."
    )
}

pub(super) fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub(super) fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the kind of record of a schema: `journal_entry` for `JournalEntry`.
fn snake_case(name: &str) -> String {
    name.chars().enumerate().fold(String::new(), |mut snake, (index, letter)| {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        snake
    })
}

/// Returns the component that a value refers to by `$ref`, null when that does not exist, or the value itself without a `$ref`.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(&Value::Null),
        None => value,
    }
}

fn parameter_type(schema: &Value) -> ParameterType {
    let has_type = |name: &str| schema["type"] == name || array(&schema["type"]).any(|kind| kind == name);
    if has_type("integer") {
        ParameterType::Integer
    } else if has_type("boolean") {
        ParameterType::Boolean
    } else if has_type("array") {
        ParameterType::List
    } else {
        ParameterType::Text
    }
}

/// Returns the first successful answer of an operation, with its status.
pub(super) fn answer(operation: &Value) -> Option<(&String, &Value)> {
    object(&operation["responses"]).find(|(status, _)| status.starts_with('2'))
}

/// Returns the members of the successful answer, or of its items when it is a page.
pub(super) fn members(document: &Value, operation: &Value) -> Vec<String> {
    let Some((_, answer)) = answer(operation) else { return Vec::new() };
    let mut schema = resolve(document, &answer["content"]["application/json"]["schema"]);
    let page = schema["properties"].get("nextCursor").is_some();
    if page {
        schema = resolve(document, &schema["properties"]["items"]["items"]);
    }
    // The allowed actions are computed only for a single record.
    object(&schema["properties"]).map(|(name, _)| name.clone()).filter(|name| !(page && name == ALLOWED_ACTIONS)).collect()
}

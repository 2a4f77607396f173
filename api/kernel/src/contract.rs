//! The published contract as the judge of what comes in: bodies and parameters are checked against the very schemas
//! that clients read, so a documented limit is a held limit, and all faults are found at once.

use std::{collections::HashMap, sync::Arc};

use actix_web::http::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{
    export::{self, Column, Format},
    fields::Item,
    language::{Text, say},
    personal_number,
    problem::{Fault, Kind, Problem, Result},
    schema::{self, faults},
    secrecy::{self, Forms},
    text, twin,
};

/// Root of the API below the host.
pub const ROOT: &str = "/samsyn/v1";

/// The member of a record, and the value of `include` that asks for it, that tells what the caller may do with it.
pub const ALLOWED_ACTIONS: &str = "allowedActions";

/// The extension of a schema that says of what it may be a code instead of an id.
pub const CODE_OF: &str = "x-code-of";

/// The extension of an operation whose body may be a file larger than other bodies: `always` or `when-large`.
const FILE_BODY: &str = "x-file-body";

/// The extension of an operation by which each party speaks for itself, and names itself in the path.
pub const FOR_EACH_PARTY: &str = "x-for-each-party";

/// When a handler receives the body of a POST itself, as a file with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileBody {
    /// Whatever its size.
    Always,
    /// When it is larger than other bodies may be. Smaller ones are received as they are.
    WhenLarge,
}

/// The places of a call in which a code may stand for an id, each with what it is a code of.
#[derive(Debug, Default)]
pub struct Coded {
    /// Parts of the path and parameters, by name.
    pub parameters: Vec<(String, String)>,
    /// Values in the body, by the names on the way to them; nothing stands for each item of a list.
    pub body: Vec<(Vec<Option<String>>, String)>,
}

impl Coded {
    fn of(document: &Value, described: &Value) -> Self {
        let mut parameters = Vec::new();
        for parameter in array(&described["parameters"]).map(|parameter| resolve(document, parameter)) {
            let mut found = Vec::new();
            coded(document, &parameter["schema"], &mut Vec::new(), &mut found);
            let name = parameter["name"].as_str().unwrap_or_default();
            parameters.extend(found.into_iter().map(|(_, of)| (name.to_owned(), of)));
        }
        let mut body = Vec::new();
        for (_, form) in object(&described["requestBody"]["content"]) {
            coded(document, &form["schema"], &mut Vec::new(), &mut body);
        }
        body.dedup();
        Self { parameters, body }
    }
}

fn coded(document: &Value, schema: &Value, at: &mut Vec<Option<String>>, found: &mut Vec<(Vec<Option<String>>, String)>) {
    // No body of ours is deeper.
    if at.len() > 8 {
        return;
    }
    let schema = resolve(document, schema);
    if let Some(of) = schema[CODE_OF].as_str() {
        found.push((at.clone(), of.to_owned()));
    }
    for (name, member) in object(&schema["properties"]) {
        at.push(Some(name.clone()));
        coded(document, member, at, found);
        at.pop();
    }
    if schema["items"].is_object() {
        at.push(None);
        coded(document, &schema["items"], at, found);
        at.pop();
    }
    for form in ["anyOf", "oneOf", "allOf"] {
        array(&schema[form]).for_each(|form| coded(document, form, at, found));
    }
}

/// One operation of the contract.
#[derive(Debug)]
pub struct Operation {
    /// Its `operationId`.
    pub id: String,
    /// The permission that it needs.
    pub permission: String,
    /// The members of its answer (of one item, for a list), which `fields` may choose among.
    pub members: Vec<String>,
    /// The status of its success.
    pub success: u16,
    /// The media types of its answer.
    pub media_types: Vec<String>,
    /// Where a code may stand for an id.
    pub coded: Coded,
    /// The columns of the list that it can be answered as, if it is one.
    pub columns: Vec<Column>,
    /// The body by which it asks a list, if it does that.
    search: Option<twin::Body>,
    /// Whether each party speaks for itself by it.
    for_each_party: bool,
    parameters: Vec<(String, Scalar)>,
    query: Validator,
}

/// An operation by which a record, or what lies below it, is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its `operationId`.
    pub id: String,
    /// The permission that it needs.
    pub permission: String,
    /// Whether each party speaks for itself by it, so that it can be carried out by whoever speaks for one.
    pub for_a_party: bool,
}

/// How a parameter's text becomes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar {
    Text,
    Integer,
    Boolean,
    List,
}

/// The contract, compiled.
#[derive(Debug)]
pub struct Contract {
    operations: HashMap<String, Vec<(Method, Arc<Operation>)>>,
    bodies: HashMap<String, Validator>,
    /// The paths below which a body may be a file.
    files: HashMap<String, FileBody>,
    /// The kinds of record that can be under secrecy, which are those that can say what is hidden.
    records: HashMap<String, Forms>,
}

impl Contract {
    /// Compiles an `OpenAPI` document.
    ///
    /// # Errors
    /// When the document refers to a schema that it lacks.
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
                        parameters.push((name.clone(), scalar(resolve(document, schema))));
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
                    coded: Coded::of(document, described),
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
        Ok(Self { operations, bodies, files, records })
    }

    /// The members of a kind of record, each with what stands in its place when it is hidden.
    pub fn forms(&self, kind: &str) -> impl Iterator<Item = (&String, &Option<Value>)> {
        self.records.get(kind).into_iter().flatten()
    }

    /// When the handler of a POST at a concrete path receives the body itself.
    #[must_use]
    pub fn file_body(&self, path: &str) -> Option<FileBody> {
        self.files.get(path).copied()
    }

    /// The operation that serves a method at a route's pattern.
    #[must_use]
    pub fn operation(&self, method: &Method, pattern: &str) -> Option<Arc<Operation>> {
        let methods = self.operations.get(pattern)?;
        methods.iter().find(|(known, _)| known == method).map(|(_, operation)| Arc::clone(operation))
    }

    /// The operation that serves a method at a concrete path, with the pattern that the path fits.
    #[must_use]
    pub fn serving<'a>(&'a self, method: &Method, path: &'a str) -> Option<(&'a str, &'a Operation)> {
        let served = |(pattern, served): (&'a String, &'a Vec<(Method, Arc<Operation>)>)| {
            let operation = served.iter().find(|(known, _)| known == method)?;
            Some((pattern.as_str(), &*operation.1))
        };
        // An address that is written out goes before one with parts.
        self.fitting(path).filter_map(served).min_by_key(|(pattern, _)| pattern.matches('{').count())
    }

    /// The patterns that a concrete path fits, with the operations that are served there.
    fn fitting<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a String, &'a Vec<(Method, Arc<Operation>)>)> {
        let given: Vec<_> = path.split('/').collect();
        let fits = move |pattern: &str| {
            let known: Vec<_> = pattern.split('/').collect();
            known.len() == given.len()
                && known.iter().zip(&given).all(|(known, given)| known == given || (known.starts_with('{') && !given.is_empty()))
        };
        self.operations.iter().filter(move |(pattern, _)| fits(pattern))
    }

    /// The operations that are served at a concrete path.
    fn at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a (Method, Arc<Operation>)> {
        self.fitting(path).flat_map(|(_, served)| served)
    }

    /// What the contract calls a part of a concrete path, counted from 0.
    #[must_use]
    pub fn name_of_part(&self, path: &str, at: usize) -> Option<String> {
        self.fitting(path).find_map(|(pattern, _)| Some(pattern.split('/').nth(at)?.strip_prefix('{')?.strip_suffix('}')?.to_owned()))
    }

    /// The media types that a concrete path can be answered in.
    pub fn media_types<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.at(path).flat_map(|(_, operation)| operation.media_types.iter().map(String::as_str))
    }

    /// Whether a concrete path is one at which a list is asked by a body.
    #[must_use]
    pub fn is_search(&self, path: &str) -> bool {
        self.at(path).any(|(_, operation)| operation.search.is_some())
    }

    /// The operations by which the record at a route's pattern, or what lies below it, is changed.
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

    /// The methods that a concrete path can be called with; empty when there is no such path.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let mut methods: Vec<Method> = self.at(path).map(|(method, _)| method.clone()).collect();
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

    /// Checks a body against the schema of that name.
    ///
    /// # Errors
    /// With every fault found.
    pub fn check(&self, schema: &str, body: &Value) -> Result<()> {
        let Some(validator) = self.bodies.get(schema) else {
            return Err(Problem::internal(&format_args!("no request body in the contract is called {schema}")));
        };
        let faults = faults(validator, body);
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }
}

impl Operation {
    /// Reads a query string as the contract says: each parameter once, known, and of its type.
    ///
    /// # Errors
    /// With every fault found.
    pub fn parameters(&self, query: &str) -> Result<Value> {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| Problem::new(Kind::InvalidParameter))?
            .into_inner();
        let mut given = Map::new();
        let mut found = Vec::new();
        for (name, value) in pairs {
            if personal_number::contains(&name) || (name != "cursor" && personal_number::contains(&value)) {
                found.push(personal_number::fault_of_parameter(&personal_number::mask(&name)));
                continue;
            }
            let Some((_, scalar)) = self.parameters.iter().find(|(known, _)| *known == name) else {
                found.push(self.unknown(&name));
                continue;
            };
            if given.contains_key(&name) {
                found.push(Fault::of_parameter(
                    &name,
                    "repeated",
                    say!(
                        "Ange {name} bara en gång; flera värden skiljs med komma där det går.",
                        "Give {name} only once; several values are separated by commas where possible."
                    ),
                ));
                continue;
            }
            let value = match scalar {
                Scalar::Integer => value.parse::<i64>().map_or(Value::String(value), Value::from),
                Scalar::Boolean => value.parse::<bool>().map_or(Value::String(value), Value::from),
                Scalar::List => value.split(',').filter(|item| !item.is_empty()).map(|item| Value::from(item.trim())).collect(),
                Scalar::Text => Value::String(text::composed(&value)),
            };
            if let Some(Value::String(text)) = Some(&value)
                && let Some(letter) = text::forbidden_character(text)
            {
                found.push(Fault::of_parameter(&name, "forbidden-character", forbidden(letter)));
                continue;
            }
            given.insert(name, value);
        }
        let given = Value::Object(given);
        found.extend(faults(&self.query, &given).into_iter().map(|fault| {
            let name = fault.pointer.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
            Fault { pointer: String::new(), parameter: Some(name), ..fault }
        }));
        if found.is_empty() { Ok(given) } else { Err(Problem::parameters(found)) }
    }

    /// Reads the body of a search; nothing when the operation is none.
    ///
    /// # Errors
    /// With every fault found.
    pub fn searched(&self, body: impl FnOnce() -> Result<Value>) -> Result<Option<Value>> {
        self.search.as_ref().map(|search| search.read(body()?)).transpose()
    }

    /// The form in which the caller wants a list as a table; nothing for JSON and for what is no list.
    ///
    /// # Errors
    /// When there is no such form.
    pub fn format(&self, parameters: &Value, accept: &[Item<'_>]) -> Result<Option<Format>> {
        if self.columns.is_empty() { Ok(None) } else { Format::requested(parameters["format"].as_str(), accept) }
    }

    fn unknown(&self, name: &str) -> Fault {
        let known = self.parameters.iter().map(|(name, _)| name.as_str());
        let (given, name) = (name, text::quoted(name));
        let detail = match (text::nearest(given, known), self.parameters.is_empty()) {
            (Some(meant), _) => {
                say!("Parametern {name} finns inte här. Menade du {meant}?", "There is no parameter {name} here. Did you mean {meant}?")
            }
            (None, true) => say!("Här finns inga parametrar; ta bort {name}.", "There are no parameters here; remove {name}."),
            (None, false) => {
                let all = self.parameters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
                say!(
                    "Parametern {name} finns inte här. De som finns är {all}.",
                    "There is no parameter {name} here. Those that exist are {all}."
                )
            }
        };
        Fault::of_parameter(given, "unknown", detail)
    }

    /// Reads `fields`: the members of the answer that the caller wants.
    ///
    /// # Errors
    /// When a member does not exist.
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

/// Whether an operation changes the record at a pattern, or what lies below it, and can be called with what the record's own
/// address says. Then also whether it adds a party, which speaks for itself by it.
#[must_use]
pub fn acts_on(record: &str, method: &str, path: &str, for_each_party: bool) -> Option<bool> {
    let below = path.strip_prefix(record).filter(|below| below.is_empty() || below.starts_with('/'))?;
    let for_a_party = for_each_party && below.matches('{').count() == 1;
    // A search changes nothing, though it is a POST.
    let reads = method.eq_ignore_ascii_case("get") || below.ends_with(twin::SEARCH);
    (!reads && (for_a_party || !below.contains('{'))).then_some(for_a_party)
}

/// Why a character may not be stored.
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

/// `JournalEntry` is the record `journal_entry`.
fn snake_case(name: &str) -> String {
    name.chars().enumerate().fold(String::new(), |mut snake, (at, letter)| {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        snake
    })
}

/// The component that a value refers to, or the value itself where it refers to none.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(&Value::Null),
        None => value,
    }
}

fn scalar(schema: &Value) -> Scalar {
    let is = |name: &str| schema["type"] == name || array(&schema["type"]).any(|kind| kind == name);
    if is("integer") {
        Scalar::Integer
    } else if is("boolean") {
        Scalar::Boolean
    } else if is("array") {
        Scalar::List
    } else {
        Scalar::Text
    }
}

/// The answer of success, with its status.
pub(super) fn answer(operation: &Value) -> Option<(&String, &Value)> {
    object(&operation["responses"]).find(|(status, _)| status.starts_with('2'))
}

/// The members of what a successful answer shows, or of its items where it is a page.
pub(super) fn members(document: &Value, operation: &Value) -> Vec<String> {
    let Some((_, answer)) = answer(operation) else { return Vec::new() };
    let mut schema = resolve(document, &answer["content"]["application/json"]["schema"]);
    let page = schema["properties"].get("nextCursor").is_some();
    if page {
        schema = resolve(document, &schema["properties"]["items"]["items"]);
    }
    // What may be done is told of one record at a time.
    object(&schema["properties"]).map(|(name, _)| name.clone()).filter(|name| !(page && name == ALLOWED_ACTIONS)).collect()
}

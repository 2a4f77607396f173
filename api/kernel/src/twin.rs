//! Long filters: `POST {list}/search` is `GET {list}` with its parameters as members of a JSON body, where a filter may be
//! longer than an address. It is the same list, served by the same handler: here the call is turned into the other before
//! it is routed, and what is told of parameters is told of members.

use std::{collections::HashMap, str::FromStr};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceRequest,
    http::{Method, Uri, header},
    web::Data,
};
use jsonschema::Validator;
use serde_json::Value;

use super::{
    contract::{Contract, object, resolve},
    language::say,
    problem::{Fault, Kind, Problem, Result},
    schema::{compile, faults},
    text,
};

/// What stands after a list's path in that of its twin.
pub const SEARCH: &str = "/search";

/// Marks a call that came as a search.
struct Searched;

/// Turns a search into a call of its list.
pub(super) fn turn(request: &mut ServiceRequest) {
    let is_search = request.method() == Method::POST
        && request.path().ends_with(SEARCH)
        && request.app_data::<Data<Contract>>().is_some_and(|contract| contract.is_search(request.path()));
    let Some(list) = request.path().strip_suffix(SEARCH).filter(|_| is_search) else { return };
    // Parameters are kept, to be refused.
    let address = request.uri().query().map_or_else(|| list.to_owned(), |query| format!("{list}?{query}"));
    let Ok(uri) = Uri::from_str(&address) else { return };
    request.match_info_mut().get_mut().update(&uri);
    let head = request.head_mut();
    head.uri = uri;
    head.method = Method::GET;
    head.headers.remove(header::IF_NONE_MATCH);
    request.extensions_mut().insert(Searched);
}

/// Whether a call came as a search.
#[must_use]
pub fn is_search(request: &HttpRequest) -> bool {
    request.extensions().contains::<Searched>()
}

/// What was told of a list's parameters, told of a search's members.
pub(super) fn of_members(mut problem: Problem, request: &HttpRequest) -> Problem {
    if !is_search(request) || !request.query_string().is_empty() || problem.faults.is_empty() {
        return problem;
    }
    if problem.kind == Kind::InvalidParameter {
        problem.kind = Kind::Invalid;
    }
    for fault in &mut problem.faults {
        if let Some(name) = fault.parameter.take() {
            fault.pointer = format!("/{name}");
        }
    }
    problem
}

/// The body of a search, compiled.
#[derive(Debug)]
pub(super) struct Body {
    pub names: Vec<String>,
    pub validator: Validator,
}

impl Body {
    /// The body of an operation that asks a list; nothing for any other.
    ///
    /// # Errors
    /// When the document refers to a schema that it lacks.
    pub fn of(document: &Value, operation: &Value) -> Result<Option<Self>, String> {
        if operation.get("x-search-of").is_none() {
            return Ok(None);
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let names = object(&resolve(document, schema)["properties"]).map(|(name, _)| name.clone()).collect();
        Ok(Some(Self { names, validator: compile(schema, &document["components"]["schemas"])? }))
    }

    /// Checks a body: an object of known members, each of its type.
    ///
    /// # Errors
    /// With every fault found.
    pub fn read(&self, body: Value) -> Result<Value> {
        let unknown: HashMap<_, _> = body
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !self.names.contains(name))
            .map(|(name, _)| (text::pointed(&format!("/{}", name.replace('~', "~0").replace('/', "~1"))), name.as_str()))
            .collect();
        let mut found = faults(&self.validator, &body);
        for fault in &mut found {
            if let Some(name) = unknown.get(&fault.pointer) {
                *fault = self.unknown(std::mem::take(&mut fault.pointer), name);
            }
        }
        if found.is_empty() { Ok(body) } else { Err(Problem::invalid(found)) }
    }

    fn unknown(&self, pointer: String, name: &str) -> Fault {
        let meant = text::nearest(name, self.names.iter().map(String::as_str)).map_or_else(|| self.names.join(", "), ToOwned::to_owned);
        let name = text::quoted(name);
        Fault::at(
            pointer,
            "unknown",
            say!("Här går det inte att ange {name}. Menade du {meant}?", "There is no member {name} here. Did you mean {meant}?"),
        )
    }
}

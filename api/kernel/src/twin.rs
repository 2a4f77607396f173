//! Searches by body: `POST {list}/search` is `GET {list}` with the parameters as members of a JSON body, because a filter can be
//! longer than an address may be. The same handler serves both. The call is rewritten to a `GET` before it is routed, and faults of
//! parameters become faults of members in the answer.

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
    page,
    problem::{Fault, Kind, Problem, Result},
    schema::{compile, faults},
    text,
};

/// The suffix of the path of a search, after the path of the list.
pub const SEARCH: &str = "/search";

/// Marks a call that was sent as a search.
struct Searched;

/// Rewrites a search to a `GET` of its list. Leaves any other call as it is.
pub(super) fn rewrite_search(request: &mut ServiceRequest) {
    let is_search = request.method() == Method::POST
        && request.path().ends_with(SEARCH)
        && request.app_data::<Data<Contract>>().is_some_and(|contract| contract.is_search(request.path()));
    let Some(list) = request.path().strip_suffix(SEARCH).filter(|_| is_search) else { return };
    // Parameters in the address are kept, so that they are refused later.
    let address = request.uri().query().map_or_else(|| list.to_owned(), |query| format!("{list}?{query}"));
    let Ok(uri) = Uri::from_str(&address) else { return };
    request.match_info_mut().get_mut().update(&uri);
    let head = request.head_mut();
    head.uri = uri;
    head.method = Method::GET;
    head.headers.remove(header::IF_NONE_MATCH);
    request.extensions_mut().insert(Searched);
}

/// Whether a call was sent as a search.
#[must_use]
pub fn is_search(request: &HttpRequest) -> bool {
    request.extensions().contains::<Searched>()
}

/// Turns the faults of parameters into faults of members of the body, for a call that was sent as a search.
pub(super) fn faults_to_members(mut problem: Problem, request: &HttpRequest) -> Problem {
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

/// The compiled schema of the body of a search, with the names of its members.
#[derive(Debug)]
pub(super) struct Body {
    pub names: Vec<String>,
    pub validator: Validator,
}

impl Body {
    /// Compiles the body of an operation that is a search; returns `None` for any other operation.
    ///
    /// # Errors
    /// When the document refers to a schema that it does not have.
    pub fn from_operation(document: &Value, operation: &Value) -> Result<Option<Self>, String> {
        if operation.get("x-search-of").is_none() {
            return Ok(None);
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let names = object(&resolve(document, schema)["properties"]).map(|(name, _)| name.clone()).collect();
        Ok(Some(Self { names, validator: compile(schema, &document["components"]["schemas"])? }))
    }

    /// Checks a body against its schema and returns it.
    ///
    /// # Errors
    /// When it has faults (422). The problem has all faults found.
    pub fn read(&self, body: Value) -> Result<Value> {
        let unknown: HashMap<_, _> = body
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !self.names.contains(name))
            .map(|(name, _)| (text::quoted_pointer(&format!("/{}", name.replace('~', "~0").replace('/', "~1"))), name.as_str()))
            .collect();
        let mut found: Vec<_> = faults(&self.validator, &body).into_iter().map(page::explained).collect();
        for fault in &mut found {
            if let Some(name) = unknown.get(&fault.pointer) {
                *fault = self.unknown_member(std::mem::take(&mut fault.pointer), name);
            }
        }
        if found.is_empty() { Ok(body) } else { Err(Problem::invalid(found)) }
    }

    fn unknown_member(&self, pointer: String, name: &str) -> Fault {
        let meant = text::nearest(name, self.names.iter().map(String::as_str)).map_or_else(|| self.names.join(", "), ToOwned::to_owned);
        let name = text::quoted(name);
        Fault::at_pointer(
            pointer,
            "unknown",
            say!("Här går det inte att ange {name}. Menade du {meant}?", "There is no member {name} here. Did you mean {meant}?"),
        )
    }
}

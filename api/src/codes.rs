//! Accepts codes where ids are expected: of an area, of an indicator, or an identifier of an actor. This middleware replaces them
//! with ids, so that handlers see only ids. A code of nothing that the caller may know of stays, and is refused where ids are
//! checked.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
    str::FromStr,
    sync::Arc,
};

use actix_web::{
    HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, Uri},
    middleware::Next,
    web::{Data, Query},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    access::Caller,
    geography::areas::store as areas,
    kernel::{
        Db, Result,
        contract::{Contract, Operation, ROOT},
        extract,
        request::Meta,
        secrecy::Secrecy,
        twin,
    },
    registry::actors::{
        matching::{self, MatchReason, MatchVisibility},
        rules::{ORGANISATION_NUMBER, organisation_number},
    },
    statistics::indicators::store as indicators,
};

/// Pairs of a kind of record and a code.
type Codes = BTreeSet<(String, String)>;
type Ids = HashMap<(String, String), Uuid>;

/// The most codes in a call, which is more than any list of ours accepts. When there are more they all stay, and are refused.
const MAX_CODES: usize = 2_000;

/// Middleware: replaces codes with ids.
///
/// # Errors
/// The error of the handler.
pub async fn resolve<B: MessageBody + 'static>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    if let Some((uri, meta)) = replace_codes(&request).await {
        if let Some(uri) = uri {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
        if let Some(meta) = meta {
            request.extensions_mut().insert(Rc::new(meta));
        }
    }
    next.call(request).await
}

/// The address and the body with ids in place of codes, each only if it changes.
async fn replace_codes(request: &ServiceRequest) -> Option<(Option<Uri>, Option<Meta>)> {
    let contract = request.app_data::<Data<Contract>>()?.clone();
    let caller = request.extensions().get::<Result<Arc<Caller>>>()?.as_ref().ok()?.clone();
    let meta = request.extensions().get::<Rc<Meta>>()?.clone();
    let searched = twin::is_search(request.request());
    let path = if searched { format!("{}{}", request.path(), twin::SEARCH) } else { request.path().to_owned() };
    let method = if searched { Method::POST } else { request.method().clone() };
    let (pattern, operation) = contract.serving(&method, &path)?;
    if operation.coded.parameters.is_empty() && operation.coded.body.is_empty() {
        return None;
    }
    // A caller who is not signed in can write nothing, so of its bodies only those of searches are looked at.
    let body = if caller.user.is_some() || searched { read_body(operation, &meta) } else { None };
    let mut codes = Codes::new();
    let _ = replace_in_address(pattern, &path, request.query_string(), operation, &mut |kind, code| {
        codes.insert((kind.to_owned(), code.to_owned()));
        None
    });
    if let Some(mut body) = body.clone() {
        for (at, kind) in &operation.coded.body {
            replace_in_body(&mut body, at, kind, &mut |kind, code| {
                codes.insert((kind.to_owned(), code.to_owned()));
                None
            });
        }
    }
    codes.retain(|(_, code)| Uuid::parse_str(code).is_err());
    if codes.is_empty() || codes.len() > MAX_CODES {
        return None;
    }
    let secrecy = Secrecy::of(request.request());
    let db = request.app_data::<Data<Db>>()?.clone();
    // If the database does not answer now, it will not answer the handler either, which reports that.
    let ids = find_ids(&codes, &caller, secrecy.as_ref(), &db).await.unwrap_or_default();
    let id = |kind: &str, code: &str| ids.get(&(kind.to_owned(), code.to_owned())).map(ToString::to_string);
    let address = replace_in_address(pattern, &path, request.query_string(), operation, &mut |kind, code| id(kind, code));
    let uri = address.and_then(|address| Uri::from_str(address.strip_suffix(twin::SEARCH).filter(|_| searched).unwrap_or(&address)).ok());
    let meta = body.and_then(|mut body| {
        let before = body.clone();
        for (at, kind) in &operation.coded.body {
            replace_in_body(&mut body, at, kind, &mut |kind, code| id(kind, code));
        }
        (body != before).then(|| Meta {
            request_id: meta.request_id.clone(),
            language: meta.language,
            body: body.to_string().into(),
            address: meta.address.clone(),
            agent: meta.agent.clone(),
            headers: meta.headers.take().into(),
        })
    });
    Some((uri, meta))
}

/// The body, if it may contain codes and is valid JSON.
fn read_body(operation: &Operation, meta: &Meta) -> Option<Value> {
    let may = !operation.coded.body.is_empty() && !meta.body.is_empty();
    may.then(|| extract::parse(&meta.body).ok()).flatten()
}

/// The address of a call in which `put` has replaced codes; `None` when nothing changes.
fn replace_in_address(
    pattern: &str,
    path: &str,
    query: &str,
    operation: &Operation,
    put: &mut impl FnMut(&str, &str) -> Option<String>,
) -> Option<String> {
    let kind_of = |name: &str| operation.coded.parameters.iter().find(|(known, _)| known == name).map(|(_, kind)| kind.as_str());
    let mut changed = false;
    let decoded = |part: &str| Query::<Vec<(String, String)>>::from_query(part).ok().and_then(|pairs| pairs.into_inner().pop());
    let parts = pattern.split('/').zip(path.split('/')).map(|(known, given)| {
        let name = known.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let code = decoded(&format!("x={}", given.replace('+', "%2B"))).map(|(_, code)| code);
        let id = name.and_then(kind_of).zip(code).and_then(|(kind, code)| put(kind, &code));
        changed |= id.is_some();
        id.unwrap_or_else(|| given.to_owned())
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let parameters = query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let Some((name, value)) = decoded(part) else { return part.to_owned() };
        let Some(kind) = kind_of(&name) else { return part.to_owned() };
        let mut here = false;
        let values = value.split(',').map(|code| {
            let id = put(kind, code.trim());
            here |= id.is_some();
            id.unwrap_or_else(|| code.to_owned())
        });
        let values = values.collect::<Vec<_>>().join(",");
        changed |= here;
        if here { format!("{name}={values}") } else { part.to_owned() }
    });
    let parameters = parameters.collect::<Vec<_>>().join("&");
    debug_assert!(path.starts_with(ROOT));
    changed.then(|| if parameters.is_empty() { path } else { format!("{path}?{parameters}") })
}

/// Calls `put` for each text at a place of a body, and replaces the text with the result. The kind of a scope is its member
/// `kind`.
fn replace_in_body(value: &mut Value, at: &[Option<String>], kind: &str, put: &mut impl FnMut(&str, &str) -> Option<String>) {
    match (at.split_first(), value) {
        (None, Value::String(code)) => {
            if let Some(id) = put(kind, code) {
                *code = id;
            }
        }
        (Some((Some(name), rest)), Value::Object(members)) => {
            let scope_kind = members.get("kind").and_then(Value::as_str).map(ToOwned::to_owned);
            let kind = if rest.is_empty() && kind == "scope" { scope_kind.as_deref().unwrap_or(kind) } else { kind };
            if let Some(member) = members.get_mut(name) {
                replace_in_body(member, rest, kind, put);
            }
        }
        (Some((None, rest)), Value::Array(items)) => items.iter_mut().for_each(|item| replace_in_body(item, rest, kind, put)),
        _ => {}
    }
}

/// The ids of codes, as far as the caller may know them, with one query for each kind of record.
async fn find_ids(codes: &Codes, caller: &Caller, secrecy: Option<&Secrecy>, db: &Db) -> Result<Ids> {
    let codes_of = |kind: &str| codes.iter().filter(|(known, _)| known == kind).map(|(_, code)| code.clone()).collect::<Vec<_>>();
    let mut ids = Ids::new();
    for (code, area) in areas::by_codes(&codes_of("area"), db.reader()).await? {
        ids.insert(("area".to_owned(), code), area.id.uuid());
    }
    for (code, indicator) in indicators::by_codes(&codes_of("indicator"), db.reader()).await? {
        ids.insert(("indicator".to_owned(), code), indicator.uuid());
    }
    let identifier = |code: String| {
        let (scheme, value) = code.rsplit_once(':')?;
        let value = if scheme == ORGANISATION_NUMBER { organisation_number(value, "").ok()? } else { value.to_owned() };
        Some(((scheme.to_owned(), value), code))
    };
    let identifiers: Vec<_> = codes_of("actor").into_iter().filter_map(identifier).collect();
    let owners = matching::owners(&identifiers.iter().map(|(identifier, _)| identifier.clone()).collect::<Vec<_>>(), db.reader()).await?;
    let telling = MatchVisibility::load(owners.values().flatten().copied(), &caller.sight, secrecy, db.reader()).await?;
    for (identifier, code) in identifiers {
        let told: Vec<_> =
            owners.get(&identifier).into_iter().flatten().filter(|owner| telling.allows(MatchReason::SameIdentifier, **owner)).collect();
        // An identifier of two actors identifies neither.
        if let [owner] = told[..] {
            ids.insert(("actor".to_owned(), code), owner.uuid());
        }
    }
    Ok(ids)
}

//! Answers. They are serialised once. After a write that is in its transaction, so that the answer can be stored under the
//! idempotency key.

use std::marker::PhantomData;

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{Method, StatusCode, header},
};
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Id, Page,
    contract::{ALLOWED_ACTIONS, Action, ROOT},
    fields::{self, Tags},
    hash::sha256_hex,
    percent,
    problem::{Problem, Result},
    rendered::Item,
    request::Call,
    secrecy::Secrecy,
};

/// An answer whose body is a `T`.
#[derive(Clone, Debug)]
pub struct Reply<T> {
    pub stored: Stored,
    /// Whether this is the stored answer of an earlier call with the same idempotency key.
    pub replayed: bool,
    link: Option<String>,
    cookie: Option<String>,
    secret: bool,
    /// A part of the body that the `ETag` does not depend on.
    untagged: Option<String>,
    /// When the caller wants only some members: the body with all members, and the names of the wanted ones.
    whole: Option<(Value, Vec<String>)>,
    of: PhantomData<fn() -> T>,
}

/// The parts of an answer that are stored for a repeated call.
#[derive(Clone, Debug)]
pub struct Stored {
    pub status: u16,
    pub etag: Option<String>,
    pub location: Option<String>,
    /// The id of the record that was created. It is not kept for a repeated call.
    pub created: Option<Uuid>,
    pub body: Bytes,
}

/// An answer without a body.
#[derive(Debug)]
pub enum Nothing {}

impl<T: Item> Reply<T> {
    fn new(call: &Call, status: u16, etag: impl FnOnce(&[u8]) -> Option<String>, body: &T) -> Result<Self> {
        let mut text = Vec::new();
        body.write(&mut text)?;
        Self::of_text(call, status, etag, text)
    }

    /// Returns 200 with one resource. Its `ETag` names the version, and with parameters also the bytes of the body.
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON, or the allowed actions were not computed (500).
    pub fn shown(call: &Call, version: i64, body: &T) -> Result<Self> {
        // The same version with other members is another representation and needs an `ETag` of its own.
        let plain = call.asked.parameters.as_object().is_none_or(serde_json::Map::is_empty);
        Self::new(
            call,
            200,
            |bytes| Some(if plain { format!("\"v{version}\"") } else { format!("\"v{version}-{}\"", &sha256_hex(bytes)[..8]) }),
            body,
        )
    }

    /// Returns an answer with a resource and other data that can change while its version stays. Its `ETag` names the version and
    /// depends on the bytes of the body.
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON (500).
    pub fn composed(call: &Call, status: u16, version: i64, body: &T) -> Result<Self> {
        Self::new(call, status, |bytes| Some(format!("\"v{version}-{}\"", &sha256_hex(bytes)[..8])), body)
    }

    /// Returns 200 with data that has no version. Its `ETag` is weak and depends on the bytes of the body.
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON (500).
    pub fn computed(call: &Call, body: &T) -> Result<Self> {
        Self::new(call, 200, |bytes| Some(format!("W/\"{}\"", &sha256_hex(bytes)[..16])), body)
    }

    /// Returns 200 with data that has no version. Its weak `ETag` does not depend on `untagged`, a part of the serialised body that
    /// differs each time.
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON (500).
    pub fn computed_except(call: &Call, body: &T, untagged: &str) -> Result<Self> {
        let mut reply = Self::new(call, 200, |bytes| Some(format!("W/\"{}\"", &digest(bytes, Some(untagged))[..16])), body)?;
        reply.untagged = Some(untagged.to_owned());
        Ok(reply)
    }

    /// Returns 200 with a resource after a change.
    ///
    /// # Errors
    /// When the resource cannot be serialised as JSON (500).
    pub fn changed(version: i64, body: &T) -> Result<Self> {
        Self::new(&Call::default(), 200, |_| Some(format!("\"v{version}\"")), body)
    }

    /// Returns 201 with a new resource. Its address is `path` below the API's root, followed by the id.
    ///
    /// # Errors
    /// When the resource cannot be serialised as JSON (500).
    pub fn created<E>(path: &str, id: Id<E>, version: i64, body: &T) -> Result<Self> {
        Ok(Self::new(&Call::default(), 201, |_| Some(format!("\"v{version}\"")), body)?.located_record(path, id.uuid()))
    }

    /// Returns 202 with a job that will be carried out. Its address is `path` below the API's root, followed by the id.
    ///
    /// # Errors
    /// When the job cannot be serialised as JSON (500).
    pub fn queued<E>(path: &str, id: Id<E>, version: i64, body: &T) -> Result<Self> {
        let mut reply = Self::created(path, id, version, body)?;
        reply.stored.status = 202;
        Ok(reply)
    }

    /// Returns 201 with the outcome of an operation that has no version. `path` is the address of the changed resource, below the
    /// API's root.
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON (500).
    pub fn done(path: &str, body: &T) -> Result<Self> {
        Ok(Self::new(&Call::default(), 201, |_| None, body)?.with_location(path))
    }

    /// Returns 201 with data that no cache may store, such as tokens. `path` is as for [`Reply::done`].
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON (500).
    pub fn secret(path: &str, body: &T) -> Result<Self> {
        Ok(Self { secret: true, ..Self::done(path, body)? })
    }
}

impl<T: Item> Reply<Page<T>> {
    /// Returns 200 with a page of a list, and links to the first and the next page. A search by a body gets no links, because its
    /// pages have no addresses.
    ///
    /// # Errors
    /// When an item cannot be serialised as JSON (500).
    pub(super) fn page(call: &Call, page: &Page<T>) -> Result<Self> {
        let untagged = &page.change_cursor;
        let mut reply = Self::of_text(call, 200, |bytes| Some(format!("W/\"{}\"", &digest(bytes, Some(untagged))[..16])), page.text()?)?;
        reply.untagged = Some(untagged.clone());
        let query = |cursor: Option<&str>| {
            let mut query: Vec<String> = Vec::new();
            for (name, value) in call.asked.parameters.as_object().into_iter().flatten() {
                if !matches!(name.as_str(), "cursor" | "offset") {
                    query.push(format!("{name}={}", percent::encode_query_value(&query_text(value))));
                }
            }
            query.extend(cursor.map(|cursor| format!("cursor={cursor}")));
            if query.is_empty() { call.asked.path.clone() } else { format!("{}?{}", call.asked.path, query.join("&")) }
        };
        let mut link = format!("<{}>; rel=\"first\"", query(None));
        if let Some(next) = &page.next_cursor {
            link = format!("{link}, <{}>; rel=\"next\"", query(Some(next)));
        }
        reply.link = Some(link).filter(|_| !call.asked.searched);
        Ok(reply)
    }
}

impl Reply<Nothing> {
    /// Returns 204: the call was carried out and the answer has no body.
    #[must_use]
    pub fn no_content() -> Self {
        Self::stored(Stored { status: 204, etag: None, location: None, created: None, body: Bytes::new() }, false)
    }

    /// Returns 202: the call will be carried out, and its outcome is not reported.
    #[must_use]
    pub fn accepted() -> Self {
        Self::stored(Stored { status: 202, etag: None, location: None, created: None, body: Bytes::new() }, false)
    }
}

impl<T> Reply<T> {
    /// Makes an answer from the text of its body.
    fn of_text(call: &Call, status: u16, etag: impl FnOnce(&[u8]) -> Option<String>, text: Vec<u8>) -> Result<Self> {
        let (bytes, whole) = if call.asked.fields.is_none() && call.asked.actions.is_none() {
            (text, None)
        } else {
            let mut body: Value = serde_json::from_slice(&text)?;
            if let Some(actions) = &call.asked.actions {
                body[ALLOWED_ACTIONS] = allowed_actions(call, actions)?.into();
            }
            match &call.asked.fields {
                None => (serde_json::to_vec(&body)?, None),
                Some(fields) => (serde_json::to_vec(&choose_members(body.clone(), fields))?, Some((body, fields.clone()))),
            }
        };
        // A search by a body has no address, so it gets no `ETag`.
        let etag = if call.asked.searched { None } else { etag(&bytes) };
        let stored = Stored { status, etag, location: None, created: None, body: bytes.into() };
        Ok(Self { stored, replayed: false, link: None, cookie: None, secret: false, untagged: None, whole, of: PhantomData })
    }

    /// Returns 301: the requested resource has another address now, `path` below the API's root followed by the id `to`. `query` is
    /// the query of the call, which is kept.
    #[must_use]
    pub fn moved(path: &str, to: Uuid, query: &str) -> Self {
        let mark = if query.is_empty() { "" } else { "?" };
        let location = Some(format!("{ROOT}{path}/{to}{mark}{query}"));
        Self::stored(Stored { status: 301, etag: None, location, created: None, body: Bytes::new() }, false)
    }

    /// Sets the value of `Set-Cookie`; `None` sets no cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: Option<String>) -> Self {
        self.cookie = cookie;
        self
    }

    /// Removes everything that is hidden from the caller. Every answer passes here on its way out, so no handler can forget it, and
    /// the answer that is stored for a repeated call is complete. An answer with something hidden is another representation and gets
    /// another `ETag`. It still names the version, so that `If-Match` works.
    fn redact(&mut self, secrecy: &Secrecy) {
        let whole = self.whole.take();
        let body = whole.as_ref().map(|(body, _)| body.clone()).or_else(|| serde_json::from_slice(&self.stored.body).ok());
        let Some(mut body) = body.filter(|_| !self.secret) else { return };
        if !secrecy.hide(&mut body) {
            return;
        }
        let body = match whole {
            Some((_, fields)) => choose_members(body, &fields),
            None => body,
        };
        self.stored.body = body.to_string().into();
        let digest = digest(&self.stored.body, self.untagged.as_deref());
        self.stored.etag = self.stored.etag.as_deref().map(|etag| match etag.strip_prefix("W/") {
            Some(_) => format!("W/\"{}\"", &digest[..16]),
            None => format!("\"{}-{}\"", etag.trim_matches('"').split('-').next().unwrap_or_default(), &digest[..8]),
        });
    }

    /// Sets `Location` to the address of a record that was created or held, below `path`.
    #[must_use]
    pub fn located_record(mut self, path: &str, id: impl Into<Uuid>) -> Self {
        let id = id.into();
        self.stored.created = Some(id);
        self.with_location(&format!("{path}/{id}"))
    }

    /// Sets `Location`: the address of the result of the call. `path` is below the API's root.
    #[must_use]
    pub fn with_location(mut self, path: &str) -> Self {
        self.stored.location = Some(format!("{ROOT}{path}"));
        self
    }

    /// Makes an answer from its stored parts.
    pub const fn stored(stored: Stored, replayed: bool) -> Self {
        Self { stored, replayed, link: None, cookie: None, secret: false, untagged: None, whole: None, of: PhantomData }
    }
}

/// Returns the digest of a body without its part `untagged`.
fn digest(body: &[u8], untagged: Option<&str>) -> String {
    let place = untagged.and_then(|untagged| {
        let start = body.windows(untagged.len()).rposition(|part| part == untagged.as_bytes())?;
        Some((start, start + untagged.len()))
    });
    match place {
        Some((from, to)) => sha256_hex(&[&body[..from], &body[to..]].concat()),
        None => sha256_hex(body),
    }
}

/// Returns a record, or a page with its items, with only the chosen members.
fn choose_members(mut body: Value, fields: &[String]) -> Value {
    match body.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(|item| retain_members(item, fields)),
        None => retain_members(&mut body, fields),
    }
    body
}

/// Returns the names of the operations that the caller may carry out on a record. When the record has operations, the handler must
/// have computed them.
fn allowed_actions(call: &Call, actions: &[Action]) -> Result<Vec<String>> {
    match &call.asked.allowed {
        Some(allowed) => Ok(allowed.clone()),
        None if actions.is_empty() => Ok(Vec::new()),
        None => Err(Problem::internal(&format_args!("{} shows a record and does not say what may be done with it", call.asked.path))),
    }
}

/// Removes all members of a record except the wanted ones, the list of hidden members and the allowed actions.
pub(super) fn retain_members(item: &mut Value, fields: &[String]) {
    if let Value::Object(members) = item {
        members.retain(|name, _| name == "redacted" || name == ALLOWED_ACTIONS || fields.contains(name));
    }
}

/// Returns the value of a parameter as it is written in a query, before it is encoded.
fn query_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(query_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

impl<T> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(mut self, request: &HttpRequest) -> HttpResponse {
        if let Some(secrecy) = Secrecy::of(request) {
            self.redact(&secrecy);
        }
        let mut response = HttpResponse::build(StatusCode::from_u16(self.stored.status).unwrap_or(StatusCode::OK));
        if let Some(etag) = &self.stored.etag {
            response.insert_header((header::ETAG, etag.as_str()));
        }
        if let Some(location) = &self.stored.location {
            response.insert_header((header::LOCATION, location.as_str()));
        }
        if let Some(link) = &self.link {
            response.insert_header((header::LINK, link.as_str()));
        }
        if let Some(cookie) = &self.cookie {
            response.insert_header((header::SET_COOKIE, cookie.as_str()));
        }
        if self.secret {
            response.insert_header((header::CACHE_CONTROL, "no-store"));
        }
        if self.replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        if request.method() == Method::GET {
            let known = Tags::if_none_match(request.headers());
            if self.stored.etag.as_deref().is_some_and(|etag| known.contains(etag)) {
                return response.status(StatusCode::NOT_MODIFIED).finish();
            }
        } else if fields::preference(request.headers(), "return").is_some_and(|form| form == "minimal")
            && !self.stored.body.is_empty()
            && !self.secret
        {
            response.insert_header(("Preference-Applied", "return=minimal"));
            if self.stored.status == 200 {
                response.status(StatusCode::NO_CONTENT);
            }
            return response.finish();
        }
        if self.stored.body.is_empty() {
            return response.finish();
        }
        response.content_type("application/json").body(self.stored.body)
    }
}

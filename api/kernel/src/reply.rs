//! Answers, serialised once: in the transaction of a write, so that they can be kept under its idempotency key.

use std::marker::PhantomData;

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{Method, StatusCode, header},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Id, Page,
    contract::{ALLOWED_ACTIONS, Action, ROOT},
    fields::{self, Tags},
    hash::sha256_hex,
    problem::{Problem, Result},
    request::Call,
    secrecy::Secrecy,
};

/// An answer whose body is a `T`.
#[derive(Clone, Debug)]
pub struct Reply<T> {
    pub stored: Stored,
    /// The call had been carried out before, and this is the answer it had then.
    pub replayed: bool,
    link: Option<String>,
    cookie: Option<String>,
    secret: bool,
    /// A part of the body that the tag does not depend on.
    aside: Option<String>,
    /// The whole of it with the members that the caller wants, when those are not all.
    whole: Option<(Value, Vec<String>)>,
    of: PhantomData<fn() -> T>,
}

/// The parts of an answer that are kept for a repeated call.
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

impl<T: Serialize> Reply<T> {
    fn new(call: &Call, status: u16, etag: impl FnOnce(&[u8]) -> Option<String>, body: &T) -> Result<Self> {
        let (bytes, whole) = if call.asked.fields.is_none() && call.asked.actions.is_none() {
            (serde_json::to_vec(body)?, None)
        } else {
            let mut body = serde_json::to_value(body)?;
            if let Some(actions) = &call.asked.actions {
                body[ALLOWED_ACTIONS] = allowed(call, actions)?.into();
            }
            match &call.asked.fields {
                None => (serde_json::to_vec(&body)?, None),
                Some(fields) => (serde_json::to_vec(&chosen(body.clone(), fields))?, Some((body, fields.clone()))),
            }
        };
        // What is asked by a body has no address that a tag could be for.
        let etag = if call.asked.searched { None } else { etag(&bytes) };
        let stored = Stored { status, etag, location: None, created: None, body: bytes.into() };
        Ok(Self { stored, replayed: false, link: None, cookie: None, secret: false, aside: None, whole, of: PhantomData })
    }

    /// 200 with one resource at a version.
    ///
    /// # Errors
    /// When the resource cannot be written as JSON.
    pub fn shown(call: &Call, version: i64, body: &T) -> Result<Self> {
        // The same version in another selection of members is another representation, and needs a tag of its own.
        let plain = call.asked.parameters.as_object().is_none_or(serde_json::Map::is_empty);
        Self::new(
            call,
            200,
            |bytes| Some(if plain { format!("\"v{version}\"") } else { format!("\"v{version}-{}\"", &sha256_hex(bytes)[..8]) }),
            body,
        )
    }

    /// An answer with a resource and with others that it is shown with, which change without it: its tag names the version
    /// and goes by the bytes.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn composed(call: &Call, status: u16, version: i64, body: &T) -> Result<Self> {
        Self::new(call, status, |bytes| Some(format!("\"v{version}-{}\"", &sha256_hex(bytes)[..8])), body)
    }

    /// 200 with something that has no version of its own; its tag comes from the bytes.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn computed(call: &Call, body: &T) -> Result<Self> {
        Self::new(call, 200, |bytes| Some(format!("W/\"{}\"", &sha256_hex(bytes)[..16])), body)
    }

    /// The same where a part of the body is another each time, which the tag does not depend on.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn computed_beside(call: &Call, body: &T, aside: &str) -> Result<Self> {
        let mut reply = Self::new(call, 200, |bytes| Some(format!("W/\"{}\"", &digest(bytes, Some(aside))[..16])), body)?;
        reply.aside = Some(aside.to_owned());
        Ok(reply)
    }

    /// 200 with a resource as it has become.
    ///
    /// # Errors
    /// When the resource cannot be written as JSON.
    pub fn changed(version: i64, body: &T) -> Result<Self> {
        Self::new(&Call::default(), 200, |_| Some(format!("\"v{version}\"")), body)
    }

    /// 201 with a new resource, which has its address below `path`.
    ///
    /// # Errors
    /// When the resource cannot be written as JSON.
    pub fn created<E>(path: &str, id: Id<E>, version: i64, body: &T) -> Result<Self> {
        Ok(Self::new(&Call::default(), 201, |_| Some(format!("\"v{version}\"")), body)?.located_record(path, id.uuid()))
    }

    /// 202 with a job that will be carried out, which has its address below `path`.
    ///
    /// # Errors
    /// When the job cannot be written as JSON.
    pub fn queued<E>(path: &str, id: Id<E>, version: i64, body: &T) -> Result<Self> {
        let mut reply = Self::created(path, id, version, body)?;
        reply.stored.status = 202;
        Ok(reply)
    }

    /// 201 with the outcome of an act that has no version; `path` is where it can be read what it was done to.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn done(path: &str, body: &T) -> Result<Self> {
        Ok(Self::new(&Call::default(), 201, |_| None, body)?.located(path))
    }

    /// The same with something that nobody may keep a copy of on the way, such as tokens.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn secret(path: &str, body: &T) -> Result<Self> {
        Ok(Self { secret: true, ..Self::done(path, body)? })
    }
}

impl<T: Serialize> Reply<Page<T>> {
    /// 200 with a page of a list, and links to the first and the next. What is asked by a body has no address to link to.
    ///
    /// # Errors
    /// When an item cannot be written as JSON.
    pub(super) fn page(call: &Call, page: &Page<T>) -> Result<Self> {
        let mut reply = Self::computed_beside(call, page, &page.change_cursor)?;
        let query = |cursor: Option<&str>| {
            let mut query: Vec<String> = Vec::new();
            for (name, value) in call.asked.parameters.as_object().into_iter().flatten() {
                if !matches!(name.as_str(), "cursor" | "offset") {
                    query.push(format!("{name}={}", encode(&plain(value))));
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
    /// 204: it is done and there is nothing to show.
    #[must_use]
    pub fn nothing() -> Self {
        Self::stored(Stored { status: 204, etag: None, location: None, created: None, body: Bytes::new() }, false)
    }

    /// 202: it will be done, and nothing is told of the outcome.
    #[must_use]
    pub fn accepted() -> Self {
        Self::stored(Stored { status: 202, etag: None, location: None, created: None, body: Bytes::new() }, false)
    }
}

impl<T> Reply<T> {
    /// 301: what was asked for has another address below `path` now; the query goes along.
    #[must_use]
    pub fn moved(path: &str, to: Uuid, query: &str) -> Self {
        let mark = if query.is_empty() { "" } else { "?" };
        let location = Some(format!("{ROOT}{path}/{to}{mark}{query}"));
        Self::stored(Stored { status: 301, etag: None, location, created: None, body: Bytes::new() }, false)
    }

    /// The same with a cookie given or taken back.
    #[must_use]
    pub fn cookie(mut self, cookie: Option<String>) -> Self {
        self.cookie = cookie;
        self
    }

    /// Takes out what is hidden from the caller. Every answer passes here on its way out, so no handler can forget it, and
    /// what is kept for a repeated call is whole. An answer with something hidden is another representation and gets
    /// another tag; it still names the version, so that `If-Match` works.
    fn redact(&mut self, secrecy: &Secrecy) {
        let whole = self.whole.take();
        let body = whole.as_ref().map(|(body, _)| body.clone()).or_else(|| serde_json::from_slice(&self.stored.body).ok());
        let Some(mut body) = body.filter(|_| !self.secret) else { return };
        if !secrecy.hide(&mut body) {
            return;
        }
        let body = match whole {
            Some((_, fields)) => chosen(body, &fields),
            None => body,
        };
        self.stored.body = body.to_string().into();
        let digest = digest(&self.stored.body, self.aside.as_deref());
        self.stored.etag = self.stored.etag.as_deref().map(|etag| match etag.strip_prefix("W/") {
            Some(_) => format!("W/\"{}\"", &digest[..16]),
            None => format!("\"{}-{}\"", etag.trim_matches('"').split('-').next().unwrap_or_default(), &digest[..8]),
        });
    }

    /// Says that a record was created or held, which has its address below `path`.
    #[must_use]
    pub fn located_record(mut self, path: &str, id: impl Into<Uuid>) -> Self {
        let id = id.into();
        self.stored.created = Some(id);
        self.located(&format!("{path}/{id}"))
    }

    /// Says where the outcome of the call is, by its path below the API's root.
    #[must_use]
    pub fn located(mut self, path: &str) -> Self {
        self.stored.location = Some(format!("{ROOT}{path}"));
        self
    }

    pub const fn stored(stored: Stored, replayed: bool) -> Self {
        Self { stored, replayed, link: None, cookie: None, secret: false, aside: None, whole: None, of: PhantomData }
    }
}

/// The digest of a body without a part of it.
fn digest(body: &[u8], aside: Option<&str>) -> String {
    let place = aside.and_then(|aside| {
        let at = body.windows(aside.len()).rposition(|part| part == aside.as_bytes())?;
        Some((at, at + aside.len()))
    });
    match place {
        Some((from, to)) => sha256_hex(&[&body[..from], &body[to..]].concat()),
        None => sha256_hex(body),
    }
}

/// The chosen members of a record, or of each item of a page.
fn chosen(mut body: Value, fields: &[String]) -> Value {
    match body.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(|item| keep(item, fields)),
        None => keep(&mut body, fields),
    }
    body
}

/// What the caller may do with a record. Where there is something to do, the handler must have found out.
fn allowed(call: &Call, actions: &[Action]) -> Result<Vec<String>> {
    match &call.asked.allowed {
        Some(allowed) => Ok(allowed.clone()),
        None if actions.is_empty() => Ok(Vec::new()),
        None => Err(Problem::internal(&format_args!("{} shows a record and does not say what may be done with it", call.asked.path))),
    }
}

/// Leaves the wanted members of a record, and what is said of those that are hidden.
pub(super) fn keep(item: &mut Value, fields: &[String]) {
    if let Value::Object(members) = item {
        members.retain(|name, _| name == "redacted" || name == ALLOWED_ACTIONS || fields.contains(name));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Percent-encoding of a query's value (RFC 3986).
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            use std::fmt::Write;
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
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

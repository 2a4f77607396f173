//! What surrounds every call: its id and language, its body within limits, problems told in the caller's language, the
//! headers that keep browsers safe, and one line in the log.

use std::{
    panic::AssertUnwindSafe,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{self, Data},
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt};

use super::{
    Db,
    contract::ROOT,
    hash::hex,
    language::Language,
    personal_number,
    problem::{Kind, Problem, Result},
    request::Meta,
};

/// The longest address with its parameters.
pub const MAX_ADDRESS: usize = 8 * 1024;

/// The most bytes of all headers together. Beyond four times that the server itself breaks off.
pub const MAX_HEADERS: usize = 32 * 1024;

/// What the middleware needs to know.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Where the service is reached from outside, without a slash at the end.
    pub public_url: String,
    /// The largest body.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// Whether the service is reached over TLS, so that browsers may be told to insist on it.
    pub secure: bool,
}

/// Wraps every call.
///
/// # Errors
/// Never: whatever goes wrong becomes an answer.
pub async fn envelope<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    #[expect(clippy::disallowed_methods, reason = "the time that a call takes is measured, not told")]
    let started = Instant::now();
    let envelope = request.app_data::<Data<Envelope>>().map(|envelope| Rc::new(envelope.get_ref().clone()));
    let Some(envelope) = envelope else { return Err(actix_web::error::ErrorInternalServerError("no envelope")) };
    let request_id = request_id(&request);
    let trace = trace(&request, &request_id);
    let language = text(&request, header::ACCEPT_LANGUAGE).and_then(Language::accepted).unwrap_or_default();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let received = receive(&mut request, &envelope).await;
    let body = received.as_ref().ok().cloned().unwrap_or_default();
    let address = request.peer_addr().map(|address| address.ip().to_string()).unwrap_or_default();
    request.extensions_mut().insert(Rc::new(Meta { request_id: request_id.clone(), language, body, address }));
    if method == Method::HEAD {
        // Answered as GET; the server leaves the body out.
        request.head_mut().method = Method::GET;
    }

    let mut response = if let Err(problem) = received {
        request.into_response(problem.error_response())
    } else {
        let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
        let answered = answered.unwrap_or_else(|_| Err(Problem::internal(&"a handler panicked").into()));
        match answered {
            Ok(response) => response.map_into_boxed_body(),
            // The request is gone with the handler, so the server itself must make the answer of what is told here.
            Err(error) => {
                let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::internal(&error));
                return Err(Told { problem, language, request_id, trace, envelope }.into());
            }
        }
    };
    let problem = response.response().extensions().get::<Problem>().cloned().or_else(|| plain_error(&response));
    if let Some(problem) = problem {
        let (http, plain) = response.into_parts();
        response = ServiceResponse::new(http, tell(&plain, &problem, language, &envelope.public_url, &request_id));
    }
    complete(response.headers_mut(), &request_id, &trace, &envelope, path.starts_with(ROOT));
    tracing::info!(
        %method,
        path = %logged(&path),
        status = response.status().as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id,
        "answered"
    );
    Ok(response)
}

/// A problem with all that its answer needs, for when the request is gone.
#[derive(Debug)]
struct Told {
    problem: Problem,
    language: Language,
    request_id: String,
    trace: String,
    envelope: Rc<Envelope>,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for Told {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }
    fn error_response(&self) -> HttpResponse {
        let plain = self.problem.error_response();
        let mut response = tell(&plain, &self.problem, self.language, &self.envelope.public_url, &self.request_id);
        complete(response.headers_mut(), &self.request_id, &self.trace, &self.envelope, true);
        response
    }
}

/// A path as it may stand in the log: without personal identity numbers, whatever way they were encoded.
fn logged(path: &str) -> std::borrow::Cow<'_, str> {
    if path.contains('%') {
        let plain: Vec<u8> = url_decoded(path);
        let plain = String::from_utf8_lossy(&plain);
        if personal_number::contains(&plain) {
            // In the encoded form again, so that nothing of what was decoded can begin a new line.
            return personal_number::mask(&plain).replace(|sign: char| !sign.is_ascii_graphic(), "%").into();
        }
    }
    personal_number::mask(path)
}

fn url_decoded(text: &str) -> Vec<u8> {
    let (bytes, mut plain, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        plain.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    plain
}

fn text(request: &ServiceRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The caller's own id for the call when it has the form of one, else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let fits =
        |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match given.filter(fits) {
        Some(id) if !personal_number::contains(id) => id.to_owned(),
        _ => request.app_data::<Data<Db>>().map_or_else(String::new, |db| db.new_id::<Meta>().to_string()),
    }
}

/// The trace that the call belongs to (W3C Trace Context), with a part of its own.
fn trace(request: &ServiceRequest, request_id: &str) -> String {
    let digest = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, request_id.as_bytes()).as_ref());
    let given = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).filter(|given| {
        given.len() == 55
            && given.starts_with("00-")
            && given.bytes().enumerate().all(|(at, byte)| if matches!(at, 2 | 35 | 52) { byte == b'-' } else { byte.is_ascii_hexdigit() })
    });
    match given {
        Some(given) => format!("{}{}{}", &given[..36], &digest[..16], &given[52..]),
        None => format!("00-{}-{}-00", &digest[..32], &digest[32..48]),
    }
}

/// Takes in the whole body, within size and time.
async fn receive(request: &mut ServiceRequest, envelope: &Envelope) -> Result<Bytes> {
    if request.uri().to_string().len() > MAX_ADDRESS {
        return Err(Problem::new(Kind::AddressTooLong));
    }
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > MAX_HEADERS {
        return Err(Problem::new(Kind::HeadersTooLarge).header("Connection", "close"));
    }
    let json = text(request, header::ACCEPT).is_none_or(|accept| {
        accept.trim().is_empty()
            || accept.split(',').any(|range| {
                matches!(
                    range.split(';').next().unwrap_or_default().trim(),
                    "*/*" | "application/*" | "application/json" | "application/problem+json"
                )
            })
    });
    if request.path().starts_with(ROOT) && !json {
        return Err(Problem::new(Kind::NotAcceptable));
    }
    if request.method().is_safe() {
        return Ok(Bytes::new());
    }
    let too_large = || Problem::new(Kind::TooLarge).header("Connection", "close");
    let announced = text(request, header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > envelope.body_bytes) {
        return Err(too_large());
    }
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(Kind::UnsupportedMediaType).detail(super::language::say!(
            "Skicka innehållet okomprimerat, utan Content-Encoding.",
            "Send the body uncompressed, without Content-Encoding."
        )));
    }
    let mut payload = request.extract::<web::Payload>().await.map_err(|_| Problem::new(Kind::MalformedJson))?;
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    let read = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Kind::MalformedJson))?;
            if body.len() + chunk.len() > envelope.body_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(envelope.body_time, read).await.map_err(|_| Problem::new(Kind::Timeout).header("Connection", "close"))??;
    Ok(body.freeze())
}

/// An error that some library answered with in its own words becomes a problem of the same status.
fn plain_error(response: &ServiceResponse<BoxBody>) -> Option<Problem> {
    let status = response.status().as_u16();
    let told =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json" || kind == "application/json");
    if status < 400 || told {
        return None;
    }
    let kind = Kind::ALL.iter().copied().find(|kind| kind.status() == status).unwrap_or(if status < 500 {
        Kind::InvalidParameter
    } else {
        Kind::Internal
    });
    Some(Problem::new(kind))
}

fn tell(plain: &HttpResponse, problem: &Problem, language: Language, public_url: &str, request_id: &str) -> HttpResponse {
    let document = problem.body(language, public_url, request_id);
    let mut told = HttpResponse::build(plain.status());
    for (name, value) in plain.headers() {
        told.append_header((name.clone(), value.clone()));
    }
    told.insert_header((header::CONTENT_TYPE, "application/problem+json")).insert_header((header::CONTENT_LANGUAGE, language.tag()));
    told.body(serde_json::to_vec(&document).unwrap_or_default())
}

/// The headers that every answer has.
fn complete(headers: &mut HeaderMap, request_id: &str, trace: &str, envelope: &Envelope, api: bool) {
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value)
            && !headers.contains_key(&name)
        {
            headers.insert(name, value);
        }
    };
    set(HeaderName::from_static("x-request-id"), request_id);
    set(HeaderName::from_static("traceparent"), trace);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if api {
        set(header::CACHE_CONTROL, "private, no-cache");
        set(header::VARY, "Accept-Language, Authorization");
    }
    if envelope.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

#[cfg(test)]
mod tests {
    use super::logged;

    #[test]
    fn abuse_78_a_personal_identity_number_in_an_address_is_not_logged() {
        for path in ["/actors/811228-9874", "/actors/811228%2D9874", "/actors/19811228%209874", "/actors/%38112289874", "/a%0A/8112289874"]
        {
            let logged = logged(path);
            assert!(logged.contains("[personnummer]") && !logged.contains("9874") && !logged.contains('\n'), "{logged}");
        }
        assert_eq!(logged("/actors/01890a5d-ac96-774b-bcce-b302099a8057"), "/actors/01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(logged("/actors/%C3%A5"), "/actors/%C3%A5");
    }
}

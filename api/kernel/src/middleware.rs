//! The outermost middleware of every call. It determines the id and the language, reads the body within limits, writes problems in
//! the caller's language, adds the headers that protect browsers, and writes one line in the log.

use std::{
    cell::RefCell,
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
use ipnet::IpNet;

use super::{
    Db, address,
    contract::{Contract, FileBody, ROOT},
    cors::Cors,
    fields,
    hash::hex,
    language::Language,
    logs,
    measures::Calls,
    personal_number,
    places::{Place, Places},
    problem::{Kind, Problem, Result},
    request::Meta,
    target, twin,
};

/// The longest address with its parameters, in bytes.
pub const MAX_ADDRESS: usize = 8 * 1024;

/// The largest size of all headers together, in bytes. Beyond four times that size the HTTP server itself refuses the call.
pub const MAX_HEADERS: usize = 32 * 1024;

/// The longest time that a call may ask to wait for a change, by the parameter `wait`.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The addresses of the health checks begin with this.
pub const HEALTH: &str = "/health/";

/// The content security policy of the pages of the documentation.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The settings of the middleware.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The address of the service from outside, without a slash at the end.
    pub public_url: String,
    /// The largest body, in bytes. Files have limits of their own.
    pub body_bytes: usize,
    /// The longest time that a body may take to arrive.
    pub body_time: Duration,
    /// The longest time that a call may take to be answered after its body has arrived.
    pub call_time: Duration,
    /// Whether the service is reached over TLS. Browsers are then told to use nothing else (HSTS).
    pub secure: bool,
    /// The proxies whose statement of the caller's address is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call the service from a browser.
    pub cors: Cors,
}

/// Wraps every call.
///
/// # Errors
/// When the handler fails, panics or takes too long. The request is gone then, and the error itself makes the answer (see
/// `FailedCall`). Also when the service was put together without an [`Envelope`] (500).
pub async fn envelope<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    #[expect(clippy::disallowed_methods, reason = "it measures the time that a call takes, not the time of day")]
    let started = Instant::now();
    let Some(envelope) = request.app_data::<Data<Envelope>>().cloned() else {
        return Err(actix_web::error::ErrorInternalServerError("no envelope"));
    };
    let request_id = request_id(&request);
    let trace = trace_parent(&request, &request_id);
    let language =
        Language::from_accept_language(&fields::items(request.headers(), header::ACCEPT_LANGUAGE).collect::<Vec<_>>()).unwrap_or_default();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let origin = envelope.cors.allowed(request.headers(), &path);
    let calls = request.app_data::<Data<Calls>>().cloned();
    // Health checks need no place, since monitoring needs their answers most when the service is overloaded.
    let places = request.app_data::<Data<Places>>().cloned().filter(|_| !path.starts_with(HEALTH));
    let received = match places.as_ref().map_or(Ok(()), |places| places.admit()) {
        Ok(()) => read_body(&mut request, &envelope).await,
        Err(problem) => Err(problem),
    };
    let (received, place) = match (received, places) {
        (Ok(body), Some(places)) => match places.take().await {
            Ok(place) => (Ok(body), place),
            Err(problem) => (Err(problem), Place::none()),
        },
        (received, _) => (received, Place::none()),
    };
    let body = received.as_ref().ok().cloned().unwrap_or_default();
    let address =
        request.peer_addr().map(|peer| address::caller_address(peer.ip(), request.headers(), &envelope.trusted_proxies).to_string());
    let meta = Rc::new(Meta {
        request_id: request_id.clone(),
        language,
        body,
        address: address.unwrap_or_default(),
        // It is masked because it is stored with the session.
        agent: personal_number::mask(fields::text(request.headers(), header::USER_AGENT).unwrap_or_default()).chars().take(200).collect(),
        headers: RefCell::default(),
    });
    request.extensions_mut().insert(Rc::clone(&meta));
    if method == Method::HEAD {
        // It is answered as GET, and the HTTP server leaves the body out.
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(Head);
    }
    twin::rewrite_search(&mut request);
    let received = received.and_then(|_| match request.app_data::<Data<Contract>>() {
        Some(contract) => contract.require_method(request.method(), request.path()),
        None => Ok(()),
    });

    let mut response = if let Err(problem) = received {
        request.into_response(problem.error_response())
    } else if origin.is_some() && Cors::is_preflight(&method, request.headers()) {
        let mut permission = HttpResponse::NoContent().finish();
        Cors::answer_preflight(permission.headers_mut());
        request.into_response(permission)
    } else {
        let limit = time_limit(&request, &envelope);
        let answered = tokio::time::timeout(limit, AssertUnwindSafe(place.run(next.call(request))).catch_unwind()).await;
        let answered = match answered {
            Ok(answered) => answered.unwrap_or_else(|_| Err(Problem::internal(&"a handler panicked").into())),
            Err(_) => Err(too_slow().into()),
        };
        match answered {
            Ok(response) => response.map_into_boxed_body(),
            // The request is gone with the handler, so the HTTP server makes the answer from this error.
            Err(error) => {
                let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::internal(&error));
                if let Some(calls) = calls {
                    calls.record(|| None, problem.kind.status(), started.elapsed());
                }
                log_call(&method, &path, problem.kind.status(), started, &request_id);
                return Err(FailedCall { problem, meta, origin, path, trace, envelope }.into());
            }
        }
    };
    let problem = response.response().extensions().get::<Problem>().cloned().or_else(|| library_error(&response));
    if let Some(problem) = problem {
        let (http, mut original) = response.into_parts();
        let translated = twin::faults_to_members(problem.clone(), &http);
        if translated.kind != problem.kind {
            original = translated.error_response();
        }
        response = ServiceResponse::new(http, problem_response(&original, &translated, language, &envelope.public_url, &request_id));
    }
    add_common_headers(response.headers_mut(), &meta, &trace, &envelope, &path);
    envelope.cors.add_headers(response.headers_mut(), origin.as_ref(), &path);
    let status = response.status().as_u16();
    if let Some(calls) = calls {
        calls.record(|| operation_id(&response, &method), status, started.elapsed());
    }
    log_call(&method, &path, status, started, &request_id);
    Ok(response)
}

/// Returns the longest time that a call may take. There is no limit when it sends a file, since the handler then receives the body.
fn time_limit(request: &ServiceRequest, envelope: &Envelope) -> Duration {
    if is_file(request, envelope.body_bytes) {
        return Duration::MAX;
    }
    let waits = request.query_string().split('&').any(|parameter| parameter.starts_with("wait="));
    if waits { envelope.call_time + LONGEST_WAIT } else { envelope.call_time }
}

/// Returns the problem of a call that took too long and was broken off (503). Its transaction is rolled back, unless the commit had
/// already been sent.
fn too_slow() -> Problem {
    tracing::warn!("a call took too long and was broken off");
    Problem::new(Kind::Unavailable).header("Retry-After", "5").detail(super::language::say!(
        "Anropet tog för lång tid och avbröts. Läs vad som gäller innan du skickar en ändring igen, eller skicka den med samma Idempotency-Key.",
        "The call took too long and was broken off. Read how things stand before you send a change again, or send it with the same Idempotency-Key."
    ))
}

/// Whether the handler receives the body itself, after it has checked that the caller may send it. A body of unknown length counts
/// as large.
fn is_file(request: &ServiceRequest, body_bytes: usize) -> bool {
    let contract = request.app_data::<Data<Contract>>().filter(|_| request.method() == Method::POST);
    match contract.and_then(|contract| contract.file_body(request.path())) {
        Some(FileBody::Always) => true,
        Some(FileBody::WhenLarge) => content_length(request).is_none_or(|length| length > body_bytes),
        None => false,
    }
}

fn content_length(request: &ServiceRequest) -> Option<usize> {
    fields::text(request.headers(), header::CONTENT_LENGTH).and_then(|length| length.parse().ok())
}

/// Marks a call whose body the middleware has not read, because the handler receives it.
pub struct Left;

/// Marks a `HEAD` call, which wants only the headers of the answer.
pub struct Head;

/// Writes one line in the log. It has no query, headers or bodies, since they may contain secrets.
fn log_call(method: &Method, path: &str, status: u16, started: Instant, request_id: &str) {
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method = logs::method_name(method), path = %logs::mask_path(path), status, ms, request_id, "answered");
}

/// The error of a call whose handler has failed. It has all data that the answer needs, since the request is gone.
#[derive(Debug)]
struct FailedCall {
    problem: Problem,
    meta: Rc<Meta>,
    origin: Option<HeaderValue>,
    path: String,
    trace: String,
    envelope: Data<Envelope>,
}

impl std::fmt::Display for FailedCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for FailedCall {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }
    fn error_response(&self) -> HttpResponse {
        let original = self.problem.error_response();
        let mut response = problem_response(&original, &self.problem, self.meta.language, &self.envelope.public_url, &self.meta.request_id);
        add_common_headers(response.headers_mut(), &self.meta, &self.trace, &self.envelope, &self.path);
        self.envelope.cors.add_headers(response.headers_mut(), self.origin.as_ref(), &self.path);
        response
    }
}

/// Returns the `operationId` of the operation that has answered; `None` outside the API.
fn operation_id(response: &ServiceResponse<BoxBody>, method: &Method) -> Option<String> {
    let request = response.request();
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut pattern = request.match_pattern()?;
    if twin::is_search(request) {
        pattern.push_str(twin::SEARCH);
    }
    Some(request.app_data::<Data<Contract>>()?.operation(method, &pattern)?.id.clone())
}

/// Returns the call's id: the caller's own from `X-Request-Id` when it has the right form, otherwise a new one. An id with a personal
/// identity number is not used, since ids are logged and stored.
fn request_id(request: &ServiceRequest) -> String {
    let given = fields::text(request.headers(), "x-request-id");
    let fits =
        |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match given.filter(fits) {
        Some(id) if !personal_number::contains(id) => id.to_owned(),
        _ => request.app_data::<Data<Db>>().map_or_else(String::new, |db| db.new_id::<Meta>().to_string()),
    }
}

/// Returns the `traceparent` of the call (W3C Trace Context): the caller's trace, or a new one, with a parent id of this call.
fn trace_parent(request: &ServiceRequest, request_id: &str) -> String {
    let digest = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, request_id.as_bytes()).as_ref());
    let given = fields::text(request.headers(), "traceparent").filter(|given| {
        given.len() == 55
            && given.starts_with("00-")
            && given
                .bytes()
                .enumerate()
                .all(|(index, byte)| if matches!(index, 2 | 35 | 52) { byte == b'-' } else { byte.is_ascii_hexdigit() })
    });
    match given {
        Some(given) => format!("{}{}{}", &given[..36], &digest[..16], &given[52..]),
        None => format!("00-{}-{}-00", &digest[..32], &digest[32..48]),
    }
}

/// Whether `Accept` admits a media type that the address can be answered in, a problem document included.
fn is_acceptable(request: &ServiceRequest) -> bool {
    let ranges: Vec<_> = fields::items(request.headers(), header::ACCEPT).collect();
    let accepts = |media_type: &str| fields::preferred(&ranges, &[()], |range, ()| fields::fits_media_type(range, media_type)).is_some();
    let contract = || request.app_data::<Data<Contract>>();
    ranges.is_empty()
        || ["application/json", "application/problem+json"].into_iter().any(accepts)
        || contract().is_some_and(|contract| contract.media_types(request.path()).any(accepts))
}

/// Checks the head of a request and reads the whole body, within the limits of size and time. Returns an empty body for a safe method
/// and for a file.
async fn read_body(request: &mut ServiceRequest, envelope: &Envelope) -> Result<Bytes> {
    if request.uri().to_string().len() > MAX_ADDRESS {
        return Err(Problem::new(Kind::AddressTooLong));
    }
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > MAX_HEADERS {
        return Err(Problem::new(Kind::HeadersTooLarge).header("Connection", "close"));
    }
    target::check(request.uri(), request.app_data::<Data<Contract>>().map(|contract| &***contract))?;
    if request.path().starts_with(ROOT) && !is_acceptable(request) {
        return Err(Problem::new(Kind::NotAcceptable));
    }
    if request.method().is_safe() {
        return Ok(Bytes::new());
    }
    let too_large = || Problem::new(Kind::TooLarge).header("Connection", "close");
    let announced = content_length(request);
    let is_file = is_file(request, envelope.body_bytes);
    if !is_file && announced.is_some_and(|length| length > envelope.body_bytes) {
        return Err(too_large());
    }
    if fields::items(request.headers(), header::CONTENT_ENCODING).any(|coding| !coding.name.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new(Kind::UnsupportedMediaType).detail(super::language::say!(
            "Skicka innehållet okomprimerat, utan Content-Encoding.",
            "Send the body uncompressed, without Content-Encoding."
        )));
    }
    if is_file {
        request.extensions_mut().insert(Left);
        return Ok(Bytes::new());
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

/// Returns the problem for an error that a library has answered with a text of its own: the first kind of the same status, or a
/// general kind. `None` when the answer is no error or has been written by this service.
fn library_error(response: &ServiceResponse<BoxBody>) -> Option<Problem> {
    let status = response.status().as_u16();
    // Our own errors are JSON or pages in HTML. Libraries answer in plain text.
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_our_own = matches!(kind, "application/problem+json" | "application/json" | "text/html; charset=utf-8");
    if status < 400 || is_our_own {
        return None;
    }
    let kind = Kind::ALL.iter().copied().find(|kind| kind.status() == status).unwrap_or(if status < 500 {
        Kind::InvalidParameter
    } else {
        Kind::Internal
    });
    Some(Problem::new(kind))
}

/// Returns the response with its body replaced by the problem document. Its status and its other headers remain.
fn problem_response(original: &HttpResponse, problem: &Problem, language: Language, public_url: &str, request_id: &str) -> HttpResponse {
    let document = problem.body(language, public_url, request_id);
    let mut response = HttpResponse::build(original.status());
    for (name, value) in original.headers() {
        response.append_header((name.clone(), value.clone()));
    }
    response.insert_header((header::CONTENT_TYPE, "application/problem+json")).insert_header((header::CONTENT_LANGUAGE, language.tag()));
    response.body(serde_json::to_vec(&document).unwrap_or_default())
}

/// Adds the headers that every answer has. Those of the metadata replace the answer's own; the others do not.
fn add_common_headers(headers: &mut HeaderMap, meta: &Meta, trace: &str, envelope: &Envelope, path: &str) {
    for (name, value) in meta.headers.borrow_mut().drain(..) {
        headers.insert(name, value);
    }
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value)
            && !headers.contains_key(&name)
        {
            headers.insert(name, value);
        }
    };
    set(HeaderName::from_static("x-request-id"), &meta.request_id);
    set(HeaderName::from_static("traceparent"), trace);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if path.starts_with("/docs/") {
        // These pages load scripts from this service and set styles while they run.
        set(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    }
    if path.starts_with(ROOT) {
        set(header::CACHE_CONTROL, "private, no-cache");
        set(header::VARY, "Accept-Language, Authorization");
    }
    if envelope.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, middleware::from_fn, test};

    use super::*;

    async fn broken() -> HttpResponse {
        panic!("as a test wants it")
    }

    #[actix_web::test]
    async fn a_panic_is_answered_like_anything_else() {
        let envelope_data = Envelope {
            public_url: "https://samsyn.example.se".to_owned(),
            body_bytes: 1000,
            body_time: Duration::from_secs(1),
            call_time: Duration::from_secs(1),
            secure: true,
            trusted_proxies: Vec::new(),
            cors: Cors::new(&["https://app.example.se".to_owned()]).unwrap(),
        };
        let limited = async |request: ServiceRequest, next: Next<BoxBody>| {
            let meta = request.extensions().get::<Rc<Meta>>().cloned().unwrap();
            meta.headers.borrow_mut().push((HeaderName::from_static("ratelimit"), HeaderValue::from_static("\"caller\";r=1;t=1")));
            next.call(request).await
        };
        let app = App::new()
            .app_data(Data::new(envelope_data))
            .wrap(from_fn(limited))
            .wrap(from_fn(envelope))
            .route("/samsyn/v1/broken", web::get().to(broken));
        let app = test::init_service(app).await;
        let call = test::TestRequest::get().uri("/samsyn/v1/broken").insert_header(("Origin", "https://app.example.se"));
        let answer = test::try_call_service(&app, call.to_request()).await.err().unwrap().error_response();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("access-control-allow-origin"), Some("https://app.example.se"));
        assert_eq!(header("ratelimit"), Some("\"caller\";r=1;t=1"));
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("cache-control"), Some("private, no-cache"));
    }
}

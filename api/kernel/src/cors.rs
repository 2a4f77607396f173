//! Cross-origin requests from browsers (CORS): pages of the configured origins may call the API, others may not.
//!
//! The outermost middleware adds the headers, because every response needs them: problems, 304, and the response after a
//! panic in a handler. A library's middleware would see only some of those, and would also mark responses to other origins.

use actix_web::http::{
    Method, Uri,
    header::{self, HeaderMap, HeaderValue},
};

use super::contract::ROOT;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "Accept, Accept-Language, Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, Prefer, traceparent, tracestate, X-Request-Id";
const RESPONSE_HEADERS: &str = "Allow, Content-Language, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, traceparent, WWW-Authenticate, X-Request-Id, Content-Disposition, Change-Cursor";

/// The origins whose pages may call the API.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Takes origins in the exact form in which browsers send them, such as `https://app.example.se`.
    ///
    /// # Errors
    /// A sentence on the first origin that no browser would send, or that is not safe to allow.
    pub fn new(origins: &[String]) -> Result<Self, String> {
        let origins = origins.iter().map(|origin| {
            let wrong = || format!("{origin} is no origin such as https://app.example.se: scheme, host and perhaps a port, in lower case, with nothing after");
            let uri: Uri = origin.parse().map_err(|_| wrong())?;
            let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
            if format!("{scheme}://{authority}") != *origin
                || origin.bytes().any(|byte| byte.is_ascii_uppercase() || matches!(byte, b'@' | b'*'))
                || matches!((scheme, authority.port_u16()), ("https", Some(443)) | ("http", Some(80)))
            {
                return Err(wrong());
            }
            if scheme != "https" && !(scheme == "http" && matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]")) {
                return Err(format!("{origin} must be https; only localhost may be http"));
            }
            HeaderValue::from_str(origin).map_err(|_| wrong())
        });
        Ok(Self { origins: origins.collect::<Result<_, _>>()? })
    }

    /// Returns the value of `Origin` when it is one of the configured origins and the path is part of the API.
    #[must_use]
    pub fn allowed(&self, headers: &HeaderMap, path: &str) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN).filter(|_| applies_to(path))?;
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }

    /// Whether the request is a CORS preflight, which a browser sends before the call itself and without a token.
    #[must_use]
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Adds the headers of the response to a preflight of an allowed origin.
    pub fn answer_preflight(headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }

    /// Adds the headers that let a browser show a response to the page. `origin` is the result of [`Cors::allowed`].
    pub fn add_headers(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>, path: &str) {
        if self.origins.is_empty() || !applies_to(path) {
            return;
        }
        // Also when the origin is not allowed: a cache must not give one origin's response to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
        }
    }
}

fn applies_to(path: &str) -> bool {
    [ROOT, "/oauth2/", "/.well-known/"].iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_that_a_browser_would_send_can_be_named() {
        let error = |origin: &str| Cors::new(&[origin.to_owned()]).err();
        for right in
            ["https://app.example.se", "https://app.example.se:8443", "http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000"]
        {
            assert_eq!(error(right), None);
        }
        for wrong in [
            "*",
            "null",
            "app.example.se",
            "https://app.example.se/",
            "https://app.example.se/path",
            "https://App.example.se",
            "https://app.example.se:443",
            "https://*.example.se",
            "https://user@app.example.se",
            "http://app.example.se",
            "ftp://app.example.se",
        ] {
            assert!(error(wrong).is_some_and(|sentence| sentence.starts_with(wrong)), "{wrong}");
        }
    }
}

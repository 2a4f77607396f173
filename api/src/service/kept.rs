//! Caches answers that never change while the service runs: the contract, the documentation and the pages for people. Each is
//! made and compressed at its first request in that encoding. A caller that has it already gets 304.

use actix_http::encoding::Encoder;
use actix_web::{
    HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, AcceptEncoding, ContentEncoding, Encoding, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use bytes::Bytes;
use std::sync::Arc;

use crate::kernel::{Kind, Problem, connection::NoEncoding, hash::sha256_hex, measures::Caches, say};

/// The most answers in the cache. There are far fewer.
const MAX_ANSWERS: u64 = 500;

/// An answer in one encoding.
#[derive(Debug)]
struct CachedAnswer {
    headers: HeaderMap,
    tag: String,
    body: Bytes,
}

/// The cache, by path and encoding.
#[derive(Debug)]
pub struct AnswerCache {
    copies: moka::sync::Cache<(String, ContentEncoding), Arc<CachedAnswer>>,
    /// Held while an answer is made, so that simultaneous requests make it only once.
    making: tokio::sync::Mutex<()>,
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self { copies: moka::sync::Cache::new(MAX_ANSWERS), making: tokio::sync::Mutex::default() }
    }
}

impl AnswerCache {
    /// Tells how much the cache holds.
    pub fn note_caches(&self, caches: &Caches) {
        caches.note("constant_answers", &self.copies);
    }
}

/// Whether the answer at a path never changes.
fn is_constant(path: &str) -> bool {
    matches!(path, "/" | "/style.css" | "/account.js" | "/openapi.json" | "/openapi.yaml" | "/openapi-3.0.json" | "/problems")
        || path.starts_with("/docs/")
        || path.starts_with("/problems/")
}

/// Middleware: answers from the cache, or stores the handler's answer in it.
///
/// # Errors
/// The error of the handler, or 406 when the caller accepts no encoding that there is.
pub async fn serve_cached<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if request.extensions().contains::<NoEncoding>() {
        let problem = Problem::new(Kind::NotAcceptable).detail(say!(
            "Huvudet `Accept-Encoding` tillåter ingen form som svaret kan skickas i. De som finns är `br`, `gzip`, `deflate`, `zstd` och `identity`.",
            "The header `Accept-Encoding` permits no form that the answer can be sent in. There are `br`, `gzip`, `deflate`, `zstd` and `identity`."
        ));
        return Err(problem.header("Vary", "Accept-Encoding").into());
    }
    let kept = request.app_data::<Data<AnswerCache>>().cloned().filter(|_| request.method() == Method::GET && is_constant(request.path()));
    let Some(kept) = kept else { return next.call(request).await.map(ServiceResponse::map_into_boxed_body) };
    let key = (request.path().to_owned(), encoding(&request));
    if let Some(copy) = kept.copies.get(&key) {
        let response = copy.respond(request.headers());
        return Ok(request.into_response(response));
    }
    let _making = kept.making.lock().await;
    if let Some(copy) = kept.copies.get(&key) {
        let response = copy.respond(request.headers());
        return Ok(request.into_response(response));
    }
    let response = next.call(request).await?.map_into_boxed_body();
    if response.status() != StatusCode::OK {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    let copy = Arc::new(CachedAnswer::from_response(response, key.1).await?);
    let response = copy.respond(request.headers());
    kept.copies.insert(key, copy);
    Ok(ServiceResponse::new(request, response))
}

/// The encoding that the caller prefers.
fn encoding(request: &ServiceRequest) -> ContentEncoding {
    let offered = [Encoding::brotli(), Encoding::gzip(), Encoding::zstd(), Encoding::identity()];
    match request.get_header::<AcceptEncoding>().and_then(|accepted| accepted.negotiate(offered.iter())) {
        Some(Encoding::Known(encoding)) => encoding,
        _ => ContentEncoding::Identity,
    }
}

/// Whether a tag in `If-None-Match` matches: it is equal, or any (`*`).
fn matches_tag(known: &str, tag: &str) -> bool {
    known == "*" || known.trim_start_matches("W/") == tag
}

impl CachedAnswer {
    async fn from_response(response: HttpResponse, encoding: ContentEncoding) -> Result<Self, Problem> {
        let failed = |error: Box<dyn std::error::Error>| Problem::internal(&error);
        let (mut response, body) = response.into_parts();
        let plain = to_bytes(body).await.map_err(failed)?;
        let tag = format!("\"{}-{}\"", &sha256_hex(&plain)[..16], encoding.as_str());
        let encoded = Encoder::response(encoding, response.head_mut(), plain);
        let body = to_bytes(encoded).await.map_err(|error| failed(error.into()))?;
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(header::ETAG, HeaderValue::try_from(&tag).map_err(|error| Problem::internal(&error))?);
        Ok(Self { headers: headers.clone(), tag, body })
    }

    fn respond(&self, asked: &HeaderMap) -> HttpResponse {
        let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
        let known = known.is_some_and(|known| known.split(',').any(|tag| matches_tag(tag.trim(), &self.tag)));
        let mut response = if known { HttpResponse::NotModified().finish() } else { HttpResponse::Ok().body(self.body.clone()) };
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        if known {
            response.headers_mut().remove(header::CONTENT_ENCODING);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::{App, middleware::from_fn, test, web};

    use super::*;

    #[actix_web::test]
    async fn abuse_128_what_is_always_the_same_is_made_once_in_each_form() {
        let made = Arc::new(AtomicUsize::default());
        let counted = {
            let made = Arc::clone(&made);
            move || {
                made.fetch_add(1, Ordering::Relaxed);
                async { HttpResponse::Ok().body("samma ".repeat(1000)) }
            }
        };
        let app = App::new()
            .app_data(Data::new(AnswerCache::default()))
            .wrap(from_fn(serve_cached))
            .route("/openapi.json", web::get().to(counted.clone()))
            .route("/other", web::get().to(counted));
        let app = test::init_service(app).await;
        let call = async |path: &str, encoding: &str| {
            let call = test::TestRequest::get().uri(path).insert_header(("Accept-Encoding", encoding)).to_request();
            test::call_and_read_body(&app, call).await.len()
        };
        for _ in 0..3 {
            assert_eq!(call("/openapi.json?x=1", "identity").await, 6000);
            assert!(call("/openapi.json", "gzip").await < 200);
            assert!(call("/openapi.json", "br, gzip;q=0.5").await < 200);
        }
        assert_eq!(made.load(Ordering::Relaxed), 3);
        for _ in 0..3 {
            call("/other", "gzip").await;
        }
        assert_eq!(made.load(Ordering::Relaxed), 6);
    }
}

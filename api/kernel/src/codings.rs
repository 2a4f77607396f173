//! Content codings, such as gzip. A strong tag stands for the bytes of an answer, so a coded answer has another tag than the plain
//! one: the name of the coding stands at its end (RFC 9110, 8.8.3.3). `If-None-Match` and `If-Match` take both.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

use super::fields::Tags;

/// The codings that the service uses, as the end of a tag.
const ENDS: [&str; 4] = ["-gzip", "-br", "-zstd", "-deflate"];

/// Returns the text of a tag without the name of a coding.
pub(super) fn without_coding(tag: &str) -> &str {
    ENDS.iter().find_map(|end| tag.strip_suffix(end)).unwrap_or(tag)
}

/// Middleware around the one that codes answers: names the coding in the tag.
///
/// # Errors
/// The error of the handler.
pub async fn name_in_tag<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let known = (response.status() == StatusCode::NOT_MODIFIED).then(|| Tags::if_none_match(response.request().headers()));
    let headers = response.headers_mut();
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "identity") {
        headers.remove(CONTENT_ENCODING);
    }
    if let Some(tag) = tag_of(headers, known.as_ref()) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

/// Returns the tag that an answer should have instead of its own, if another: with the coding of the answer, or as the caller knows it.
fn tag_of(headers: &HeaderMap, known: Option<&Tags>) -> Option<HeaderValue> {
    let own = headers.get(ETAG)?.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    let tag = if let Some(known) = known {
        known.same_content(own)?.to_owned()
    } else if without_coding(own) == own {
        format!("{own}-{}", headers.get(CONTENT_ENCODING)?.to_str().ok()?)
    } else {
        return None;
    };
    HeaderValue::try_from(format!("\"{tag}\"")).ok()
}

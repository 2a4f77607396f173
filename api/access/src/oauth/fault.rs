//! Forms and errors as the OAuth standards define them.

use std::{collections::HashMap, fmt};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError, body::BoxBody, http::StatusCode};
use serde_json::json;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::{
    audit,
    kernel::{
        Db, Problem,
        problem::Kind,
        request::{self, Call},
        target, text,
    },
};

/// An error of RFC 6749, section 5.2.
#[derive(Debug)]
pub struct OauthFault {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<String>,
}

impl OauthFault {
    /// 400 with one of the standard's error codes and a sentence in English.
    #[must_use]
    pub fn new(error: &'static str, description: impl AsRef<str>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description_of(description.as_ref()), retry_after: None }
    }

    /// Notes the fault in the audit log and returns it.
    pub async fn note(self, call: &Call, db: &Db) -> Self {
        audit::note_refusal(&call.author.trail, self.status.as_u16(), self.error, db).await;
        self
    }

    /// 401 `invalid_client`: the client is not authenticated. The response does not say why.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", "The client is unknown, or its credentials are wrong.") }
    }
}

impl fmt::Display for OauthFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.description)
    }
}

impl ResponseError for OauthFault {
    fn status_code(&self) -> StatusCode {
        self.status
    }
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status);
        response.insert_header(("Cache-Control", "no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        if let Some(seconds) = &self.retry_after {
            response.insert_header(("Retry-After", seconds.as_str()));
        }
        response.json(json!({"error": self.error, "error_description": self.description}))
    }
}

impl From<Problem> for OauthFault {
    fn from(problem: Problem) -> Self {
        let retry_after = problem.headers.iter().find(|(name, _)| *name == "Retry-After").map(|(_, seconds)| seconds.clone());
        let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match problem.kind {
            Kind::Unavailable | Kind::TooManyRequests | Kind::StorageFull => Self {
                status,
                retry_after,
                ..Self::new("temporarily_unavailable", "Try again after the number of seconds in Retry-After.")
            },
            Kind::Internal => Self { status, ..Self::new("server_error", "The fault is ours and is in the log.") },
            _ => Self::new("invalid_request", problem.to_string()),
        }
    }
}

/// Rewrites a sentence in the characters that `error_description` may contain (RFC 6749, section 5.2): visible ASCII and
/// blanks, without `"` and `\`. Letters lose their accents; a character without an ASCII counterpart becomes a question
/// mark.
#[must_use]
pub fn description_of(sentence: &str) -> String {
    let plain = sentence.nfkd().filter(|sign| !is_combining_mark(*sign)).map(|sign| match sign {
        '"' | '“' | '”' | '„' | '’' | '‘' => '\'',
        '\\' => '/',
        '‐'..='―' => '-',
        ' '..='~' => sign,
        _ if sign.is_whitespace() => ' ',
        _ => '?',
    });
    plain.collect()
}

/// The parameters of a form; each occurs once.
#[derive(Debug, Default)]
pub struct Form(HashMap<String, String>);

impl Form {
    /// Reads the form of a request. Also returns the request's [`Call`], which the audit log notes under the name
    /// `operation`.
    ///
    /// # Errors
    /// When the body is not a form, or a parameter occurs twice (`invalid_request`).
    pub fn read(request: &HttpRequest, operation: &str) -> Result<(Self, Call), OauthFault> {
        let meta = request::meta(request).ok_or_else(|| OauthFault::from(Problem::internal(&"a call without meta")))?;
        if request.content_type() != "application/x-www-form-urlencoded" {
            return Err(OauthFault::new("invalid_request", "Send the parameters as application/x-www-form-urlencoded."));
        }
        let wrong = || OauthFault::new("invalid_request", "The form cannot be read.");
        let body = std::str::from_utf8(&meta.body).map_err(|_| wrong())?;
        if let Some(name) = target::undecodable_parameters(body).next() {
            return Err(OauthFault::new("invalid_request", format!("The parameter {} is not in UTF-8.", text::quoted(&name))));
        }
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(body).map_err(|_| wrong())?.into_inner();
        let mut form = HashMap::new();
        for (name, value) in pairs {
            if form.insert(name.clone(), value).is_some() {
                return Err(OauthFault::new("invalid_request", format!("The parameter {} stands twice.", text::quoted(&name))));
            }
        }
        let mut call = Call::of_nobody(&meta);
        call.author.trail = audit::trail_outside_api(operation, &meta);
        Ok((Self(form), call))
    }

    /// Returns a parameter; `None` when it is missing or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns a parameter that is required.
    ///
    /// # Errors
    /// When the parameter is missing or empty (`invalid_request`).
    pub fn require(&self, name: &str) -> Result<&str, OauthFault> {
        self.get(name).ok_or_else(|| OauthFault::new("invalid_request", format!("The parameter {name} is missing.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_to_the_characters_of_the_standard() {
        assert_eq!(description_of("Återvänd till Ängelholm – \"nu\"\n\\ 中"), "Atervand till Angelholm - 'nu' / ?");
        let all: String = (0..0x3000_u32).filter_map(char::from_u32).collect();
        assert!(description_of(&all).bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
    }
}

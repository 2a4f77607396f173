//! A call: what is known of it before its handler runs, and what its answer must heed.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderName, HeaderValue},
};
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::{
    audit::Trail,
    contract::Action,
    export::Export,
    language::{Language, say},
    problem::{Kind, Problem, Result},
    secrecy::Secrecy,
};

/// What the outermost middleware has learnt of a call.
#[derive(Debug)]
pub struct Meta {
    /// Identifies the call in the answer, in the log and in events.
    pub request_id: String,
    /// The language to answer in.
    pub language: Language,
    /// The whole body; empty where there is none.
    pub body: Bytes,
    /// The network address that the call came from.
    pub address: String,
    /// What the calling program calls itself.
    pub agent: String,
    /// What the answer gets beside its own headers, however it comes about.
    pub headers: RefCell<Vec<(HeaderName, HeaderValue)>>,
}

/// The meta of a call.
#[must_use]
pub fn meta(request: &HttpRequest) -> Option<Rc<Meta>> {
    request.extensions().get::<Rc<Meta>>().cloned()
}

/// An idempotency key with all that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Once {
    /// The caller's key.
    pub key: String,
    /// Caller, method and path: another's key of the same text is another key.
    pub scope: String,
    /// Digest of the body.
    pub digest: String,
}

/// A call: who makes it and what its answer must heed.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The user, or nothing for the installation itself and for who is not signed in.
    pub user: Option<Uuid>,
    /// The user's name as it is now, for the record.
    pub user_name: String,
    /// Identifies the call in events and in the log.
    pub request_id: Option<String>,
    /// The network address that the call came from; empty for the installation itself.
    pub address: String,
    /// What the calling program calls itself.
    pub agent: String,
    /// The language of the answer.
    pub language: Language,
    /// Under which key the answer is kept, so that a repeated call is answered and not carried out again.
    pub once: Option<Once>,
    /// `If-Match`.
    pub if_match: Option<String>,
    /// The members of the answer that the caller wants; nothing means all.
    pub fields: Option<Vec<String>>,
    /// The path as called.
    pub path: String,
    /// The query's parameters, read as the contract says.
    pub parameters: Arc<Value>,
    /// What the audit log wants to know.
    pub trail: Arc<Trail>,
    /// What is hidden from the caller; nothing when nothing is.
    pub secrecy: Option<Secrecy>,
    /// The operations on the record that is read, where the caller asks which of them it may carry out.
    pub actions: Option<Vec<Action>>,
    /// The names of those that the caller may carry out, once that is found out.
    pub allowed: Option<Vec<String>>,
    /// How a list is wanted as a table; nothing for a page in JSON.
    pub export: Option<Arc<Export>>,
    /// Whether a list is asked by a body, so that it has no address of its own.
    pub searched: bool,
}

/// Stands in `If-Match` for any version.
const ANY: &str = "*";

impl Call {
    /// A call of the installation itself: packs, the demo, commands at the console.
    #[must_use]
    pub fn of_installation() -> Self {
        Self { user_name: "samsyn".to_owned(), ..Self::default() }
    }

    /// A call of nobody in particular, of which only this is known.
    #[must_use]
    pub fn of_nobody(meta: &Meta) -> Self {
        Self {
            request_id: Some(meta.request_id.clone()),
            address: meta.address.clone(),
            agent: meta.agent.clone(),
            language: meta.language,
            ..Self::default()
        }
    }

    /// A call of who sits at the console, who is in the audit log by the name of what is done.
    #[must_use]
    pub fn of_console(operation: &str) -> Self {
        Self { trail: Arc::new(Trail::of_console(operation)), ..Self::of_installation() }
    }

    /// Checks that the caller changes the version that it has seen.
    ///
    /// # Errors
    /// When it does not say which (428), or another has changed it since (412).
    pub fn expects(&self, version: i64) -> Result<()> {
        let Some(given) = &self.if_match else { return Err(Problem::new(Kind::PreconditionRequired)) };
        let present = format!("v{version}");
        let matches = given.split(',').map(str::trim).any(|tag| {
            // The part after a hyphen tells representations of one version apart.
            tag == ANY
                || tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).is_some_and(|tag| tag.split('-').next() == Some(&present))
        });
        if matches { Ok(()) } else { Err(Self::stale(version)) }
    }

    /// Checks that what is to be changed is at a version, for a change that names it in its body.
    pub fn at(expected: i64) -> impl Fn(i64) -> Result<()> {
        move |version| if version == expected { Ok(()) } else { Err(Self::stale(version)) }
    }

    /// Another has changed the record while this call did. Who changes whatever version there is does so to the new one.
    #[must_use]
    pub fn overtaken(&self, version: i64) -> Problem {
        if self.takes_any_version() {
            return Problem { retry: true, ..Problem::new(Kind::Unavailable).header("Retry-After", "1") };
        }
        Self::stale(version)
    }

    /// Whether the call changes whatever version there is.
    #[must_use]
    pub fn takes_any_version(&self) -> bool {
        self.if_match.as_deref().is_some_and(|given| given.split(',').any(|tag| tag.trim() == ANY))
    }

    /// Another has changed the record since.
    #[must_use]
    pub fn stale(version: i64) -> Problem {
        Problem::new(Kind::PreconditionFailed).header("ETag", format!("\"v{version}\"")).detail(say!(
            "Någon har ändrat under tiden: den gällande versionen är \"v{version}\". Läs på nytt och gör om ändringen.",
            "Somebody changed it meanwhile: the present version is \"v{version}\". Read it again and redo the change."
        ))
    }

    /// What a cursor is bound to: the caller, the path, the filter and the order.
    #[must_use]
    pub fn cursor_scope(&self) -> String {
        let filter = self
            .parameters
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit" | "offset" | "fields" | "include" | "expand" | "format"));
        let mut filter: Vec<_> = filter.map(|(name, value)| format!("{name}={value}")).collect();
        filter.sort();
        let text = format!("{:?} {} {}", self.user, self.path, filter.join("&"));
        super::hash::sha256_hex(text.as_bytes())[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_must_name_the_version_it_changes() {
        let with = |tag: &str| Call { if_match: Some(tag.to_owned()), ..Call::default() }.expects(3).map_err(|problem| problem.kind);
        assert_eq!(with("\"v3\""), Ok(()));
        assert_eq!(with("\"v1\", \"v3-0123abcd\""), Ok(()));
        assert_eq!(with("*"), Ok(()));
        assert_eq!(with("\"v2\""), Err(Kind::PreconditionFailed));
        assert_eq!(with("W/\"v3\""), Err(Kind::PreconditionFailed), "a weak tag never matches for a change");
        assert_eq!(Call::default().expects(3).map_err(|problem| problem.kind), Err(Kind::PreconditionRequired));
    }
}

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
    fields::Tags,
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

/// Who makes a call, for the record: in changes, in histories and in the audit log.
#[derive(Clone, Debug, Default)]
pub struct Author {
    /// The user; `None` for the installation itself and for a caller who is not signed in.
    pub user: Option<Uuid>,
    /// The user's name at the time of the call.
    pub user_name: String,
    /// Identifies the call in events and in the log.
    pub request_id: Option<String>,
    /// The network address that the call came from; empty for the installation itself.
    pub address: String,
    /// The `User-Agent` of the calling program.
    pub agent: String,
    /// What the audit log records about the call.
    pub trail: Arc<Trail>,
}

/// What a call asks for, and what its answer must respect.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The language of the answer.
    pub language: Language,
    /// The key under which the answer is kept, so that a repeated call is answered and not carried out again.
    pub once: Option<Once>,
    /// `If-Match`.
    pub if_match: Option<Tags>,
    /// The members of the answer that the caller wants; `None` means all.
    pub fields: Option<Vec<String>>,
    /// The path as called.
    pub path: String,
    /// The query's parameters, read as the contract says.
    pub parameters: Arc<Value>,
    /// What is hidden from the caller; `None` when nothing is.
    pub secrecy: Option<Secrecy>,
    /// The operations on the record that is read, where the caller asks which of them it may carry out.
    pub actions: Option<Vec<Action>>,
    /// The `operationId`s of those that the caller may carry out, once that has been checked.
    pub allowed: Option<Vec<String>>,
    /// The form of a list as a table; `None` for a page in JSON.
    pub export: Option<Arc<Export>>,
    /// Whether a list is asked for by a body, so that the answer has no address of its own.
    pub searched: bool,
}

/// A call: its author, and what it asks for.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Who makes it.
    pub author: Author,
    /// What it asks for.
    pub asked: Asked,
}

impl Call {
    /// A call of the installation itself: packs, the demo, commands at the console.
    #[must_use]
    pub fn of_installation() -> Self {
        Self { author: Author { user_name: "samsyn".to_owned(), ..Author::default() }, asked: Asked::default() }
    }

    /// A call whose caller is not known, with what the outermost middleware has read.
    #[must_use]
    pub fn of_nobody(meta: &Meta) -> Self {
        let author = Author {
            request_id: Some(meta.request_id.clone()),
            address: meta.address.clone(),
            agent: meta.agent.clone(),
            ..Author::default()
        };
        Self { author, asked: Asked { language: meta.language, ..Asked::default() } }
    }

    /// A call from the console, which the audit log records under the name of the operation.
    #[must_use]
    pub fn of_console(operation: &str) -> Self {
        let mut call = Self::of_installation();
        call.author.trail = Arc::new(Trail::of_console(operation));
        call
    }

    /// The same call, made by this user.
    #[must_use]
    pub fn by_user(mut self, user: Uuid) -> Self {
        self.author.user = Some(user);
        self
    }

    /// The same call with another digest of its body, where the body is read only by the handler.
    #[must_use]
    pub fn with_digest(&self, digest: String) -> Self {
        let mut call = self.clone();
        call.asked.once = call.asked.once.map(|once| Once { digest, ..once });
        call
    }

    /// Checks that the caller changes the version that it has seen.
    ///
    /// # Errors
    /// When it does not say which (428), or another has changed it since (412).
    pub fn expects(&self, version: i64) -> Result<()> {
        let Some(given) = &self.asked.if_match else { return Err(Problem::new(Kind::PreconditionRequired)) };
        let present = format!("v{version}");
        // The part after a hyphen tells representations of one version apart.
        let matches = given.any || given.any_strong(|tag| tag.split('-').next() == Some(&present));
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
        self.asked.if_match.as_ref().is_some_and(|given| given.any)
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
            .asked
            .parameters
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit" | "offset" | "fields" | "include" | "expand" | "format"));
        let mut filter: Vec<_> = filter.map(|(name, value)| format!("{name}={value}")).collect();
        filter.sort();
        let text = format!("{:?} {} {}", self.author.user, self.asked.path, filter.join("&"));
        super::hash::sha256_hex(text.as_bytes())[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_must_name_the_version_it_changes() {
        let with = |tag: &str| {
            let asked = Asked { if_match: Some(Tags::parse([tag].into_iter())), ..Asked::default() };
            Call { asked, ..Call::default() }.expects(3).map_err(|problem| problem.kind)
        };
        assert_eq!(with("\"v3\""), Ok(()));
        assert_eq!(with("\"v1\", \"v3-0123abcd\""), Ok(()));
        assert_eq!(with("*"), Ok(()));
        assert_eq!(with("\"v2\""), Err(Kind::PreconditionFailed));
        assert_eq!(with("W/\"v3\""), Err(Kind::PreconditionFailed), "a weak tag never matches for a change");
        assert_eq!(Call::default().expects(3).map_err(|problem| problem.kind), Err(Kind::PreconditionRequired));
    }
}

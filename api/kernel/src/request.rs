//! A call: the data that is known before its handler runs, and the wishes and limits that its answer must respect.

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
    problem::{Fault, Kind, Problem, Result},
    secrecy::Secrecy,
};

/// The data of a call that the outermost middleware reads.
#[derive(Debug)]
pub struct Meta {
    /// Identifies the call in the answer, in the log and in events.
    pub request_id: String,
    /// The language to answer in.
    pub language: Language,
    /// The whole body. Empty when there is none, when the call is refused early, and when the handler receives a file itself.
    pub body: Bytes,
    /// The network address that the call came from.
    pub address: String,
    /// The `User-Agent` of the calling program: at most 200 characters, with personal identity numbers masked.
    pub agent: String,
    /// Headers that are set on the answer, also when the answer is an error. They replace the answer's own of the same name.
    pub headers: RefCell<Vec<(HeaderName, HeaderValue)>>,
}

/// Returns the metadata of a call; `None` when the outermost middleware has not run.
#[must_use]
pub fn meta(request: &HttpRequest) -> Option<Rc<Meta>> {
    request.extensions().get::<Rc<Meta>>().cloned()
}

/// An idempotency key, with the caller, the address and the body that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Once {
    /// The caller's key.
    pub key: String,
    /// The caller, the method and the address with its query. The same text from another caller is another key.
    pub scope: String,
    /// SHA-256 of the body in hexadecimal.
    pub digest: String,
}

/// The author of a call, as changes, histories and the audit log record it.
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
    /// The data of the call for the audit log.
    pub trail: Arc<Trail>,
}

/// The wishes of a call, and the limits that its answer must respect.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The language of the answer.
    pub language: Language,
    /// The key under which the answer is stored. A repeated call gets the stored answer and is not carried out again.
    pub once: Option<Once>,
    /// The entity tags of `If-Match`; `None` without the header.
    pub if_match: Option<Tags>,
    /// The members of the answer that the caller wants; `None` means all.
    pub fields: Option<Vec<String>>,
    /// The path as called.
    pub path: String,
    /// The parameters of the query, or of the body of a search, checked and typed by the contract.
    pub parameters: Arc<Value>,
    /// The members that secrecy hides from the caller; `None` when nothing is hidden.
    pub secrecy: Option<Secrecy>,
    /// The operations on the record that is read. `None` unless the caller asks which of them it may carry out.
    pub actions: Option<Vec<Action>>,
    /// The `operationId`s of the actions that the caller may carry out; `None` until they have been checked.
    pub allowed: Option<Vec<String>>,
    /// The form of a list as a table; `None` for a page in JSON.
    pub export: Option<Arc<Export>>,
    /// Whether the call is a search by a body, so that the answer has no address of its own.
    pub searched: bool,
}

/// A call: its author and its wishes.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The author.
    pub author: Author,
    /// The wishes of the call.
    pub asked: Asked,
}

impl Call {
    /// Returns a call of the installation itself: for packs, the demo and commands at the console.
    #[must_use]
    pub fn of_installation() -> Self {
        Self { author: Author { user_name: "samsyn".to_owned(), ..Author::default() }, asked: Asked::default() }
    }

    /// Returns a call whose caller is not known, with the language, the address and the id of its metadata.
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

    /// Returns a call from the console. The audit log records it under the name of the operation.
    #[must_use]
    pub fn of_console(operation: &str) -> Self {
        let mut call = Self::of_installation();
        call.author.trail = Arc::new(Trail::of_console(operation));
        call
    }

    /// Sets the user who makes the call.
    #[must_use]
    pub fn by_user(mut self, user: Uuid) -> Self {
        self.author.user = Some(user);
        self
    }

    /// Returns the call with this digest of its body, for a handler that receives the body itself.
    #[must_use]
    pub fn with_digest(&self, digest: String) -> Self {
        let mut call = self.clone();
        call.asked.once = call.asked.once.map(|once| Once { digest, ..once });
        call
    }

    /// Checks that `If-Match` names the present version, so that the caller changes what it has seen.
    ///
    /// # Errors
    /// When the header is missing (428), names neither this version nor `*` (412), or is no entity tag (400).
    pub fn expects(&self, version: i64) -> Result<()> {
        let Some(given) = &self.asked.if_match else { return Err(Problem::new(Kind::PreconditionRequired)) };
        let present = format!("v{version}");
        // Representations of one version differ in the part after a hyphen.
        let matches = given.any || given.any_strong(|tag| tag.split('-').next() == Some(&present));
        if matches {
            return Ok(());
        }
        if given.malformed {
            let detail = say!(
                "If-Match ska vara postens ETag med citattecken, till exempel \"v3\".",
                "If-Match must be the ETag of the record with its quotation marks, for example \"v3\"."
            );
            return Err(Problem::parameters(vec![Fault::of_parameter("If-Match", "wrong-form", detail)]));
        }
        if given.all_weak() {
            return Err(Self::stale(version).detail(say!(
                "En ändring kräver en stark etikett: skicka den ETag som svaret hade, utan W/.",
                "A change needs a strong tag: send the ETag that the answer had, without W/."
            )));
        }
        Err(Self::stale(version))
    }

    /// Returns a check that the present version is the expected one, for a change that names the version in its body. The check
    /// fails with 412.
    pub fn at(expected: i64) -> impl Fn(i64) -> Result<()> {
        move |version| if version == expected { Ok(()) } else { Err(Self::stale(version)) }
    }

    /// Returns the problem of a record that another call has changed while this one did. The problem is 412. With `If-Match: *` it
    /// is 503 and the transaction is tried again, since such a call may also change the new version.
    #[must_use]
    pub fn overtaken(&self, version: i64) -> Problem {
        if self.takes_any_version() {
            return Problem { retry: true, ..Problem::new(Kind::Unavailable).header("Retry-After", "1") };
        }
        Self::stale(version)
    }

    /// Whether the call may change any version: `If-Match: *`.
    #[must_use]
    pub fn takes_any_version(&self) -> bool {
        self.asked.if_match.as_ref().is_some_and(|given| given.any)
    }

    /// Returns the problem of a record that has been changed since the caller read it (412). `version` is the present one.
    #[must_use]
    pub fn stale(version: i64) -> Problem {
        Problem::new(Kind::PreconditionFailed).header("ETag", format!("\"v{version}\"")).detail(say!(
            "Någon har ändrat under tiden: den gällande versionen är \"v{version}\". Läs på nytt och gör om ändringen.",
            "Somebody changed it meanwhile: the present version is \"v{version}\". Read it again and redo the change."
        ))
    }

    /// Returns a digest of the caller, the path, the filter and the order: 16 hexadecimal digits. A cursor is valid only for the same
    /// digest.
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
        assert_eq!(with("v3"), Err(Kind::InvalidParameter), "a tag without quotes is none");
        assert_eq!(with("v2, \"v3\""), Ok(()));
        assert_eq!(Call::default().expects(3).map_err(|problem| problem.kind), Err(Kind::PreconditionRequired));
    }
}

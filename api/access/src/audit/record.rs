//! Writes the audit entries that no transaction writes: refusals, failures, and reads of personal data or restricted
//! material.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, dev::ServiceResponse};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::Probes;
use crate::{
    Caller,
    kernel::{
        Db, Problem, Result,
        audit::{self, AuditOutcome, AuditResult, Trail},
        contract::Operation,
        problem::Kind,
        request::Meta,
    },
    policy::Permission,
};

/// The place in a request where the handler's extractor puts the call's trail, for the middleware to read afterwards.
pub(crate) type Slot = Rc<OnceCell<Arc<Trail>>>;

/// Makes the trail of a call and puts it in the request's [`Slot`].
pub(crate) fn begin(
    request: &HttpRequest,
    operation: &Operation,
    meta: &Meta,
    caller: Option<&Caller>,
    permission: Permission,
) -> Arc<Trail> {
    let trail = Arc::new(Trail {
        operation: operation.id.clone(),
        success: operation.success,
        user: caller.and_then(|caller| caller.user),
        credential: caller.map(Caller::credential).unwrap_or_default(),
        address: meta.address.clone(),
        request_id: meta.request_id.clone(),
        actor: caller.and_then(|caller| caller.employer),
        record: record_in_path(request),
        reads: permission.reads_are_recorded(),
        ..Trail::default()
    });
    if let Some(slot) = request.extensions().get::<Slot>() {
        let _ = slot.set(Arc::clone(&trail));
    }
    trail
}

/// Makes the trail of a request outside the API, which has no operation in the contract.
pub(crate) fn trail_outside_api(operation: &str, meta: &Meta) -> Arc<Trail> {
    Arc::new(Trail {
        operation: operation.to_owned(),
        success: 200,
        address: meta.address.clone(),
        request_id: meta.request_id.clone(),
        ..Trail::default()
    })
}

/// Notes the refusal of a request outside the API. The refusal stands even when it cannot be noted.
pub(crate) async fn note_refusal(trail: &Trail, status: u16, detail: &'static str, db: &Db) {
    if trail.noted().is_some() {
        return;
    }
    let turn = AuditResult { outcome: AuditOutcome::Denied, status, detail: Some(detail), created: None };
    let row = audit::row(trail, db.new_id::<audit::Model>().uuid(), db.clock.now(), turn, &[]);
    if let Err(error) = audit::Entity::insert(row).exec_without_returning(db.writer()).await {
        tracing::error!(%error, request_id = trail.request_id, "a refusal could not be noted in the audit log");
    }
}

/// Returns the kind and id of the last record that the path names: `/actors/{actorId}` gives `actor` and the id. Returns
/// `None` when the value is not an id.
fn record_in_path(request: &HttpRequest) -> Option<(String, Uuid)> {
    let (name, value) = request.match_info().iter().filter(|(name, _)| name.ends_with("Id")).last()?;
    let mut kind = String::new();
    for letter in name.trim_end_matches("Id").chars() {
        if letter.is_ascii_uppercase() {
            kind.push('_');
        }
        kind.push(letter.to_ascii_lowercase());
    }
    Some((kind, value.parse().ok()?))
}

/// A call that has ended.
pub(crate) struct Ended<'a, B> {
    /// The slot with the call's trail.
    pub slot: &'a Slot,
    /// Whether the method is one that changes something.
    pub writes: bool,
    /// Whether the call came with a token, valid or not.
    pub with_token: bool,
    /// The metadata of the request.
    pub meta: Option<&'a Meta>,
    /// The response or error.
    pub answered: &'a Result<ServiceResponse<B>, actix_web::Error>,
}

/// Notes the outcome of a call in the audit log, unless one of its writes has noted it.
///
/// # Errors
/// When a read that must be noted cannot be noted (500). A refusal stands even when it cannot be noted.
pub(crate) async fn end<B>(call: Ended<'_, B>, probes: &Probes, db: &Db) -> Result<()> {
    let Ended { slot, writes, with_token, meta, answered } = call;
    let trail = slot.get();
    let problem = match answered {
        Ok(response) => response.response().extensions().get::<Problem>().cloned(),
        Err(error) => Some(error.as_error::<Problem>().cloned().unwrap_or_else(|| Problem::new(Kind::Internal))),
    };
    let status = match (answered, &problem) {
        (_, Some(problem)) => problem.kind.status(),
        (Ok(response), None) => response.status().as_u16(),
        (Err(_), None) => 500,
    };
    let outcome = AuditOutcome::from_status(status);
    let refused_sign_in =
        problem.as_ref().is_some_and(|problem| matches!(problem.kind, Kind::InvalidCredentials | Kind::SecondFactorRequired));
    let nobody = !with_token && !refused_sign_in && trail.is_none_or(|trail| trail.user.is_none());
    if let Some(meta) = meta.filter(|_| nobody && Probes::covers(status)) {
        let detail = problem.as_ref().map_or("unauthenticated", |problem| problem.kind.slug());
        probes.note(trail.map(|trail| trail.operation.as_str()), meta, status, detail, db).await;
        return Ok(());
    }
    let Some(trail) = trail else { return Ok(()) };
    let wanted = match outcome {
        AuditOutcome::Denied => status != 429 || trail.user.is_some(),
        AuditOutcome::Failed => writes && trail.user.is_some(),
        AuditOutcome::Done | AuditOutcome::Seen => !writes && trail.reads && status == 200,
    };
    if !wanted || trail.noted() == Some(status) {
        return Ok(());
    }
    let outcome = if outcome == AuditOutcome::Done { AuditOutcome::Seen } else { outcome };
    let detail = problem.as_ref().map(|problem| problem.required_permission.unwrap_or(problem.kind.slug()));
    let now = db.clock.now();
    let turn = AuditResult { outcome, status, detail, created: None };
    let row = audit::row(trail, db.new_id::<audit::Model>().uuid(), now, turn, &[]);
    let noted = audit::Entity::insert(row).exec_without_returning(db.writer()).await;
    match noted {
        Err(error) if outcome == AuditOutcome::Seen => Err(error.into()),
        Err(error) => {
            tracing::error!(%error, request_id = trail.request_id, "a refusal could not be noted in the audit log");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

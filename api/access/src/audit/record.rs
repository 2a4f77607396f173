//! Notes what no transaction notes: refusals, failures, and reads of personal data or restricted material.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, dev::ServiceResponse};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::Probes;
use crate::{
    Caller,
    kernel::{
        Db, Problem, Result,
        audit::{self, AuditOutcome, Trail, Turn},
        contract::Operation,
        problem::Kind,
        request::Meta,
    },
    policy::Permission,
};

/// Where the trail of a call is laid down when its operation is known, for the middleware to find afterwards.
pub(crate) type Slot = Rc<OnceCell<Arc<Trail>>>;

/// Begins the trail of a call.
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
        record: named(request),
        reads: permission.reads_are_recorded(),
        ..Trail::default()
    });
    if let Some(slot) = request.extensions().get::<Slot>() {
        let _ = slot.set(Arc::clone(&trail));
    }
    trail
}

/// The trail of something that stands beside the API and has no operation there.
pub(crate) fn beside(operation: &str, meta: &Meta) -> Arc<Trail> {
    Arc::new(Trail {
        operation: operation.to_owned(),
        success: 200,
        address: meta.address.clone(),
        request_id: meta.request_id.clone(),
        ..Trail::default()
    })
}

/// Notes a refusal beside the API. It stays one also when it cannot be noted.
pub(crate) async fn refused(trail: &Trail, status: u16, detail: &'static str, db: &Db) {
    if trail.noted().is_some() {
        return;
    }
    let turn = Turn { outcome: AuditOutcome::Denied, status, detail: Some(detail), created: None };
    let row = audit::row(trail, db.new_id::<audit::Model>().uuid(), db.clock.now(), turn, &[]);
    if let Err(error) = audit::Entity::insert(row).exec_without_returning(db.writer()).await {
        tracing::error!(%error, request_id = trail.request_id, "a refusal could not be noted in the audit log");
    }
}

/// The kind and id of the record that the path names last: `/actors/{actorId}` is an `actor`. What is no id is left out.
fn named(request: &HttpRequest) -> Option<(String, Uuid)> {
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

/// A call as it ended, and who made it.
pub(crate) struct Ended<'a, B> {
    /// Where its trail was laid down.
    pub slot: &'a Slot,
    /// Whether it was made to change something.
    pub writes: bool,
    /// Whether it came with a token, whatever it is worth.
    pub with_token: bool,
    /// What is known of every call.
    pub meta: Option<&'a Meta>,
    /// How it was answered.
    pub answered: &'a Result<ServiceResponse<B>, actix_web::Error>,
}

/// Notes how a call ended, where no write of its own has.
///
/// # Errors
/// When something was read that must be noted and cannot be. A refusal stays one also when it cannot be noted.
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
    let outcome = AuditOutcome::of(status);
    let refused_sign_in =
        problem.as_ref().is_some_and(|problem| matches!(problem.kind, Kind::InvalidCredentials | Kind::SecondFactorRequired));
    let nobody = !with_token && !refused_sign_in && trail.is_none_or(|trail| trail.user.is_none());
    if let Some(meta) = meta.filter(|_| nobody && Probes::concern(status)) {
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
    let turn = Turn { outcome, status, detail, created: None };
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

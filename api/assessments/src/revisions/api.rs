use actix_web::{get, web::Data};
use serde_json::value::RawValue;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    assessments::AssessmentId,
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, frozen::FrozenCheck},
};

/// List revisions
///
/// The revisions of an assessment that were published for the caller, oldest first.
#[utoipa::path(tag = "assessments", operation_id = "listRevisions", params(Paging),
    responses((status = 200, description = "A page of revisions", body = Page<Revision>)))]
#[get("/assessments/{assessmentId}/revisions")]
async fn list(
    by: By<needs::ReadAssessments>,
    At(assessment): At<AssessmentId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Revision>> {
    store::require_visible(by.sight(), assessment, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), assessment, paging, by, &db).await).await
}

/// Show a revision
///
/// One revision by its id.
#[utoipa::path(tag = "assessments", operation_id = "getRevision",
    responses((status = 200, description = "The revision", body = Revision)))]
#[get("/assessments/{assessmentId}/revisions/{revisionId}")]
async fn show(
    by: By<needs::ReadAssessments>,
    At((assessment, id)): At<(AssessmentId, RevisionId)>,
    db: Data<Db>,
) -> Result<Reply<Revision>> {
    let revision = store::find(by.sight(), assessment, id, db.reader()).await?;
    Reply::shown(&by, revision.number.into(), &revision)
}

/// Show a revision's bytes
///
/// The published content byte for byte, so that anybody can compute its digest. Only for callers who may see all of it.
#[utoipa::path(tag = "assessments", operation_id = "getRevisionCanonical",
    responses((status = 200, description = "The content, byte for byte", body = RevisionContent)))]
#[get("/assessments/{assessmentId}/revisions/{revisionId}/canonical")]
async fn canonical(
    by: By<needs::ReadAssessments>,
    At((assessment, id)): At<(AssessmentId, RevisionId)>,
    db: Data<Db>,
) -> Result<Reply<Box<RawValue>>> {
    let revision = store::find(by.sight(), assessment, id, db.reader()).await?;
    if let Some(secrecy) = &by.asked.secrecy {
        secrecy.refuse_redacted(&mut serde_json::from_str(revision.content.get())?)?;
    }
    Reply::shown(&by, revision.number.into(), &revision.content)
}

/// Check a revision
///
/// Says whether the stored bytes are those that were published, and whether each answer in them matches its hash
/// (`/content/evidence/0/hash`).
#[utoipa::path(tag = "assessments", operation_id = "verifyRevision",
    responses((status = 200, description = "The result of the check", body = FrozenCheck)))]
#[get("/assessments/{assessmentId}/revisions/{revisionId}/verify")]
async fn verify(
    by: By<needs::ReadAssessments>,
    At((assessment, id)): At<(AssessmentId, RevisionId)>,
    db: Data<Db>,
) -> Result<Reply<FrozenCheck>> {
    let revision = store::find(by.sight(), assessment, id, db.reader()).await?;
    Reply::computed(&by, &store::check(&revision)?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(canonical).service(verify);
}

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
/// All that was published of an assessment for the caller to see, oldest first.
#[utoipa::path(tag = "assessments", operation_id = "listRevisions", params(Paging),
    responses((status = 200, description = "A page of revisions", body = Page<Revision>)))]
#[get("/assessments/{assessmentId}/revisions")]
async fn list(
    by: By<needs::ReadAssessments>,
    At(assessment): At<AssessmentId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Revision>> {
    store::may_list(by.sight(), assessment, db.reader()).await?;
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), assessment, paging, by, &db).await).await
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

/// Give a revision's bytes
///
/// The content as it was published, to be hashed by anybody. Only who may see all of it is given it.
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
/// Whether the bytes that are kept are those that were published, and each answer in them is what was hashed (`/content/evidence/0/hash`).
#[utoipa::path(tag = "assessments", operation_id = "verifyRevision",
    responses((status = 200, description = "What was found", body = FrozenCheck)))]
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

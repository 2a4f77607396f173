use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    assessments::{AssessmentId, rules, store as assessments},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, reply::Nothing},
};

/// List causes
///
/// The causes of an assessment, in the order in which they were added.
#[utoipa::path(tag = "assessments", operation_id = "listCauses", params(Paging),
    responses((status = 200, description = "A page of causes", body = Page<Cause>)))]
#[get("/assessments/{assessmentId}/causes")]
async fn list(
    by: By<needs::ReadAssessments>,
    At(assessment): At<AssessmentId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Cause>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(assessment, paging, by, &db).await).await
}

/// Add a cause
///
/// A cause can explain one or several findings of the assessment.
#[utoipa::path(tag = "assessments", operation_id = "createCause", request_body = NewCause,
    responses((status = 201, description = "The cause as added", body = Cause)))]
#[post("/assessments/{assessmentId}/causes")]
async fn create(
    by: By<needs::WriteAssessments>,
    At(assessment): At<AssessmentId>,
    new: Valid<NewCause>,
    db: Data<Db>,
) -> Result<Reply<Cause>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        rules::require(rules::Operation::Write, assessment.status)?;
        let cause = store::insert(&assessment, new.0.clone(), w).await?;
        Reply::created(&format!("/assessments/{}/causes", assessment.id), cause.id, cause.version, &cause)
    })
    .await
}

/// Show a cause
///
/// One cause by its id.
#[utoipa::path(tag = "assessments", operation_id = "getCause",
    responses((status = 200, description = "The cause", body = Cause)))]
#[get("/assessments/{assessmentId}/causes/{causeId}")]
async fn show(by: By<needs::ReadAssessments>, At((assessment, id)): At<(AssessmentId, CauseId)>, db: Data<Db>) -> Result<Reply<Cause>> {
    let assessment = assessments::find(by.sight(), assessment, db.reader()).await?;
    let cause = store::find(assessment.id, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| assessments::may_write(reach, &assessment, db.reader()).await).await?;
    Reply::shown(&call, cause.version, &cause)
}

/// Change a cause
///
/// Merge patch, while the assessment is a draft or in review.
#[utoipa::path(tag = "assessments", operation_id = "updateCause", request_body = Patch<NewCause>,
    responses((status = 200, description = "The cause after the change", body = Cause)))]
#[patch("/assessments/{assessmentId}/causes/{causeId}")]
async fn change(
    by: By<needs::WriteAssessments>,
    At((assessment, id)): At<(AssessmentId, CauseId)>,
    patch: Patch<NewCause>,
    db: Data<Db>,
) -> Result<Reply<Cause>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        let mut cause = store::find(assessment.id, id, &w.tx).await?;
        by.expects(cause.version)?;
        rules::require(rules::Operation::Write, assessment.status)?;
        if let Some(changed) = patch.apply(cause.id, &cause.fields)? {
            cause = store::update(&assessment, &cause, changed, w).await?;
        }
        Reply::changed(cause.version, &cause)
    })
    .await
}

/// Remove a cause
///
/// Possible while the assessment is a draft or in review and no intervention is aimed at the cause. Published revisions keep it.
#[utoipa::path(tag = "assessments", operation_id = "deleteCause",
    responses((status = 204, description = "The cause is removed")))]
#[delete("/assessments/{assessmentId}/causes/{causeId}")]
async fn remove(
    by: By<needs::WriteAssessments>,
    At((assessment, id)): At<(AssessmentId, CauseId)>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        let cause = store::find(assessment.id, id, &w.tx).await?;
        by.expects(cause.version)?;
        rules::require(rules::Operation::Write, assessment.status)?;
        store::remove(&assessment, &cause, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}

use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    rules::{self, Operation},
    store,
    types::*,
};
use crate::{
    access::{
        By, Visibility,
        policy::{Permission, needs},
    },
    forums::forums::{rules as forum_rules, store as forums},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, page::Selection, reply::Nothing},
    revisions::store as revisions,
};

/// List assessments
///
/// The assessments that the caller may see, by title.
#[utoipa::path(tag = "assessments", operation_id = "listAssessments", params(AssessmentFilter, Paging),
    responses((status = 200, description = "A page of assessments", body = Page<Assessment>)))]
#[get("/assessments")]
async fn list(
    by: By<needs::ReadAssessments>,
    Query(filter): Query<AssessmentFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Assessment>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Open an assessment
///
/// The assessment is opened as a draft. The members of the forum can see it, unless another visibility is given.
#[utoipa::path(tag = "assessments", operation_id = "createAssessment", request_body = NewAssessment,
    responses((status = 201, description = "The assessment as opened", body = Assessment)))]
#[post("/assessments")]
async fn create(by: By<needs::WriteAssessments>, new: Valid<NewAssessment>, db: Data<Db>) -> Result<Reply<Assessment>> {
    db.write(&by, async |w| {
        let forum = forums::find_referenced(by.sight(), new.0.forum_id, "/forumId", &w.tx).await?;
        forum_rules::require(forum_rules::Operation::Work, forum.fields.status)?;
        forums::may_write(&by.reach, &forum.fields, Some(forum.id), &w.tx).await?;
        if new.0.visibility.is_wider_than(Visibility::Forum) {
            forums::may_write(&by.caller.reach(Permission::PublishAssessments)?, &forum.fields, Some(forum.id), &w.tx).await?;
        }
        let assessment = store::insert(new.0.clone(), w).await?;
        Reply::created("/assessments", assessment.id, assessment.version, &assessment)
    })
    .await
}

/// Show an assessment
///
/// One assessment by its id.
#[utoipa::path(tag = "assessments", operation_id = "getAssessment", params(Selection),
    responses((status = 200, description = "The assessment", body = Assessment)))]
#[get("/assessments/{assessmentId}")]
async fn show(by: By<needs::ReadAssessments>, At(id): At<AssessmentId>, db: Data<Db>) -> Result<Reply<Assessment>> {
    let assessment = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_write(reach, &assessment, db.reader()).await).await?;
    Reply::shown(&call, assessment.version, &assessment)
}

/// Change an assessment
///
/// Merge patch. An agreed text must first be opened again with …/revise. Only a caller who may publish the assessment can let
/// more people see it.
#[utoipa::path(tag = "assessments", operation_id = "updateAssessment", request_body = Patch<NewAssessment>,
    responses((status = 200, description = "The assessment after the change", body = Assessment)))]
#[patch("/assessments/{assessmentId}")]
async fn change(
    by: By<needs::WriteAssessments>,
    At(id): At<AssessmentId>,
    patch: Patch<NewAssessment>,
    db: Data<Db>,
) -> Result<Reply<Assessment>> {
    db.write(&by, async |w| {
        let mut assessment = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        by.expects(assessment.version)?;
        rules::require(Operation::Write, assessment.status)?;
        if let Some(changed) = patch.apply(assessment.id, &assessment.fields)? {
            if changed.visibility.is_wider_than(assessment.fields.visibility) {
                store::may_write(&by.caller.reach(Permission::PublishAssessments)?, &assessment, &w.tx).await?;
            }
            assessment = store::update(&assessment, changed, assessment.status, w).await?;
        }
        Reply::changed(assessment.version, &assessment)
    })
    .await
}

/// Remove an assessment
///
/// For an assessment that was opened by mistake. It must be a draft or in review, and it must never have been published.
#[utoipa::path(tag = "assessments", operation_id = "deleteAssessment",
    responses((status = 204, description = "The assessment is removed")))]
#[delete("/assessments/{assessmentId}")]
async fn remove(by: By<needs::WriteAssessments>, At(id): At<AssessmentId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let assessment = store::find_locked(by.sight(), id, w).await?;
        store::may_write(&by.reach, &assessment, &w.tx).await?;
        by.expects(assessment.version)?;
        rules::require(Operation::Remove, assessment.status)?;
        revisions::refuse_published(assessment.id, w).await?;
        store::remove(&assessment, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

/// Send an assessment for review
///
/// From now on its parties can endorse it.
#[utoipa::path(tag = "assessments", operation_id = "reviewAssessment",
    responses((status = 200, description = "The assessment in review", body = Assessment)))]
#[post("/assessments/{assessmentId}/review")]
async fn review(by: By<needs::WriteAssessments>, At(id): At<AssessmentId>, db: Data<Db>) -> Result<Reply<Assessment>> {
    db.write(&by, async |w| {
        let assessment = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        let assessment = store::step(&assessment, Operation::Review, w).await?;
        Reply::changed(assessment.version, &assessment)
    })
    .await
}

/// Agree on an assessment
///
/// Requires at least one finding, at least one party that stands behind the text (with or without reservation), and no
/// endorsement of an earlier wording. A dissent does not prevent it, and stays on record.
#[utoipa::path(tag = "assessments", operation_id = "agreeAssessment",
    responses((status = 200, description = "The assessment as agreed", body = Assessment)))]
#[post("/assessments/{assessmentId}/agree")]
async fn agree(by: By<needs::PublishAssessments>, At(id): At<AssessmentId>, db: Data<Db>) -> Result<Reply<Assessment>> {
    db.write(&by, async |w| {
        let assessment = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        let after = store::step(&assessment, Operation::Agree, w).await?;
        store::require_complete(&after, w).await?;
        Reply::changed(after.version, &after)
    })
    .await
}

/// Publish an assessment
///
/// Freezes its text, evidence, causes and endorsements (also dissents) as a revision with a digest.
#[utoipa::path(tag = "assessments", operation_id = "publishAssessment",
    responses((status = 200, description = "The assessment as published", body = Assessment)))]
#[post("/assessments/{assessmentId}/publish")]
async fn publish(by: By<needs::PublishAssessments>, At(id): At<AssessmentId>, db: Data<Db>) -> Result<Reply<Assessment>> {
    db.write(&by, async |w| {
        let assessment = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        let assessment = store::step(&assessment, Operation::Publish, w).await?;
        store::require_complete(&assessment, w).await?;
        revisions::freeze(&assessment, w).await?;
        Reply::changed(assessment.version, &assessment)
    })
    .await
}

/// Open an assessment again
///
/// The assessment becomes a draft again. Published revisions stay as they are.
#[utoipa::path(tag = "assessments", operation_id = "reviseAssessment",
    responses((status = 200, description = "The assessment as a draft", body = Assessment)))]
#[post("/assessments/{assessmentId}/revise")]
async fn revise(by: By<needs::PublishAssessments>, At(id): At<AssessmentId>, db: Data<Db>) -> Result<Reply<Assessment>> {
    db.write(&by, async |w| {
        let assessment = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        let assessment = store::step(&assessment, Operation::Revise, w).await?;
        Reply::changed(assessment.version, &assessment)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
    config.service(review).service(agree).service(publish).service(revise);
}

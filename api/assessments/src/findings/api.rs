use actix_web::{delete, get, patch, post, web::Data};
use serde_json::value::RawValue;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{answers::StatisticalAnswer, store, types::*};
use crate::{
    access::{By, policy::needs},
    assessments::{AssessmentId, rules, store as assessments},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, frozen::FrozenCheck, reply::Nothing, request::Call},
};

/// List findings
///
/// The findings of an assessment, in the order in which they were added.
#[utoipa::path(tag = "assessments", operation_id = "listFindings", params(Paging),
    responses((status = 200, description = "A page of findings", body = Page<Finding>)))]
#[get("/assessments/{assessmentId}/findings")]
async fn list(
    by: By<needs::ReadAssessments>,
    At(assessment): At<AssessmentId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Finding>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(assessment, paging, by, &db).await).await
}

/// Add a finding
///
/// A difference or a pattern. Its evidence is added afterwards.
#[utoipa::path(tag = "assessments", operation_id = "createFinding", request_body = NewFinding,
    responses((status = 201, description = "The finding as added", body = Finding)))]
#[post("/assessments/{assessmentId}/findings")]
async fn create(
    by: By<needs::WriteAssessments>,
    At(assessment): At<AssessmentId>,
    new: Valid<NewFinding>,
    db: Data<Db>,
) -> Result<Reply<Finding>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        rules::require(rules::Operation::Write, assessment.status)?;
        let finding = store::insert(&assessment, new.0.clone(), w).await?;
        Reply::created(&format!("/assessments/{}/findings", assessment.id), finding.id, finding.version, &finding)
    })
    .await
}

/// Show a finding
///
/// One finding by its id.
#[utoipa::path(tag = "assessments", operation_id = "getFinding",
    responses((status = 200, description = "The finding", body = Finding)))]
#[get("/assessments/{assessmentId}/findings/{findingId}")]
async fn show(by: By<needs::ReadAssessments>, At((assessment, id)): At<(AssessmentId, FindingId)>, db: Data<Db>) -> Result<Reply<Finding>> {
    let assessment = assessments::find(by.sight(), assessment, db.reader()).await?;
    let finding = store::find(assessment.id, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| assessments::may_write(reach, &assessment, db.reader()).await).await?;
    Reply::shown(&call, finding.version, &finding)
}

/// Change a finding
///
/// Merge patch, while the assessment is a draft or in review.
#[utoipa::path(tag = "assessments", operation_id = "updateFinding", request_body = Patch<NewFinding>,
    responses((status = 200, description = "The finding after the change", body = Finding)))]
#[patch("/assessments/{assessmentId}/findings/{findingId}")]
async fn change(
    by: By<needs::WriteAssessments>,
    At((assessment, id)): At<(AssessmentId, FindingId)>,
    patch: Patch<NewFinding>,
    db: Data<Db>,
) -> Result<Reply<Finding>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        let mut finding = store::find(assessment.id, id, &w.tx).await?;
        by.expects(finding.version)?;
        rules::require(rules::Operation::Write, assessment.status)?;
        if let Some(changed) = patch.apply(finding.id, &finding.fields)? {
            finding = store::update(&assessment, &finding, changed, w).await?;
        }
        Reply::changed(finding.version, &finding)
    })
    .await
}

/// List evidence
///
/// The evidence under a finding, in the order in which it was added.
#[utoipa::path(tag = "assessments", operation_id = "listEvidence", params(Paging),
    responses((status = 200, description = "A page of evidence", body = Page<Evidence>)))]
#[get("/assessments/{assessmentId}/findings/{findingId}/evidence")]
async fn list_evidence(
    by: By<needs::ReadAssessments>,
    At((assessment, finding)): At<(AssessmentId, FindingId)>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Evidence>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    store::find(assessment, finding, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| {
        let mut page = store::list_evidence(finding, paging, by, &db).await?;
        store::attach_changes(&mut page.items, db.reader()).await?;
        Ok(page)
    })
    .await
}

/// Add evidence
///
/// Queries the statistics and freezes the answer with a digest: the values, with the names, units, sources and terms of use that
/// are needed to read them. An answer has at most 50,000 values. They are compared only when they have the same period, group and
/// variant.
#[utoipa::path(tag = "assessments", operation_id = "createEvidence", request_body = NewEvidence,
    responses((status = 201, description = "The evidence with its frozen answer", body = Evidence)))]
#[post("/assessments/{assessmentId}/findings/{findingId}/evidence")]
async fn create_evidence(
    by: By<needs::WriteAssessments>,
    At((assessment, finding)): At<(AssessmentId, FindingId)>,
    new: Valid<NewEvidence>,
    db: Data<Db>,
) -> Result<Reply<Evidence>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        let finding = store::find(assessment.id, finding, &w.tx).await?;
        rules::require(rules::Operation::Write, assessment.status)?;
        let evidence = store::insert_evidence(&assessment, finding.id, new.0.clone(), w).await?;
        let evidence = Evidence { changed: Some(Vec::new()), ..evidence };
        let path = format!("/assessments/{}/findings/{}/evidence", assessment.id, finding.id);
        Ok(Reply::composed(&Call::default(), 201, evidence.version, &evidence)?.located_record(&path, evidence.id))
    })
    .await
}

/// Show evidence
///
/// One piece of evidence with its frozen answer, and the values that have changed since then.
#[utoipa::path(tag = "assessments", operation_id = "getEvidence",
    responses((status = 200, description = "The evidence", body = Evidence)))]
#[get("/assessments/{assessmentId}/findings/{findingId}/evidence/{evidenceId}")]
async fn show_evidence(
    by: By<needs::ReadAssessments>,
    At((assessment, finding, id)): At<(AssessmentId, FindingId, EvidenceId)>,
    db: Data<Db>,
) -> Result<Reply<Evidence>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    store::find(assessment, finding, db.reader()).await?;
    let mut evidence = [store::find_evidence(finding, id, db.reader()).await?];
    store::attach_changes(&mut evidence, db.reader()).await?;
    let [evidence] = evidence;
    Reply::composed(&by, 200, evidence.version, &evidence)
}

/// Show the bytes of an answer
///
/// The frozen answer byte for byte, so that anybody can compute its digest. Only for callers who may see all of it.
#[utoipa::path(tag = "assessments", operation_id = "getEvidenceCanonical",
    responses((status = 200, description = "The answer, byte for byte", body = StatisticalAnswer)))]
#[get("/assessments/{assessmentId}/findings/{findingId}/evidence/{evidenceId}/canonical")]
async fn canonical(
    by: By<needs::ReadAssessments>,
    At((assessment, finding, id)): At<(AssessmentId, FindingId, EvidenceId)>,
    db: Data<Db>,
) -> Result<Reply<Box<RawValue>>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    store::find(assessment, finding, db.reader()).await?;
    let evidence = store::find_evidence(finding, id, db.reader()).await?;
    if let Some(secrecy) = &by.asked.secrecy {
        secrecy.refuse_redacted(&mut evidence.frozen().value()?)?;
    }
    Reply::shown(&by, evidence.version, &evidence.answer)
}

/// Check an answer
///
/// Says whether the stored bytes are those that were frozen.
#[utoipa::path(tag = "assessments", operation_id = "verifyEvidence",
    responses((status = 200, description = "The result of the check", body = FrozenCheck)))]
#[get("/assessments/{assessmentId}/findings/{findingId}/evidence/{evidenceId}/verify")]
async fn verify(
    by: By<needs::ReadAssessments>,
    At((assessment, finding, id)): At<(AssessmentId, FindingId, EvidenceId)>,
    db: Data<Db>,
) -> Result<Reply<FrozenCheck>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    store::find(assessment, finding, db.reader()).await?;
    let evidence = store::find_evidence(finding, id, db.reader()).await?;
    Reply::computed(&by, &evidence.frozen().find_differences("/hash", "/form")?.into())
}

/// Remove evidence
///
/// Possible while the assessment is a draft or in review. Published revisions keep it.
#[utoipa::path(tag = "assessments", operation_id = "deleteEvidence",
    responses((status = 204, description = "The evidence is removed")))]
#[delete("/assessments/{assessmentId}/findings/{findingId}/evidence/{evidenceId}")]
async fn remove_evidence(
    by: By<needs::WriteAssessments>,
    At((assessment, finding, id)): At<(AssessmentId, FindingId, EvidenceId)>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        let finding = store::find(assessment.id, finding, &w.tx).await?;
        let evidence = store::find_evidence(finding.id, id, &w.tx).await?;
        by.expects(evidence.version)?;
        rules::require(rules::Operation::Write, assessment.status)?;
        store::remove_evidence(&assessment, &[evidence], w).await?;
        Ok(Reply::no_content())
    })
    .await
}

/// Remove a finding
///
/// Removes its evidence too. Possible while the assessment is a draft or in review and no cause explains the finding. Published
/// revisions keep it.
#[utoipa::path(tag = "assessments", operation_id = "deleteFinding",
    responses((status = 204, description = "The finding is removed")))]
#[delete("/assessments/{assessmentId}/findings/{findingId}")]
async fn remove(
    by: By<needs::WriteAssessments>,
    At((assessment, id)): At<(AssessmentId, FindingId)>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_to_write(by.sight(), &by.reach, assessment, w).await?;
        let finding = store::find(assessment.id, id, &w.tx).await?;
        by.expects(finding.version)?;
        rules::require(rules::Operation::Write, assessment.status)?;
        store::remove(&assessment, &finding, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
    config.service(list_evidence).service(create_evidence).service(show_evidence).service(remove_evidence);
    config.service(canonical).service(verify);
}

use actix_web::{get, web::Data};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{RevisionId, store};
use crate::{
    access::{By, Visibility, policy::needs},
    assessments::{
        assessments::{Assessment, AssessmentId},
        causes::Cause,
        endorsements::Endorsement,
        findings::{Evidence, Finding, answers::MeasuredArea},
    },
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, frozen::FrozenCheck},
};

/// Something that a publication refers to, as it was called then.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedName {
    pub id: Uuid,
    pub name: String,
}

/// What a publication's forum and area were called, so that it can be read without a register. A name that not all of its readers
/// may see is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedNames {
    pub forum: Option<PublishedName>,
    pub area: MeasuredArea,
}

/// What was published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionContent {
    pub assessment: Assessment,
    pub findings: Vec<Finding>,
    pub evidence: Vec<Evidence>,
    pub causes: Vec<Cause>,
    /// The word of each party, dissents among them.
    pub endorsements: Vec<Endorsement>,
    /// What all this was called. Missing in what was published before names were.
    #[schema(required = false)]
    pub names: PublishedNames,
}

/// An assessment as it was published (utgåva).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    pub id: RevisionId,
    pub assessment_id: AssessmentId,
    /// Counts the revisions of the assessment from 1.
    pub number: i32,
    /// Who may see it: those whom it was published for, whatever has become of the assessment since then.
    pub visibility: Visibility,
    /// The text, byte for byte as it was published.
    #[schema(value_type = RevisionContent)]
    pub content: Box<RawValue>,
    /// Whether all of `content` is shown. False where something in it is under secrecy for the caller: then `hash` is that of the
    /// whole, and not shown either, for it would tell of what is hidden.
    pub complete: bool,
    /// SHA-256 of the whole `content` as …/canonical gives it, in hexadecimal.
    pub hash: String,
    /// The number of the form that `content` is written in: 2 is the canonical form of RFC 8785; 1, of what was published earlier,
    /// writes numbers below 0.00001, from 2^53 and -0 otherwise.
    pub form: i32,
    pub published_at: DateTime<Utc>,
    /// Who published it.
    pub published_by: String,
}

/// List revisions
///
/// All that was published of an assessment for the caller to see, oldest first.
#[utoipa::path(tag = "assessments", operation_id = "listRevisions", params(Paging),
    responses((status = 200, description = "A page of revisions", body = Page<Revision>)), extensions(("x-permission" = json!("assessments.read"))))]
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
    responses((status = 200, description = "The revision", body = Revision)), extensions(("x-permission" = json!("assessments.read"))))]
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
    responses((status = 200, description = "The content, byte for byte", body = RevisionContent)), extensions(("x-permission" = json!("assessments.read"))))]
#[get("/assessments/{assessmentId}/revisions/{revisionId}/canonical")]
async fn canonical(
    by: By<needs::ReadAssessments>,
    At((assessment, id)): At<(AssessmentId, RevisionId)>,
    db: Data<Db>,
) -> Result<Reply<Box<RawValue>>> {
    let revision = store::find(by.sight(), assessment, id, db.reader()).await?;
    if let Some(secrecy) = &by.secrecy {
        secrecy.refuse_redacted(&mut serde_json::from_str(revision.content.get())?)?;
    }
    Reply::shown(&by, revision.number.into(), &revision.content)
}

/// Check a revision
///
/// Whether the bytes that are kept are those that were published, and each answer in them is what was hashed (`/content/evidence/0/hash`).
#[utoipa::path(tag = "assessments", operation_id = "verifyRevision",
    responses((status = 200, description = "What was found", body = FrozenCheck)), extensions(("x-permission" = json!("assessments.read"))))]
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

use actix_web::{get, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{RevisionId, store};
use crate::{
    access::{By, Visibility, policy::needs},
    assessments::{
        assessments::{Assessment, AssessmentId},
        causes::Cause,
        endorsements::Endorsement,
        findings::{Evidence, Finding},
    },
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result},
};

/// What was published.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionContent {
    pub assessment: Assessment,
    pub findings: Vec<Finding>,
    pub evidence: Vec<Evidence>,
    pub causes: Vec<Cause>,
    /// The word of each party, dissents among them.
    pub endorsements: Vec<Endorsement>,
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
    pub content: RevisionContent,
    /// SHA-256 of `content` in the canonical form of RFC 8785, in hexadecimal.
    pub hash: String,
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

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show);
}

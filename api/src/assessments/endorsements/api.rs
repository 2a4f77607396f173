use actix_web::{get, put, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{EndorsementId, EndorsementPosition, store};
use crate::{
    access::{By, Sight, policy::needs},
    assessments::assessments::{AssessmentId, rules, store as assessments},
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, extract::blank_is_none, problem::Kind},
    registry::actors::ActorId,
};

/// A party's word on an assessment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEndorsement {
    pub position: EndorsementPosition,
    /// Why; required for a dissent and for a reservation.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub reason: Option<String>,
}

/// A party's word on an assessment (ställningstagande).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endorsement {
    pub id: EndorsementId,
    /// Grows by one with each change.
    pub version: i64,
    pub assessment_id: AssessmentId,
    pub actor_id: ActorId,
    #[serde(flatten)]
    pub fields: NewEndorsement,
    /// Whether the text has changed since the word was given. It then does not count, and is asked for again.
    #[serde(default)]
    pub outdated: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// List endorsements
///
/// What each party has said, in the order in which they spoke.
#[utoipa::path(tag = "assessments", operation_id = "listEndorsements", params(Paging),
    responses((status = 200, description = "A page of endorsements", body = Page<Endorsement>)), extensions(("x-permission" = json!("assessments.read"))))]
#[get("/assessments/{assessmentId}/endorsements")]
async fn list(
    by: By<needs::ReadAssessments>,
    At(assessment): At<AssessmentId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Endorsement>> {
    assessments::find(by.sight(), assessment, db.reader()).await?;
    Listed::of(by, paging, async move |by, paging| store::list(assessment, paging, by, &db).await).await
}

/// Show an endorsement
///
/// What one party has said. Who has left the forum still reads its own word.
#[utoipa::path(tag = "assessments", operation_id = "getEndorsement",
    responses((status = 200, description = "The endorsement", body = Endorsement)), extensions(("x-permission" = json!("assessments.read"))))]
#[get("/assessments/{assessmentId}/endorsements/{actorId}")]
async fn show(
    by: By<needs::ReadAssessments>,
    At((assessment, actor)): At<(AssessmentId, ActorId)>,
    db: Data<Db>,
) -> Result<Reply<Endorsement>> {
    match assessments::find(by.sight(), assessment, db.reader()).await {
        Err(problem) if problem.kind == Kind::NotFound && by.sight().actors.contains(&actor.uuid()) => {
            assessments::find(&Sight::of_installation(), assessment, db.reader()).await?
        }
        found => found?,
    };
    let endorsement = store::find(assessment, actor, db.reader()).await?.ok_or_else(Problem::not_found)?;
    let call = by.allowing(async |_, reach| reach.speaks_for(actor.uuid())).await?;
    Reply::shown(&call, endorsement.version, &endorsement)
}

/// Say a party's word
///
/// By somebody who works for the actor, which is a member of the forum. While the assessment is in review or agreed the word
/// can be changed, with `If-Match`. A word belongs to the text it was given to: when that changes the word is outdated and is
/// given again. A word on what is agreed takes the assessment back to review, so that it is agreed with all words seen.
#[utoipa::path(tag = "assessments", operation_id = "endorseAssessment", request_body = NewEndorsement,
    responses((status = 200, description = "The endorsement as it has become", body = Endorsement),
        (status = 201, description = "The endorsement as given", body = Endorsement)), extensions(("x-permission" = json!("assessments.endorse"))))]
#[put("/assessments/{assessmentId}/endorsements/{actorId}")]
async fn endorse(
    by: By<needs::Endorse>,
    At((assessment, actor)): At<(AssessmentId, ActorId)>,
    new: Valid<NewEndorsement>,
    db: Data<Db>,
) -> Result<Reply<Endorsement>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_locked(by.sight(), assessment, w).await?;
        by.reach.speaks_for(actor.uuid())?;
        rules::require(rules::Operation::Endorse, assessment.status)?;
        let Some(before) = store::find(assessment.id, actor, &w.tx).await? else {
            let endorsement = store::put(&assessment, actor, None, new.0.clone(), w).await?;
            assessments::hear(&assessment, w).await?;
            return Reply::created(&format!("/assessments/{}/endorsements", assessment.id), actor, endorsement.version, &endorsement);
        };
        by.expects(before.version)?;
        // Where it is hidden what was said, that it is the same would tell it.
        let hidden = by.secrecy.as_ref().is_some_and(|secrecy| secrecy.hides(before.id.uuid(), "reason"));
        let same = !hidden && !before.outdated && before.fields == new.0;
        if same {
            return Reply::changed(before.version, &before);
        }
        let endorsement = store::put(&assessment, actor, Some(&before), new.0.clone(), w).await?;
        assessments::hear(&assessment, w).await?;
        Reply::changed(endorsement.version, &endorsement)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(endorse);
}

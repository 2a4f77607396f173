use actix_web::{delete, get, put, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, Sight, policy::needs},
    assessments::{AssessmentId, rules, store as assessments},
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, problem::Kind, reply::Nothing},
    registry::actors::ActorId,
};

/// List endorsements
///
/// The endorsement of each party, oldest first. A party that has left the forum can still read its own.
#[utoipa::path(tag = "assessments", operation_id = "listEndorsements", params(Paging),
    responses((status = 200, description = "A page of endorsements", body = Page<Endorsement>)))]
#[get("/assessments/{assessmentId}/endorsements")]
async fn list(
    by: By<needs::ReadAssessments>,
    At(assessment): At<AssessmentId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Endorsement>> {
    let own = match assessments::find(by.sight(), assessment, db.reader()).await {
        Ok(_) => false,
        Err(problem) if problem.kind == Kind::NotFound && store::has_own(by.sight(), assessment, db.reader()).await? => true,
        Err(problem) => return Err(problem),
    };
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), assessment, own, paging, by, &db).await).await
}

/// Show an endorsement
///
/// The endorsement of one party. A party that has left the forum can still read its own.
#[utoipa::path(tag = "assessments", operation_id = "getEndorsement",
    responses((status = 200, description = "The endorsement", body = Endorsement)))]
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
    let endorsement = store::with_actor_name(by.sight(), endorsement, db.reader()).await?;
    let call = by.allowing(async |_, reach| reach.speaks_for(actor.uuid())).await?;
    Reply::composed(&call, 200, endorsement.version, &endorsement)
}

/// Endorse an assessment
///
/// For a user who works for the actor. The actor must be a member of the forum. The endorsement can be changed while the
/// assessment is in review or agreed, with `If-Match`. It belongs to the text that it was given on: when the text changes, the
/// endorsement becomes outdated and the party is asked again. A new or changed endorsement moves an agreed assessment back to
/// review, so that the parties agree with all endorsements known.
#[utoipa::path(tag = "assessments", operation_id = "endorseAssessment", request_body = NewEndorsement,
    responses((status = 200, description = "The endorsement after the change", body = Endorsement),
        (status = 201, description = "The endorsement as given", body = Endorsement)), extensions(("x-for-each-party" = json!(true))))]
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
            assessments::return_to_review(&assessment, w).await?;
            let endorsement = store::with_actor_name(by.sight(), endorsement, &w.tx).await?;
            return Reply::created(&format!("/assessments/{}/endorsements", assessment.id), actor, endorsement.version, &endorsement);
        };
        by.expects(before.version)?;
        // When the stored reason is hidden from the caller, the answer must not reveal that the new one is the same.
        let hidden = by.asked.secrecy.as_ref().is_some_and(|secrecy| secrecy.hides(before.id.uuid(), "reason"));
        let same = !hidden && !before.outdated && before.fields == new.0;
        if same {
            let before = store::with_actor_name(by.sight(), before, &w.tx).await?;
            return Reply::changed(before.version, &before);
        }
        let endorsement = store::put(&assessment, actor, Some(&before), new.0.clone(), w).await?;
        assessments::return_to_review(&assessment, w).await?;
        let endorsement = store::with_actor_name(by.sight(), endorsement, &w.tx).await?;
        Reply::changed(endorsement.version, &endorsement)
    })
    .await
}

/// Withdraw an endorsement
///
/// For a user who works for the actor, while the assessment is in review or agreed. An agreed assessment goes back to review.
/// Published revisions keep the endorsement.
#[utoipa::path(tag = "assessments", operation_id = "deleteEndorsement",
    responses((status = 204, description = "The endorsement is withdrawn")))]
#[delete("/assessments/{assessmentId}/endorsements/{actorId}")]
async fn take_back(by: By<needs::Endorse>, At((assessment, actor)): At<(AssessmentId, ActorId)>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let assessment = assessments::find_locked(by.sight(), assessment, w).await?;
        by.reach.speaks_for(actor.uuid())?;
        rules::require(rules::Operation::Endorse, assessment.status)?;
        let endorsement = store::find(assessment.id, actor, &w.tx).await?.ok_or_else(Problem::not_found)?;
        by.expects(endorsement.version)?;
        store::remove(&assessment, &endorsement, w).await?;
        assessments::return_to_review(&assessment, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(endorse).service(take_back);
}

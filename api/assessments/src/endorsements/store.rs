//! All SQL of endorsements. Each party has at most one on an assessment.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder, entity::prelude::*};
use serde_json::json;

use super::{Endorsement, EndorsementPosition, NewEndorsement, RECORD, table};
use crate::{
    access::Sight,
    assessments::{Assessment, AssessmentId, NewAssessment, parts::saved_part},
    causes::reading as causes,
    findings::reading as findings,
    forums::members::store as members,
    kernel::{Db, Page, Paging, Problem, Result, Write, hash, page::Key, request::Call, say},
    registry::actors::{ActorId, store as actors},
};

fn view(row: table::Model) -> Endorsement {
    Endorsement {
        id: row.id,
        version: row.version,
        assessment_id: row.assessment_id,
        actor_id: row.actor_id,
        fields: NewEndorsement { position: row.position, reason: row.reason },
        actor: None,
        outdated: row.outdated,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Adds the actor's name to an endorsement, when `sight` may see the actor.
pub(super) async fn with_actor_name(sight: &Sight, word: Endorsement, db: &impl ConnectionTrait) -> Result<Endorsement> {
    let actor = actors::names(sight, &[word.actor_id], db).await?.remove(&word.actor_id);
    Ok(Endorsement { actor, ..word })
}

fn find_own(sight: &Sight, assessment: AssessmentId) -> Select<table::Entity> {
    let words = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment));
    words.filter(table::Column::ActorId.is_in(sight.actors.iter().copied()))
}

/// Whether an actor that the caller works for has endorsed the assessment.
pub(super) async fn has_own(sight: &Sight, assessment: AssessmentId, db: &impl ConnectionTrait) -> Result<bool> {
    Ok(find_own(sight, assessment).count(db).await? > 0)
}

/// A page of endorsements of an assessment. With `own`, only those of the actors that the caller works for.
pub(super) async fn list(
    sight: &Sight,
    assessment: AssessmentId,
    own: bool,
    paging: &Paging,
    call: &Call,
    db: &Db,
) -> Result<Page<Endorsement>> {
    let select = if own { find_own(sight, assessment) } else { table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)) };
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let page = paging.fetch(select, keys, call, db).await?.map(view);
    let ids: Vec<_> = page.items.iter().map(|word| word.actor_id).collect();
    let mut names = actors::names(sight, &ids, db.reader()).await?;
    Ok(page.map(|word| Endorsement { actor: names.remove(&word.actor_id), ..word }))
}

/// All endorsements of an assessment, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_assessment(assessment: AssessmentId, db: &impl ConnectionTrait) -> Result<Vec<Endorsement>> {
    let rows = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// The endorsement of one party, if there is one.
pub(super) async fn find(assessment: AssessmentId, actor: ActorId, db: &impl ConnectionTrait) -> Result<Option<Endorsement>> {
    let row =
        table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)).filter(table::Column::ActorId.eq(actor)).one(db).await?;
    Ok(row.map(view))
}

/// Stores a party's endorsement, new or changed.
///
/// # Errors
/// When a required reason is missing (422), or the actor takes no part in the forum today (409).
pub async fn put(
    assessment: &Assessment,
    actor: ActorId,
    before: Option<&Endorsement>,
    new: NewEndorsement,
    w: &Write<'_>,
) -> Result<Endorsement> {
    if new.reason.is_none() && new.position != EndorsementPosition::Endorse {
        return Err(Problem::fault(
            "/reason",
            "required",
            say!(
                "Ange skälet till den avvikande meningen eller förbehållet i reason.",
                "Give the reason of the dissent or reservation in reason."
            ),
        ));
    }
    if !members::takes_part(assessment.fields.forum_id, actor, w).await? {
        return Err(Problem::conflict(say!(
            "Aktören är i dag inte med i forumet och kan därför inte ta ställning.",
            "The actor takes no part in the forum today and so cannot say its word."
        )));
    }
    let version = before.map_or(1, |before| before.version + 1);
    let row = table::Model {
        id: before.map_or_else(|| w.new_id(), |before| before.id),
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        assessment_id: assessment.id,
        actor_id: actor,
        position: new.position,
        reason: new.reason,
        text_digest: Some(text_digest(assessment, &w.tx).await?),
        outdated: false,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let endorsement = view(row);
    w.publish(saved_part(assessment, &RECORD, endorsement.id, version)).await?;
    Ok(endorsement)
}

/// Removes a party's endorsement.
pub(super) async fn remove(assessment: &Assessment, endorsement: &Endorsement, w: &Write<'_>) -> Result<()> {
    table::Entity::delete_by_id(endorsement.id).exec(&w.tx).await?;
    w.publish(saved_part(assessment, &RECORD, endorsement.id, endorsement.version + 1).removed()).await
}

/// SHA-256, in hexadecimal, of the text that parties endorse: the assessment with its findings, evidence and causes, but without
/// its visibility and status.
async fn text_digest(assessment: &Assessment, db: &impl ConnectionTrait) -> Result<String> {
    let findings = findings::of_assessment(assessment.id, db).await?;
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    let evidence = findings::digests_of(&ids, db).await?;
    let causes = causes::of_assessment(assessment.id, db).await?;
    let NewAssessment { title, area_id, purpose, valid_from, valid_to, forum_id: _, visibility: _ } = &assessment.fields;
    let text = json!({
        "title": title, "areaId": area_id, "purpose": purpose, "validFrom": valid_from, "validTo": valid_to,
        "findings": findings.iter().map(|finding| json!([finding.id, finding.fields])).collect::<Vec<_>>(),
        "evidence": evidence,
        "causes": causes.iter().map(|cause| json!([cause.id, cause.fields])).collect::<Vec<_>>(),
    });
    Ok(hash::sha256_hex(hash::canonical(&text).as_bytes()))
}

/// Compares the digest of each endorsement with the present text, and updates `outdated` where that has changed.
///
/// # Errors
/// When the database does not answer.
pub async fn update_outdated(assessment: &Assessment, w: &Write<'_>) -> Result<()> {
    let given = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment.id)).order_by_asc(table::Column::Id);
    let given = given.all(&w.tx).await?;
    if given.is_empty() {
        return Ok(());
    }
    let digest = text_digest(assessment, &w.tx).await?;
    for before in given {
        // Old endorsements have no digest, so they count as outdated.
        let outdated = before.text_digest.as_ref() != Some(&digest);
        if outdated == before.outdated {
            continue;
        }
        let version = before.version + 1;
        let row = table::ActiveModel { version: Set(version), updated_at: Set(w.now), outdated: Set(outdated), ..Default::default() };
        w.replace::<table::Entity>(row, table::Column::Id.eq(before.id), table::Column::Version, before.version).await?;
        w.publish(saved_part(assessment, &RECORD, before.id, version)).await?;
    }
    Ok(())
}

//! Finds a record that the caller can see by its kind and id, with the stores of the rooms.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ActiveEnum, ConnectionTrait, EntityTrait};
use serde::Serialize;
use uuid::Uuid;

use super::{Record, RecordKind};
use crate::{
    access::{Sight, Visibility},
    assessments::{assessments::store as assessments, causes::store as causes, findings::store as findings, revisions::store as revisions},
    forums::forums::{ForumId, store as forums},
    geography::areas::store as areas,
    interventions::interventions::store as interventions,
    journal::{self, JournalEntry},
    kernel::{Id, Problem, Result, problem::Kind, say},
    priorities::{decisions::store as decisions, rounds::store as rounds},
    registry::{
        actors::{ActorId, store as actors},
        mandates::store as mandates,
        statements::store as statements,
    },
};

/// Returns one record that the caller can see.
///
/// # Errors
/// When it does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, kind: RecordKind, id: Uuid, db: &impl ConnectionTrait) -> Result<Record> {
    match kind {
        RecordKind::Actor => {
            let found = actors::find(sight, Id::from(id), db).await?;
            owned_by_actor(kind, id, found.version, &found, found.fields.visibility, found.id, db).await
        }
        RecordKind::Mandate => {
            let found = mandates::find(sight, Id::from(id), db).await?;
            owned_by_actor(kind, id, found.version, &found, found.fields.visibility, found.fields.actor_id, db).await
        }
        RecordKind::Statement => {
            let found = statements::find(sight, Id::from(id), db).await?;
            owned_by_actor(kind, id, found.version, &found, found.fields.visibility, found.fields.actor_id, db).await
        }
        RecordKind::Forum => {
            let found = forums::find(sight, Id::from(id), db).await?;
            owned_by_forum(kind, id, found.version, &found, found.fields.visibility, found.id, db).await
        }
        RecordKind::Assessment => {
            let found = assessments::find(sight, Id::from(id), db).await?;
            owned_by_forum(kind, id, found.version, &found, found.fields.visibility, found.fields.forum_id, db).await
        }
        RecordKind::Finding => {
            let found = findings::find_all(&[Id::from(id)], db).await?.pop().ok_or_else(Problem::not_found)?;
            let of = assessments::find(sight, found.assessment_id, db).await?;
            owned_by_forum(kind, id, found.version, &found, of.fields.visibility, of.fields.forum_id, db).await
        }
        RecordKind::Cause => {
            let found = causes::visible(sight, &[Id::from(id)], db).await?.pop().ok_or_else(Problem::not_found)?;
            let of = assessments::find(sight, found.assessment_id, db).await?;
            owned_by_forum(kind, id, found.version, &found, of.fields.visibility, of.fields.forum_id, db).await
        }
        RecordKind::Revision => {
            let found = revisions::find_one(sight, Id::from(id), db).await?;
            let of = assessments::find(&Sight::of_installation(), found.assessment_id, db).await?;
            owned_by_forum(kind, id, found.number.into(), &found, found.visibility, of.fields.forum_id, db).await
        }
        RecordKind::Intervention => {
            let found = interventions::find(sight, Id::from(id), db).await?;
            let owner = found.fields.owner_actor_id;
            let mut record = owned_by_actor(kind, id, found.version, &found, found.fields.visibility, owner, db).await?;
            if let Some(forum) = found.fields.forum_id {
                record.areas.extend(forum_area_paths(forum, db).await?);
                record.forum = Some(forum.uuid());
                record.visible = found.fields.visibility.of(record.forum, record.actor);
            }
            Ok(record)
        }
        RecordKind::Round => {
            let found = rounds::find(sight, Id::from(id), db).await?;
            owned_by_forum(kind, id, found.version, &found, found.fields.visibility, found.fields.forum_id, db).await
        }
        RecordKind::Decision => {
            let found = decisions::find(sight, Id::from(id), db).await?;
            let round = rounds::find(&Sight::of_installation(), found.fields.round_id, db).await?;
            owned_by_forum(kind, id, found.version, &found, found.fields.visibility, round.fields.forum_id, db).await
        }
        RecordKind::JournalEntry => {
            let found = journal::table::Entity::find_by_id(Id::from(id)).one(db).await?.ok_or_else(Problem::not_found)?;
            let mut found = JournalEntry::from(found);
            hide_invisible_records(sight, std::slice::from_mut(&mut found), db).await?;
            let (json, version) = (serde_json::to_value(&found)?, found.version);
            let visible = Visibility::Members.of(None, None);
            Ok(Record { kind, id, version, json, forum: None, actor: None, areas: Vec::new(), visible })
        }
    }
}

/// Removes the references from journal entries when the caller cannot see the record, or it no longer exists.
///
/// # Errors
/// When the database does not answer.
pub async fn hide_invisible_records(sight: &Sight, entries: &mut [JournalEntry], db: &impl ConnectionTrait) -> Result<()> {
    let mut named: BTreeMap<String, (RecordKind, Vec<Uuid>)> = BTreeMap::new();
    for entry in entries.iter() {
        if let (Some(kind), Some(id)) = (entry.fields.record_kind, entry.fields.record_id) {
            named.entry(kind.to_value()).or_insert((kind, Vec::new())).1.push(id);
        }
    }
    let mut visible = HashSet::new();
    for (kind, ids) in named.into_values() {
        visible.extend(find_visible(sight, kind, ids, db).await?);
    }
    for entry in entries {
        if entry.fields.record_id.is_some_and(|id| !visible.contains(&id)) {
            (entry.fields.record_kind, entry.fields.record_id) = (None, None);
        }
    }
    Ok(())
}

/// Returns the ids of those records of a kind that the caller can see, as [`find`] does for one.
async fn find_visible(sight: &Sight, kind: RecordKind, ids: Vec<Uuid>, db: &impl ConnectionTrait) -> Result<Vec<Uuid>> {
    fn typed<T>(ids: &[Uuid]) -> Vec<Id<T>> {
        ids.iter().copied().map(Id::from).collect()
    }
    let installation = Sight::of_installation();
    Ok(match kind {
        RecordKind::Actor => actors::find_all(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Mandate => mandates::find_all(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Statement => statements::find_all(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Forum => forums::find_all(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Assessment => assessments::visible(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Finding => {
            let findings = findings::find_all(&typed(&ids), db).await?;
            let of: Vec<_> = findings.iter().map(|finding| finding.assessment_id).collect();
            let of: HashSet<_> = assessments::visible(sight, &of, db).await?.into_iter().map(|found| found.id).collect();
            findings.into_iter().filter(|finding| of.contains(&finding.assessment_id)).map(|found| found.id.uuid()).collect()
        }
        RecordKind::Cause => causes::visible(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Revision => {
            let revisions = revisions::find_all(sight, &typed(&ids), db).await?;
            let of: Vec<_> = revisions.iter().map(|revision| revision.assessment_id).collect();
            let of: HashSet<_> = assessments::visible(&installation, &of, db).await?.into_iter().map(|found| found.id).collect();
            revisions.into_iter().filter(|revision| of.contains(&revision.assessment_id)).map(|found| found.id.uuid()).collect()
        }
        RecordKind::Intervention => {
            let interventions = interventions::visible(sight, &typed(&ids), db).await?;
            let owners: Vec<_> = interventions.iter().map(|intervention| intervention.fields.owner_actor_id).collect();
            let owners: HashSet<_> = actors::find_all(&installation, &owners, db).await?.into_iter().map(|found| found.id).collect();
            let owned = interventions.into_iter().filter(|intervention| owners.contains(&intervention.fields.owner_actor_id));
            owned.map(|found| found.id.uuid()).collect()
        }
        RecordKind::Round => rounds::visible(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        RecordKind::Decision => decisions::visible(sight, &typed(&ids), db).await?.into_iter().map(|found| found.id.uuid()).collect(),
        // A caller who can see one entry can see all of them.
        RecordKind::JournalEntry => ids,
    })
}

/// Returns the record that a request body refers to by `recordKind` and `recordId`.
///
/// # Errors
/// When there is no such record that the caller can see (422 at `/recordId`).
pub async fn find_referenced(sight: &Sight, kind: RecordKind, id: Uuid, db: &impl ConnectionTrait) -> Result<Record> {
    find(sight, kind, id, db).await.map_err(|problem| match problem.kind {
        Kind::NotFound => Problem::fault(
            "/recordId",
            "not-found",
            say!(
                "Det finns ingen sådan post. Kontrollera recordKind och recordId.",
                "There is no such record. Check recordKind and recordId."
            ),
        ),
        _ => problem,
    })
}

async fn owned_by_actor(
    kind: RecordKind,
    id: Uuid,
    version: i64,
    record: &impl Serialize,
    visibility: Visibility,
    actor: ActorId,
    db: &impl ConnectionTrait,
) -> Result<Record> {
    let owner = actors::find(&Sight::of_installation(), actor, db).await?;
    let areas = match owner.fields.seat_area_id {
        Some(seat) => areas::path(seat, db).await?.into_iter().collect(),
        None => Vec::new(),
    };
    let actor = Some(actor.uuid());
    Ok(Record { kind, id, version, json: serde_json::to_value(record)?, forum: None, actor, areas, visible: visibility.of(None, actor) })
}

async fn owned_by_forum(
    kind: RecordKind,
    id: Uuid,
    version: i64,
    record: &impl Serialize,
    visibility: Visibility,
    forum: ForumId,
    db: &impl ConnectionTrait,
) -> Result<Record> {
    let areas = forum_area_paths(forum, db).await?;
    let forum = Some(forum.uuid());
    Ok(Record { kind, id, version, json: serde_json::to_value(record)?, forum, actor: None, areas, visible: visibility.of(forum, None) })
}

async fn forum_area_paths(forum: ForumId, db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let forum = forums::find(&Sight::of_installation(), forum, db).await?;
    Ok(areas::paths(&forum.fields.areas, db).await?.into_values().collect())
}

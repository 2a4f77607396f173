//! Removes actors, and restores them as long as that is possible.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveValue::Set, Condition, EntityTrait, entity::prelude::*};

use super::{
    KIND, announce_dependents, announce_new_parent, drafts,
    events::{change_event, history_version},
    find, find_visible, lock, may_set_parent, may_write, put, view,
};
use crate::{
    access::{Caller, Reach, Sight},
    actors::{
        Actor, ActorId, NewActor,
        matching::{MatchReason, MatchVisibility},
        table, tombstones,
    },
    geography::areas::store as areas,
    kernel::{Fault, Problem, Result, Write, events::ChangeOperation, history, problem::Kind, say, search},
    likenesses::store as likenesses,
    relations::store::{self as relations, ParentChange},
};

/// The number of days after a removal within which an actor can be restored.
const DAYS: i64 = 30;

/// Removes an actor. Its row stays, but the actor is neither shown nor found, and its identifiers are free for others.
///
/// # Errors
/// When somebody else has changed the actor first (412).
pub async fn remove(actor: &Actor, w: &Write<'_>) -> Result<()> {
    let gone = Actor { version: actor.version + 1, updated_at: w.now, ..actor.clone() };
    write_removal(&gone, Some(w.now), actor.version, w).await?;
    search::remove(actor.id, w).await?;
    history::insert(&[history_version(actor, ChangeOperation::Upsert, true), history_version(&gone, ChangeOperation::Delete, false)], w)?;
    w.record(change_event(&gone, None, ChangeOperation::Delete));
    announce_dependents(actor.id, ChangeOperation::Delete, w).await
}

/// Writes whether an actor is removed, and accordingly whether its identifiers are in use.
async fn write_removal(actor: &Actor, deleted_at: Option<DateTime<Utc>>, from: i64, w: &Write<'_>) -> Result<()> {
    let row = table::ActiveModel {
        version: Set(actor.version),
        updated_at: Set(w.now),
        parent_id: Set(actor.fields.parent_id),
        deleted_at: Set(deleted_at),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(actor.id), table::Column::Version, from).await?;
    table::identifier::Entity::update_many()
        .set(table::identifier::ActiveModel { live: Set(deleted_at.is_none()), ..Default::default() })
        .filter(table::identifier::Column::ActorId.eq(actor.id))
        .exec(&w.tx)
        .await?;
    Ok(())
}

fn visible_condition(sight: &Sight) -> Condition {
    sight.rows(table::Column::Visibility, None, Some(table::Column::Id.into_expr()))
}

/// Selects the removed actors that the caller could see and can still restore with this reach.
pub(super) fn restorable(sight: &Sight, reach: &Reach, now: DateTime<Utc>) -> Select<table::Entity> {
    let removed = table::Entity::find()
        .filter(table::Column::DeletedAt.gte(now - TimeDelta::days(DAYS)))
        .filter(table::Column::MergedInto.is_null())
        .filter(visible_condition(sight));
    if reach.everywhere {
        return removed;
    }
    // This must be the same condition as `may_write` checks for one actor.
    let mut own = Condition::any().add(table::Column::Id.is_in(reach.actors.iter().copied()));
    if !reach.areas.is_empty() {
        own = own.add(table::Column::SeatAreaId.in_subquery(areas::at_or_below_any(&reach.areas)));
    }
    removed.filter(own)
}

/// Returns a removed actor that the caller may restore. A caller who may not restore it does not learn that it existed.
///
/// # Errors
/// When no such actor was removed or the caller may not write it (404); when the actor is not removed and the caller may not
/// write it (403); when it is not removed, or was merged (409); when it was removed too long ago (410).
pub(in crate::actors) async fn find_restorable(sight: &Sight, reach: &Reach, id: ActorId, w: &Write<'_>) -> Result<Actor> {
    if find_visible(sight).filter(table::Column::Id.eq(id)).count(&w.tx).await? > 0 {
        let actor = find(sight, id, &w.tx).await?;
        may_write(reach, &actor.fields, Some(id), &w.tx).await?;
        return Err(Problem::conflict(say!(
            "Aktören är inte borttagen, så det finns inget att återställa.",
            "The actor is not removed, so there is nothing to restore."
        )));
    }
    let row = table::Entity::find_by_id(id).filter(visible_condition(sight)).one(&w.tx).await?.ok_or_else(Problem::not_found)?;
    let deleted_at = row.deleted_at;
    let actor = view(row)?;
    may_write(reach, &actor.fields, Some(id), &w.tx).await.map_err(|problem| match problem.kind {
        Kind::Forbidden => Problem::not_found(),
        _ => problem,
    })?;
    if let Some(survivor) = actor.merged_into {
        return Err(Problem::conflict(say!(
            "Aktören har gått upp i en annan. Ångra sammanslagningen i stället.",
            "The actor became part of another. Undo the merge instead."
        ))
        .with_record("/actors", survivor));
    }
    if deleted_at.is_none_or(|time| time < w.now - TimeDelta::days(DAYS)) {
        return Err(Problem::new(Kind::Expired).detail(say!(
            "Aktören togs bort för mer än {DAYS} dagar sedan och kan inte längre återställas. Registrera den på nytt.",
            "The actor was removed more than {DAYS} days ago and can no longer be restored. Register it anew."
        )));
    }
    Ok(actor)
}

/// Returns the parent of a restored actor: its former parent, or the actor that the former parent was merged into since.
async fn restored_parent(actor: &Actor, caller: &Caller, reach: &Reach, w: &Write<'_>) -> Result<Option<ActorId>> {
    let Some(parent) = actor.fields.parent_id else { return Ok(None) };
    let parent = tombstones::survivor(&Sight::of_installation(), parent, &w.tx).await?.unwrap_or(parent);
    // The lock keeps others from giving the ancestors another parent at the same time.
    lock(&tombstones::ancestors(Some(parent), &w.tx).await?, w).await?;
    if tombstones::ancestors(Some(parent), &w.tx).await?.contains(&actor.id) {
        if find_visible(&caller.sight).filter(table::Column::Id.eq(parent)).count(&w.tx).await? == 0 {
            return Err(Problem::conflict(say!(
                "Aktören hörde till en aktör som sedan dess har blivit en del av den. Be den som administrerar tjänsten att flytta den andra, och försök igen.",
                "The actor was part of one that has become a part of it since. Ask who administers the service to move the other, and try again."
            )));
        }
        return Err(Problem::conflict(say!(
"Aktören hörde till en aktör som sedan dess har blivit en del av den. Ändra parentId på den andra, som conflictsWith pekar på, och försök igen.",
"The actor was part of one that has become a part of it since. Change parentId of the other, which conflictsWith points to, and try again."
))
.with_record("/actors", parent));
    }
    if actor.fields.parent_id != Some(parent) {
        // The parent is another than before, so the caller needs the same rights as for setting it.
        caller.is_whole(reach)?;
        let joined = NewActor { parent_id: Some(parent), ..actor.fields.clone() };
        may_set_parent(&caller.sight, reach, Some(actor), &joined, &w.tx).await?;
    }
    Ok(Some(parent))
}

/// Restores a removed actor with its identifiers.
///
/// # Errors
/// When another actor that the caller may learn of has taken one of the identifiers (409, naming that actor); when the former
/// parent has become a descendant of the actor (409); when the former parent was merged into an actor that the caller may not
/// set as the parent (403).
pub(in crate::actors) async fn restore(actor: &Actor, caller: &Caller, reach: &Reach, w: &Write<'_>) -> Result<Actor> {
    let sight = &caller.sight;
    let taken = drafts::find_taken(&drafts::own_numbers(&actor.fields).map(|(_, number)| number).collect(), w).await?;
    let owners = taken.values().flatten().map(|(owner, _)| *owner);
    let match_visibility = MatchVisibility::load(owners, sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
    let (mut refused, mut claimed) = (None::<Problem>, Vec::new());
    for (at, number) in drafts::own_numbers(&actor.fields) {
        let Some(owners) = taken.get(&number).filter(|owners| !owners.is_empty()) else { continue };
        let Some((owner, _)) = owners.iter().find(|(owner, _)| match_visibility.allows(MatchReason::SameIdentifier, *owner)) else {
            claimed.push(number);
            continue;
        };
        let problem = refused.get_or_insert_with(|| {
Problem::conflict(say!(
"Numret i identifiers/{at} har blivit en annan aktörs eget sedan aktören togs bort. Är det samma aktör, använd den; annars tar du bort numret från den andra, eller ger det scope parent där, och försöker igen.",
"The number in identifiers/{at} has become another actor's own since the actor was removed. If it is the same actor, use that; otherwise take the number off the other, or give it scope parent there, and try again."
))
.with_record("/actors", *owner)
});
        problem.faults.push(Fault::at_pointer(
            format!("/identifiers/{at}"),
            "taken",
            say!(
                "Numret är upptaget. Ändra identifiers på den aktör som har det och försök igen.",
                "The number is taken. Change identifiers of the actor that has it and try again."
            ),
        ));
    }
    if let Some(refused) = refused {
        return Err(refused);
    }
    let fields = NewActor { parent_id: restored_parent(actor, caller, reach, w).await?, ..actor.fields.clone() };
    let back = Actor { version: actor.version + 1, updated_at: w.now, fields, ..actor.clone() };
    put::mark_claimed(back.id, &claimed, w).await?;
    write_removal(&back, None, actor.version, w).await?;
    search::put(KIND, back.id, &[&put::search_text(&back.fields)], w).await?;
    history::insert(&[history_version(&back, ChangeOperation::Upsert, false)], w)?;
    w.record(change_event(&back, None, ChangeOperation::Upsert));
    announce_dependents(back.id, ChangeOperation::Upsert, w).await?;
    likenesses::find_and_store(&[(&back, None)], &taken, w).await?;
    if back.fields.parent_id != actor.fields.parent_id {
        announce_new_parent(back.id, actor.fields.parent_id, w).await?;
        relations::update_part_of(&[ParentChange { actor: &back, before: Some(actor) }], w).await?;
    }
    Ok(back)
}

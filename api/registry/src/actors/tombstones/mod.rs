//! Tombstones: actors that were merged into others. The row of a merged actor keeps its fields, so that its old address still
//! works and the merge can be undone. Like removed actors, merged actors are neither shown nor found.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, entity::prelude::*};

use super::{
    Actor, ActorId, IdentifierScope, NewActor,
    matching::{self, MatchReason, MatchVisibility},
    store::{self, KIND, view},
    table,
};
use crate::{
    access::Sight,
    kernel::{Problem, Result, Write, events::ChangeOperation, history, search},
    relations::store::{self as relations, ParentChange},
};

/// The largest number of actors in one query.
const QUERY_SIZE: usize = 500;

/// Returns the actor that another was merged into, directly or through several merges. Returns `None` when the actor was not
/// merged, when the survivor is removed, or when the visibility of any actor in the chain hides it from the caller. The survivor
/// counts as the owner of the merged actors.
///
/// # Errors
/// When the database does not answer.
pub async fn survivor(sight: &Sight, id: ActorId, db: &impl ConnectionTrait) -> Result<Option<ActorId>> {
    let mut chain: Vec<table::Model> = Vec::new();
    let mut next = Some(id);
    // Merges never form a circle. If the data has one nevertheless, the loop ends and nothing is found.
    while let Some(row) = match next.filter(|next| chain.iter().all(|row| row.id != *next)) {
        Some(next) => table::Entity::find_by_id(next).one(db).await?,
        None => None,
    } {
        next = row.merged_into;
        chain.push(row);
    }
    let Some(last) = chain.last().filter(|last| last.id != id && last.merged_into.is_none() && last.deleted_at.is_none()) else {
        return Ok(None);
    };
    let seen = |row: &table::Model| sight.sees(row.visibility, None, Some(last.id.uuid()));
    Ok(chain.iter().all(seen).then_some(last.id))
}

/// Returns an actor even when it is removed or merged, with the actor that it was merged into, and whether it is not removed.
///
/// # Errors
/// When there is no row with this id (404).
pub async fn find(id: ActorId, db: &impl ConnectionTrait) -> Result<(Actor, Option<ActorId>, bool)> {
    let row = table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)?;
    let (into, lives) = (row.merged_into, row.deleted_at.is_none());
    Ok((view(row)?, into, lives))
}

/// Returns the ancestors of an actor with this parent: the parent first, then its parent, and so on. Removed actors are included.
///
/// # Errors
/// When the database does not answer.
pub async fn ancestors(parent: Option<ActorId>, db: &impl ConnectionTrait) -> Result<Vec<ActorId>> {
    let mut above: Vec<ActorId> = Vec::new();
    let mut next = parent;
    while let Some(id) = next.filter(|id| !above.contains(id)) {
        above.push(id);
        next = table::Entity::find_by_id(id).one(db).await?.and_then(|row| row.parent_id);
    }
    Ok(above)
}

/// Updates the relation `part_of` of an actor that gets another parent: it ends the old relation today and begins the new one.
/// The caller writes `parent_id` of the actor itself.
///
/// # Errors
/// When the database does not answer.
pub async fn update_part_of(actor: &Actor, parent: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let placed = Actor { fields: NewActor { parent_id: parent, ..actor.fields.clone() }, ..actor.clone() };
    relations::update_part_of(&[ParentChange { actor: &placed, before: Some(actor) }], w).await
}

/// Marks an actor as merged into another. It is no longer shown, and its own numbers are free for others.
///
/// # Errors
/// When somebody else has changed the actor first (412).
pub async fn mark_merged(actor: &Actor, into: ActorId, w: &Write<'_>) -> Result<()> {
    update_part_of(actor, None, w).await?;
    let row = table::ActiveModel {
        version: Set(actor.version + 1),
        updated_at: Set(w.now),
        deleted_at: Set(Some(w.now)),
        merged_into: Set(Some(into)),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(actor.id), table::Column::Version, actor.version).await?;
    table::identifier::Entity::update_many()
        .set(table::identifier::ActiveModel { live: Set(false), ..Default::default() })
        .filter(table::identifier::Column::ActorId.eq(actor.id))
        .exec(&w.tx)
        .await?;
    keep_new_version(actor, ChangeOperation::Merge, w)?;
    search::remove(actor.id, w).await
}

/// Stores in the history the version that an actor got by this write, and the version before it unless it is stored already.
fn keep_new_version(actor: &Actor, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let after = Actor { version: actor.version + 1, updated_at: w.now, ..actor.clone() };
    history::insert(&[store::history_version(actor, ChangeOperation::Upsert, true), store::history_version(&after, op, false)], w)
}

/// Stores the present versions of these actors in the history. `by_this_write` says whether this write made them.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_versions(ids: &[ActorId], by_this_write: bool, w: &Write<'_>) -> Result<()> {
    for ids in ids.chunks(QUERY_SIZE) {
        let rows = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).all(&w.tx).await?;
        let actors = rows.into_iter().map(view).collect::<Result<Vec<_>>>()?;
        let versions: Vec<_> = actors.iter().map(|actor| store::history_version(actor, ChangeOperation::Upsert, !by_this_write)).collect();
        history::insert(&versions, w)?;
    }
    Ok(())
}

/// Undoes [`mark_merged`]: the actor is neither removed nor merged, and gets this parent. [`reclaim_numbers`] gives it its numbers back.
///
/// # Errors
/// When somebody else has changed the actor first (412).
pub async fn unmark_merged(actor: &Actor, parent: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let row = table::ActiveModel {
        version: Set(actor.version + 1),
        updated_at: Set(w.now),
        parent_id: Set(parent),
        deleted_at: Set(None),
        merged_into: Set(None),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(actor.id), table::Column::Version, actor.version).await?;
    update_part_of(actor, parent, w).await
}

/// Gives an actor its numbers back after [`unmark_merged`]. A number that another actor has taken since becomes one of scope `parent`, and
/// its scheme is returned. When the caller may not learn of the other actor, both have the number as their own.
///
/// # Errors
/// When the database does not answer.
pub async fn reclaim_numbers(actor: &Actor, sight: &Sight, w: &Write<'_>) -> Result<Vec<String>> {
    let mut identifiers = actor.fields.identifiers.clone();
    let numbers: Vec<_> = store::own_numbers(&actor.fields).map(|(_, number)| number).collect();
    let owners = matching::owners(&numbers, &w.tx).await?;
    let match_visibility = MatchVisibility::load(owners.values().flatten().copied(), sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
    let mut lost = Vec::new();
    for identifier in identifiers.iter_mut().filter(|identifier| identifier.scope == IdentifierScope::Own) {
        let number = (identifier.scheme.clone(), identifier.value.clone());
        let Some(owners) = owners.get(&number) else { continue };
        if owners.iter().any(|owner| match_visibility.allows(MatchReason::SameIdentifier, *owner)) {
            identifier.scope = IdentifierScope::Parent;
            lost.push(identifier.scheme.clone());
            table::identifier::Entity::update_many()
                .set(table::identifier::ActiveModel { scope: Set(IdentifierScope::Parent), ..Default::default() })
                .filter(table::identifier::Column::ActorId.eq(actor.id))
                .filter(table::identifier::Column::Scheme.eq(identifier.scheme.as_str()))
                .filter(table::identifier::Column::Value.eq(identifier.value.as_str()))
                .exec(&w.tx)
                .await?;
        } else {
            store::mark_claimed(actor.id, &[number], w).await?;
        }
    }
    if !lost.is_empty() {
        let details = table::Details { identifiers: identifiers.into(), ..table::Details::of(&actor.fields) }.column()?;
        table::Entity::update_many()
            .set(table::ActiveModel { details: Set(details), ..Default::default() })
            .filter(table::Column::Id.eq(actor.id))
            .exec(&w.tx)
            .await?;
    }
    table::identifier::Entity::update_many()
        .set(table::identifier::ActiveModel { live: Set(true), ..Default::default() })
        .filter(table::identifier::Column::ActorId.eq(actor.id))
        .exec(&w.tx)
        .await?;
    search::put(KIND, actor.id, &[&store::search_text(&actor.fields)], w).await?;
    keep_versions(&[actor.id], true, w).await?;
    Ok(lost)
}

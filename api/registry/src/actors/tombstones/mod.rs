//! Actors that have become part of others. What is left of them is kept as it was, so that old addresses lead on and a merge
//! can be undone; like removed ones they are neither shown nor found.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, entity::prelude::*};

use super::{
    Actor, ActorId, IdentifierScope, NewActor,
    matching::{self, MatchReason, Telling},
    store::{self, KIND, view},
    table,
};
use crate::{
    access::Sight,
    kernel::{Problem, Result, Write, events::ChangeOperation, history, search},
    relations::store::{self as relations, Moved},
};

/// How many actors one statement names.
const AT_ONCE: usize = 500;

/// The living actor that one became part of, however many merges ago, where the caller may see it and might have seen the
/// other. What was an actor's own is its survivor's own.
///
/// # Errors
/// When the database does not answer.
pub async fn survivor(sight: &Sight, id: ActorId, db: &impl ConnectionTrait) -> Result<Option<ActorId>> {
    let mut chain: Vec<table::Model> = Vec::new();
    let mut next = Some(id);
    // A merge never closes a circle; should one be there all the same, it leads nowhere.
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

/// Locks actors, so that nobody changes them or comes to refer to them meanwhile; always in the same order.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(ids: &[ActorId], w: &Write<'_>) -> Result<()> {
    let select = table::Entity::find().select_only().column(table::Column::Id).filter(table::Column::Id.is_in(ids.iter().copied()));
    select.order_by_asc(table::Column::Id).lock_exclusive().into_tuple::<ActorId>().all(&w.tx).await?;
    Ok(())
}

/// An actor whatever has become of it, with the one that it became part of.
///
/// # Errors
/// When there never was one.
pub async fn find(id: ActorId, db: &impl ConnectionTrait) -> Result<(Actor, Option<ActorId>, bool)> {
    let row = table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)?;
    let (into, lives) = (row.merged_into, row.deleted_at.is_none());
    Ok((view(row), into, lives))
}

/// The actors above one, nearest first.
///
/// # Errors
/// When the database does not answer.
pub async fn above(parent: Option<ActorId>, db: &impl ConnectionTrait) -> Result<Vec<ActorId>> {
    let mut above: Vec<ActorId> = Vec::new();
    let mut next = parent;
    while let Some(id) = next.filter(|id| !above.contains(id)) {
        above.push(id);
        next = table::Entity::find_by_id(id).one(db).await?.and_then(|row| row.parent_id);
    }
    Ok(above)
}

/// Ends what an actor is part of today, and begins what it is part of now, where its own place has been written already.
///
/// # Errors
/// When the database does not answer.
pub async fn place(actor: &Actor, parent: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let placed = Actor { fields: NewActor { parent_id: parent, ..actor.fields.clone() }, ..actor.clone() };
    relations::keep_parents(&[Moved { actor: &placed, before: Some(actor) }], w).await
}

/// Makes an actor part of another: what is left of it is not shown, and its own numbers are free.
///
/// # Errors
/// When another was first.
pub async fn bury(actor: &Actor, into: ActorId, w: &Write<'_>) -> Result<()> {
    place(actor, None, w).await?;
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
    keep(actor, ChangeOperation::Merge, w).await?;
    search::remove(actor.id, w).await
}

/// Keeps the version that an actor got by this write, and the one before it if its history had not begun.
async fn keep(actor: &Actor, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let after = Actor { version: actor.version + 1, updated_at: w.now, ..actor.clone() };
    history::keep(&[store::version(actor, ChangeOperation::Upsert, true), store::version(&after, op, false)], w).await
}

/// Keeps actors as they are in their history: as they became in this write, or as they were before it.
///
/// # Errors
/// When the database does not answer.
pub async fn remember(ids: &[ActorId], by_this_write: bool, w: &Write<'_>) -> Result<()> {
    for ids in ids.chunks(AT_ONCE) {
        let rows = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).all(&w.tx).await?;
        let actors: Vec<_> = rows.into_iter().map(view).collect();
        let versions: Vec<_> = actors.iter().map(|actor| store::version(actor, ChangeOperation::Upsert, !by_this_write)).collect();
        history::keep(&versions, w).await?;
    }
    Ok(())
}

/// Lets an actor live again as it was, below the given parent. Its numbers come back by [`claim`].
///
/// # Errors
/// When another was first.
pub async fn revive(actor: &Actor, parent: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let row = table::ActiveModel {
        version: Set(actor.version + 1),
        updated_at: Set(w.now),
        parent_id: Set(parent),
        deleted_at: Set(None),
        merged_into: Set(None),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(actor.id), table::Column::Version, actor.version).await?;
    place(actor, parent, w).await
}

/// Gives an actor that lives again its numbers. One that has become another's own meanwhile is it no longer, and is told by its
/// scheme; where the caller may not know of the other both have it.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(actor: &Actor, sight: &Sight, w: &Write<'_>) -> Result<Vec<String>> {
    let mut identifiers = actor.fields.identifiers.clone();
    let numbers: Vec<_> = store::own(&actor.fields).map(|(_, number)| number).collect();
    let owners = matching::owners(&numbers, &w.tx).await?;
    let telling = Telling::of(owners.values().flatten().copied(), sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
    let mut lost = Vec::new();
    for identifier in identifiers.iter_mut().filter(|identifier| identifier.scope == IdentifierScope::Own) {
        let number = (identifier.scheme.clone(), identifier.value.clone());
        let Some(owners) = owners.get(&number) else { continue };
        if owners.iter().any(|owner| telling.tells(MatchReason::SameIdentifier, *owner)) {
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
            store::claim_numbers(actor.id, &[number], w).await?;
        }
    }
    if !lost.is_empty() {
        table::Entity::update_many()
            .set(table::ActiveModel { identifiers: Set(identifiers.into()), ..Default::default() })
            .filter(table::Column::Id.eq(actor.id))
            .exec(&w.tx)
            .await?;
    }
    table::identifier::Entity::update_many()
        .set(table::identifier::ActiveModel { live: Set(true), ..Default::default() })
        .filter(table::identifier::Column::ActorId.eq(actor.id))
        .exec(&w.tx)
        .await?;
    search::put(KIND, actor.id, &[&store::texts(&actor.fields)], w).await?;
    remember(&[actor.id], true, w).await?;
    Ok(lost)
}

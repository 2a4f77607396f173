//! Finds likenesses, and shows them to callers who can see both actors.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryTrait, entity::prelude::*, sea_query::SimpleExpr};

use super::{Likeness, LikenessId, table, types::LikenessFilter};
use crate::{
    access::{Reach, Sight},
    actors::{
        Actor, ActorId, IdentifierScope, NewActor,
        matching::{self, Bodies, MatchReason},
        rules,
        store::{self as actors, TakenNumbers},
    },
    kernel::{Db, Page, Paging, Problem, Result, Write, page::Key, request::Call, say, secrecy::Secrecy},
};

/// The number of rows that one statement reads or writes.
const ROWS: usize = 1_000;
/// The largest number of actors with the same name that are stored as likenesses of one actor at a time.
const MAX_NAMESAKES: usize = 20;

/// The ids of two actors, the smaller (older) first.
type Pair = (ActorId, ActorId);

/// The ways in which two actors are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Similarity {
    pub same_identifier: bool,
    pub same_name: bool,
}

fn pair(one: ActorId, other: ActorId) -> Pair {
    if one < other { (one, other) } else { (other, one) }
}

fn own_numbers(actor: &NewActor) -> impl Iterator<Item = (String, String)> {
    let own = actor.identifiers.iter().filter(|identifier| identifier.scope == IdentifierScope::Own);
    own.map(|identifier| (identifier.scheme.clone(), identifier.value.clone()))
}

/// Finds actors that are like the stored actors, and stores the likenesses. Each stored actor comes with its state before, `None`
/// when it is new; only what changed is compared. `owners` has the actors with their new own numbers, themselves included. The number
/// of queries does not depend on the number of actors.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn find_and_store(stored: &[(&Actor, Option<&Actor>)], owners: &TakenNumbers, w: &Write<'_>) -> Result<()> {
    let called = |actor: &Actor| (rules::name_key(&actor.fields.name), actor.fields.seat_area_id);
    let (mut names, mut keys, mut new) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (actor, before) in stored {
        let name = called(actor);
        // A name without letters and digits has an empty key, and is like no other.
        if !name.0.is_empty() && before.is_none_or(|before| called(before) != name) {
            keys.insert(name.0.clone());
            names.push((*actor, name));
        }
        let kept: HashSet<_> = before.iter().flat_map(|before| own_numbers(&before.fields)).collect();
        new.extend(own_numbers(&actor.fields).filter(|number| !kept.contains(number)).map(|number| (actor.id, number)));
    }
    let namesakes = matching::by_name_key(&keys.into_iter().collect::<Vec<_>>(), &w.tx).await?;
    let mut found: BTreeMap<Pair, Similarity> = BTreeMap::new();
    for (actor, number) in new {
        for (other, _) in owners.get(&number).into_iter().flatten().filter(|(other, _)| *other != actor) {
            found.entry(pair(actor, *other)).or_default().same_identifier = true;
        }
    }
    for (actor, (key, seat)) in names {
        let numbers = matching::organisation_numbers(&actor.fields.identifiers);
        let alike = namesakes.get(&key).into_iter().flatten().filter(|other| other.actor_id != actor.id && other.seat == seat);
        // Actors with different organisation numbers are different organisations.
        for other in alike.filter(|other| !other.is_different(&numbers)).take(MAX_NAMESAKES) {
            found.entry(pair(actor.id, other.actor_id)).or_default().same_name = true;
        }
    }
    let taken: Vec<_> = stored
        .iter()
        .map(|(actor, before)| (*actor, before.map(|before| &before.fields)))
        .filter(|(actor, before)| matching::needs_body_check(&actor.fields, *before))
        .collect();
    if !taken.is_empty() {
        let bodies = Bodies::load(&w.tx).await?;
        for (actor, before) in taken {
            for other in bodies.resembled_by(Some(actor.id), &actor.fields, before) {
                found.entry(pair(actor.id, other)).or_default().same_name = true;
            }
        }
    }
    store(found, w).await
}

/// Stores likenesses of an actor that would arise if values withheld by a source were written.
///
/// # Errors
/// When the database does not answer.
pub async fn store_withheld(actor: ActorId, others: impl IntoIterator<Item = (ActorId, Similarity)>, w: &Write<'_>) -> Result<()> {
    store(others.into_iter().map(|(other, alike)| (pair(actor, other), alike)).collect(), w).await
}

async fn store(found: BTreeMap<Pair, Similarity>, w: &Write<'_>) -> Result<()> {
    let pairs: Vec<Pair> = found.keys().copied().collect();
    let mut known = find_rows(&pairs, &w.tx).await?;
    let mut new = Vec::new();
    for ((actor_id, other_actor_id), alike) in found {
        match known.remove(&(actor_id, other_actor_id)) {
            None => new.push(
                table::Model {
                    id: w.new_id(),
                    version: 1,
                    created_at: w.now,
                    updated_at: w.now,
                    actor_id,
                    other_actor_id,
                    same_identifier: alike.same_identifier,
                    same_name: alike.same_name,
                    dismissed_by: None,
                    dismissed_by_name: None,
                    dismissed_at: None,
                }
                .into_active_model(),
            ),
            Some(row) if covers(&row, alike) => {}
            Some(row) => {
                let (same_identifier, same_name) = (row.same_identifier || alike.same_identifier, row.same_name || alike.same_name);
                let open = table::Model { dismissed_by: None, dismissed_by_name: None, dismissed_at: None, ..row };
                update(table::Model { same_identifier, same_name, ..open }, w).await?;
            }
        }
    }
    for rows in new.chunks(ROWS) {
        table::Entity::insert_many(rows.to_vec()).exec_without_returning(&w.tx).await?;
    }
    Ok(())
}

const fn covers(row: &table::Model, alike: Similarity) -> bool {
    (row.same_identifier || !alike.same_identifier) && (row.same_name || !alike.same_name)
}

async fn find_rows(pairs: &[Pair], db: &impl ConnectionTrait) -> Result<HashMap<Pair, table::Model>> {
    let mut found = HashMap::new();
    for pairs in pairs.chunks(ROWS) {
        let rows = table::Entity::find()
            .filter(table::Column::ActorId.is_in(pairs.iter().map(|(one, _)| *one)))
            .filter(table::Column::OtherActorId.is_in(pairs.iter().map(|(_, other)| *other)))
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|row| ((row.actor_id, row.other_actor_id), row)));
    }
    Ok(found)
}

async fn update(mut row: table::Model, w: &Write<'_>) -> Result<table::Model> {
    let from = row.version;
    row.version += 1;
    row.updated_at = w.now;
    let changed = row.clone().into_active_model().reset_all();
    w.replace::<table::Entity>(changed, table::Column::Id.eq(row.id), table::Column::Version, from).await?;
    Ok(row)
}

/// Returns those of these other actors whose likeness with the actor has been dismissed, with at least the same similarities.
///
/// # Errors
/// When the database does not answer.
pub async fn dismissed_among(actor: ActorId, others: &[(ActorId, Similarity)], db: &impl ConnectionTrait) -> Result<HashSet<ActorId>> {
    let pairs: Vec<Pair> = others.iter().map(|(other, _)| pair(actor, *other)).collect();
    let known = find_rows(&pairs, db).await?;
    let apart = |(other, alike): &&(ActorId, Similarity)| {
        known.get(&pair(actor, *other)).is_some_and(|row| row.dismissed_at.is_some() && covers(row, *alike))
    };
    Ok(others.iter().filter(apart).map(|(other, _)| *other).collect())
}

/// Dismisses the likenesses of an actor with these others, as far as the caller may. The rest keeps waiting for somebody who may.
///
/// # Errors
/// When the database does not answer.
pub async fn dismiss_where_allowed(reach: &Reach, actor: ActorId, others: &[ActorId], w: &Write<'_>) -> Result<()> {
    let pairs: Vec<Pair> = others.iter().map(|other| pair(actor, *other)).collect();
    let mut known = find_rows(&pairs, &w.tx).await?;
    for pair in pairs {
        if let Some(row) = known.remove(&pair).filter(|row| row.dismissed_at.is_none())
            && may_dismiss(reach, pair, w).await?
        {
            update(with_dismissal(row, w), w).await?;
        }
    }
    Ok(())
}

/// Whether the caller may dismiss a likeness. When exactly one of the actors came with the reference data, the caller must be allowed
/// to write that one. Otherwise the caller must be allowed to write both, or hold the permission in the area of one of the seats. To
/// administer only one of the actors is not enough.
async fn may_dismiss(reach: &Reach, (one, other): Pair, w: &Write<'_>) -> Result<bool> {
    let reference = matching::from_reference_data(&[one, other], &w.tx).await?;
    let actors = matching::by_ids(&[one, other], &w.tx).await?;
    let (mut writes, mut coordinates) = (HashSet::new(), false);
    for actor in actors.values() {
        if is_allowed(actors::may_write(reach, &actor.fields, Some(actor.id), &w.tx).await)? {
            writes.insert(actor.id);
        }
        let there = NewActor { parent_id: None, ..actor.fields.clone() };
        coordinates |= is_allowed(actors::may_write(reach, &there, None, &w.tx).await)?;
    }
    Ok(if reference.len() == 1 { reference.is_subset(&writes) } else { coordinates || writes.len() == 2 })
}

fn is_allowed(outcome: Result<()>) -> Result<bool> {
    match outcome {
        Err(problem) if problem.kind.status() >= 500 => Err(problem),
        outcome => Ok(outcome.is_ok()),
    }
}

fn with_dismissal(row: table::Model, w: &Write<'_>) -> table::Model {
    let (by, name) = (w.call.author.user, Some(w.call.author.user_name.clone()));
    table::Model { dismissed_by: by, dismissed_by_name: name, dismissed_at: Some(w.now), ..row }
}

/// Selects the likenesses of which the caller can see both actors and at least one of the similar values, and may write one actor.
fn find_within_reach(sight: &Sight, reach: &Reach, secrecy: Option<&Secrecy>) -> Select<table::Entity> {
    let told = |column: table::Column, reason: MatchReason| -> SimpleExpr {
        let mut untold = secrecy.map(|secrecy| secrecy.records("actor")).unwrap_or_default();
        untold.retain(|actor| !may_show(reason, (*actor).into(), secrecy));
        let open = |actor: table::Column| actor.is_not_in(untold.iter().copied());
        column.eq(true).and(open(table::Column::ActorId)).and(open(table::Column::OtherActorId))
    };
    let mut alike = Condition::any();
    let mut written = Condition::any();
    for (column, reason) in [(table::Column::SameIdentifier, MatchReason::SameIdentifier), (table::Column::SameName, MatchReason::SameName)]
    {
        alike = alike.add(told(column, reason));
    }
    let mut select = table::Entity::find().filter(alike);
    for actor in [table::Column::ActorId, table::Column::OtherActorId] {
        select = select.filter(actors::is_visible(sight, actor));
        written = written.add(matching::is_within_reach(sight, reach, actor));
    }
    select.filter(written)
}

fn may_show(reason: MatchReason, actor: ActorId, secrecy: Option<&Secrecy>) -> bool {
    reason.is_visible(|member| secrecy.is_some_and(|secrecy| secrecy.locked(actor.uuid()).contains_key(member)))
}

/// Returns a page of likenesses, oldest first.
pub(super) async fn list(
    sight: &Sight,
    reach: &Reach,
    filter: &LikenessFilter,
    paging: &Paging,
    call: &Call,
    db: &Db,
) -> Result<Page<Likeness>> {
    let secrecy = call.asked.secrecy.as_ref();
    let select = find_within_reach(sight, reach, secrecy).apply_if(filter.dismissed, |select, dismissed| {
        let at = table::Column::DismissedAt;
        select.filter(if dismissed { at.is_not_null() } else { at.is_null() })
    });
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let page = paging.fetch(select, keys, call, db).await?;
    let ids: Vec<ActorId> = page.items.iter().flat_map(|row| [row.actor_id, row.other_actor_id]).collect();
    let actors = matching::by_ids(&ids, db.reader()).await?;
    page.try_map(|row| view(row, &actors, secrecy))
}

/// Dismisses a likeness: the two actors are different.
pub(super) async fn dismiss(sight: &Sight, reach: &Reach, id: LikenessId, w: &Write<'_>) -> Result<Likeness> {
    let secrecy = w.call.asked.secrecy.as_ref();
    let row = find_within_reach(sight, reach, secrecy).filter(table::Column::Id.eq(id)).one(&w.tx).await?.ok_or_else(Problem::not_found)?;
    if !may_dismiss(reach, (row.actor_id, row.other_actor_id), w).await? {
        return Err(reach.missing().detail(say!(
            "Att en egen aktör inte är den andra avgör den som arbetar för den andra eller samordnar där den har sitt säte.",
            "That an actor of one's own is not the other is for somebody to say who works for the other or coordinates where it has its seat."
        )));
    }
    let row = if row.dismissed_at.is_none() { update(with_dismissal(row, w), w).await? } else { row };
    let actors = matching::by_ids(&[row.actor_id, row.other_actor_id], &w.tx).await?;
    view(row, &actors, secrecy)
}

fn view(row: table::Model, actors: &HashMap<ActorId, Actor>, secrecy: Option<&Secrecy>) -> Result<Likeness> {
    let actor = |id: ActorId| actors.get(&id).cloned().ok_or_else(Problem::not_found);
    let told = |reason: MatchReason| may_show(reason, row.actor_id, secrecy) && may_show(reason, row.other_actor_id, secrecy);
    let alike = [(row.same_identifier, MatchReason::SameIdentifier), (row.same_name, MatchReason::SameName)];
    Ok(Likeness {
        id: row.id,
        version: row.version,
        actor: actor(row.actor_id)?,
        other_actor: actor(row.other_actor_id)?,
        reasons: alike.into_iter().filter(|(holds, reason)| *holds && told(*reason)).map(|(_, reason)| reason).collect(),
        dismissed_by: row.dismissed_by_name,
        dismissed_at: row.dismissed_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

//! Queries and writes of relations. A relation is visible when both actors are visible.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryOrder, QueryTrait,
    entity::prelude::*,
    sea_query::{Query, SelectStatement},
};

use super::{ActorRelation, NewActorRelation, RelationId, RelationKind, rules, table, types::RelationFilter};
use crate::{
    access::{Reach, Sight, Visibility},
    actors::{
        Actor, ActorId,
        store::{self as actors, FeedFacts},
        table as actor,
    },
    geography::areas::AreaId,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation, Visible},
        history::{self, Version},
        page::Key,
        request::Call,
        say,
        secrecy::Secrecy,
    },
};

const KIND: &str = "actor_relation";

fn view(row: table::Model) -> ActorRelation {
    ActorRelation {
        id: row.id,
        version: row.version,
        fields: NewActorRelation {
            kind: row.kind,
            actor_id: row.actor_id,
            other_actor_id: row.other_actor_id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_not_removed() -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::DeletedAt.is_null())
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    let both = [table::Column::ActorId, table::Column::OtherActorId];
    both.into_iter().fold(find_not_removed(), |select, column| select.filter(actors::is_visible(sight, column)))
}

/// Leaves out the `part_of` relations of actors whose `parentId` or `founded` is under secrecy. The first such relation begins on
/// the day when the part was founded, so it would reveal that day.
fn without_secret_parents(select: Select<table::Entity>, secrecy: Option<&Secrecy>) -> Select<table::Entity> {
    let Some(secrecy) = secrecy else { return select };
    let mut hidden = secrecy.records("actor");
    hidden.retain(|actor| secrecy.hides(*actor, "parentId") || secrecy.hides(*actor, "founded"));
    if hidden.is_empty() {
        return select;
    }
    select.filter(table::Column::Kind.ne(RelationKind::PartOf).or(table::Column::ActorId.is_not_in(hidden)))
}

fn valid_on(day: NaiveDate) -> sea_orm::Condition {
    crate::kernel::table::valid_on(table::Column::ValidFrom, table::Column::ValidTo, day)
}

pub(super) async fn list(sight: &Sight, filter: &RelationFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<ActorRelation>> {
    let select = find_visible(sight)
        .apply_if(filter.actor_id, |select, actor| {
            select.filter(table::Column::ActorId.eq(actor).or(table::Column::OtherActorId.eq(actor)))
        })
        .apply_if(filter.kind.clone(), |select, kinds| select.filter(table::Column::Kind.is_in(kinds)))
        .apply_if(filter.as_of, |select, day| select.filter(valid_on(day)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(without_secret_parents(select, call.asked.secrecy.as_ref()), keys, call, db).await?.map(view))
}

/// Returns one relation between two actors that the caller can see.
///
/// # Errors
/// When it does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, id: RelationId, secrecy: Option<&Secrecy>, db: &impl ConnectionTrait) -> Result<ActorRelation> {
    without_secret_parents(find_visible(sight), secrecy)
        .filter(table::Column::Id.eq(id))
        .one(db)
        .await?
        .map(view)
        .ok_or_else(Problem::not_found)
}

/// Returns the relations of these actors that the caller can see, by actor, oldest first. With `day` only those that were valid
/// on that day. A relation between two of the actors is listed with both.
///
/// # Errors
/// When the database does not answer.
pub async fn for_actors(
    sight: &Sight,
    actors: &[ActorId],
    day: Option<NaiveDate>,
    secrecy: Option<&Secrecy>,
    db: &impl ConnectionTrait,
) -> Result<HashMap<ActorId, Vec<ActorRelation>>> {
    let theirs = |column: table::Column| column.is_in(actors.iter().copied());
    let rows = without_secret_parents(find_visible(sight), secrecy)
        .filter(theirs(table::Column::ActorId).or(theirs(table::Column::OtherActorId)))
        .apply_if(day, |select, day| select.filter(valid_on(day)))
        .order_by_asc(table::Column::Id)
        .all(db)
        .await?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        for actor in [row.actor_id, row.other_actor_id] {
            found.entry(actor).or_default().push(view(row.clone()));
        }
    }
    Ok(found)
}

/// Returns the parents of these actors on a day, by actor.
///
/// # Errors
/// When the database does not answer.
pub async fn parents_on(actors: &[ActorId], day: NaiveDate, db: &impl ConnectionTrait) -> Result<HashMap<ActorId, ActorId>> {
    let held = find_not_removed().filter(table::Column::Kind.eq(RelationKind::PartOf)).filter(valid_on(day));
    let rows = held.filter(table::Column::ActorId.is_in(actors.iter().copied())).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.actor_id, row.other_actor_id)).collect())
}

/// Selects the ids of the actors that were part of this parent on a day.
#[must_use]
pub fn parts_on(parent: ActorId, day: NaiveDate) -> SelectStatement {
    Query::select()
        .column(table::Column::ActorId)
        .from(table::Entity)
        .and_where(table::Column::OtherActorId.eq(parent))
        .and_where(table::Column::Kind.eq(RelationKind::PartOf))
        .and_where(table::Column::DeletedAt.is_null())
        .cond_where(valid_on(day))
        .take()
}

/// Checks that the caller may write this relation: it may write the first actor, can see the other one, and may relate the two.
///
/// # Errors
/// When the caller may not (403), or cannot see one of the actors (422).
pub(super) async fn may_write(sight: &Sight, reach: &Reach, relation: &NewActorRelation, db: &impl ConnectionTrait) -> Result<()> {
    actors::may_write_records_of(sight, reach, relation.actor_id, db).await?;
    let actor = actors::find(sight, relation.actor_id, db).await?;
    if !actors::missing(sight, &[relation.other_actor_id], db).await?.is_empty() {
        return Err(Problem::fault("/otherActorId", "not-found", say!("Aktören finns inte.", "The actor does not exist.")));
    }
    actors::may_relate(reach, &actor.fields, relation.other_actor_id, db).await
}

/// Checks that a relation does not follow from `parentId` of the actor, so that it may be changed directly.
pub(super) fn require_not_derived(relation: &ActorRelation) -> Result<()> {
    if relation.fields.kind != RelationKind::PartOf {
        return Ok(());
    }
    Err(Problem::conflict(say!(
        "Relationen följer av parentId på aktören. Ändra parentId i stället.",
        "The relation follows from parentId of the actor. Change parentId instead."
    ))
    .with_record("/actors", relation.fields.actor_id))
}

/// Registers a relation.
pub(super) async fn insert(new: NewActorRelation, w: &Write<'_>) -> Result<ActorRelation> {
    store(w.new_id(), None, new, w).await
}

/// Changes a relation.
pub(super) async fn update(relation: &ActorRelation, new: NewActorRelation, w: &Write<'_>) -> Result<ActorRelation> {
    store(relation.id, Some(relation), new, w).await
}

async fn store(id: RelationId, before: Option<&ActorRelation>, new: NewActorRelation, w: &Write<'_>) -> Result<ActorRelation> {
    let mut faults = rules::faults(&new);
    if faults.is_empty() && new.kind == RelationKind::SuccessorOf {
        faults.extend(succession_fault(id, &new, w).await?);
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let alike = find_not_removed()
        .filter(table::Column::Kind.eq(new.kind))
        .filter(table::Column::ActorId.eq(new.actor_id))
        .filter(table::Column::OtherActorId.eq(new.other_actor_id))
        .filter(table::Column::Id.ne(id))
        .order_by_asc(table::Column::Id)
        .all(&w.tx)
        .await?;
    let period = (new.valid_from, new.valid_to);
    if let Some(present) = alike.into_iter().find(|row| rules::overlap((row.valid_from, row.valid_to), period)) {
        return Err(Problem::conflict(say!(
            "Relationen finns redan för hela eller en del av perioden. Ändra den i stället.",
            "The relation is there already for the period or a part of it. Change that one instead."
        ))
        .with_record("/actor-relations", present.id));
    }
    let row = table::Model {
        id,
        version: before.map_or(1, |before| before.version + 1),
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        kind: new.kind,
        actor_id: new.actor_id,
        other_actor_id: new.other_actor_id,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        deleted_at: None,
    };
    match before {
        None => drop(table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?),
        Some(before) => replace(&row, before.version, w).await?,
    }
    publish_all(&[(row.clone(), ChangeOperation::Upsert)], before, w).await?;
    Ok(view(row))
}

/// Returns the fault when a succession would form a circle. The actors on the way are locked, so that two changes at once cannot
/// make a circle together.
async fn succession_fault(id: RelationId, new: &NewActorRelation, w: &Write<'_>) -> Result<Option<Fault>> {
    let (mut met, mut next) = (HashSet::from([new.actor_id]), vec![new.actor_id, new.other_actor_id]);
    while !next.is_empty() {
        actors::lock(&next, w).await?;
        met.extend(next.iter().copied());
        // The actor's own successions are not followed: only a way from the other actor back to it makes a circle.
        let from: Vec<ActorId> = next.drain(..).filter(|actor| *actor != new.actor_id).collect();
        let succeeded = find_not_removed()
            .filter(table::Column::Kind.eq(RelationKind::SuccessorOf))
            .filter(table::Column::ActorId.is_in(from))
            .filter(table::Column::Id.ne(id))
            .all(&w.tx)
            .await?;
        for other in succeeded.into_iter().map(|row| row.other_actor_id) {
            if other == new.actor_id {
                return Ok(Some(rules::circle_fault()));
            }
            if met.insert(other) {
                next.push(other);
            }
        }
    }
    Ok(None)
}

/// Removes a relation. Its row stays, but the relation is no longer shown.
pub(super) async fn remove(relation: &ActorRelation, w: &Write<'_>) -> Result<()> {
    let row = table::Entity::find_by_id(relation.id).one(&w.tx).await?.ok_or_else(Problem::not_found)?;
    let gone = table::Model { version: relation.version + 1, updated_at: w.now, deleted_at: Some(w.now), ..row };
    replace(&gone, relation.version, w).await?;
    publish_all(&[(gone, ChangeOperation::Delete)], None, w).await
}

async fn replace(row: &table::Model, from: i64, w: &Write<'_>) -> Result<()> {
    let change = row.clone().into_active_model().reset_all();
    w.replace::<table::Entity>(change, table::Column::Id.eq(row.id), table::Column::Version, from).await
}

/// An actor that got another parent, or a new actor.
#[derive(Clone, Copy, Debug)]
pub struct ParentChange<'a> {
    /// The actor after the change.
    pub actor: &'a Actor,
    /// The actor before the change; `None` when it is new.
    pub before: Option<&'a Actor>,
}

/// Updates the `part_of` relations after actors got other parents: ends the old ones today and begins new ones today. The relation
/// of a new actor begins on the day when it was founded, if that is known. A relation that is right already stays as it is.
///
/// # Errors
/// When the database does not answer.
pub async fn update_part_of(moved: &[ParentChange<'_>], w: &Write<'_>) -> Result<()> {
    let today = w.today();
    let (mut done, mut kept) = (Vec::new(), HashSet::new());
    let parents: HashMap<ActorId, Option<ActorId>> = moved.iter().map(|moved| (moved.actor.id, moved.actor.fields.parent_id)).collect();
    let old: Vec<ActorId> = moved.iter().filter(|moved| moved.before.is_some()).map(|moved| moved.actor.id).collect();
    if !old.is_empty() {
        let of_theirs = find_not_removed().filter(table::Column::Kind.eq(RelationKind::PartOf)).filter(table::Column::ActorId.is_in(old));
        for row in of_theirs.filter(table::Column::ValidTo.is_null()).order_by_asc(table::Column::Id).all(&w.tx).await? {
            if parents.get(&row.actor_id) == Some(&Some(row.other_actor_id)) {
                kept.insert(row.actor_id);
                continue;
            }
            let from = row.version;
            // A relation that began today was never valid for a day, so it is removed.
            let never = row.valid_from.is_some_and(|from| from >= today);
            let row = table::Model {
                version: from + 1,
                updated_at: w.now,
                valid_to: if never { None } else { Some(today) },
                deleted_at: never.then_some(w.now),
                ..row
            };
            replace(&row, from, w).await?;
            done.push((row, if never { ChangeOperation::Delete } else { ChangeOperation::Upsert }));
        }
    }
    let mut new = Vec::new();
    for ParentChange { actor, before } in moved {
        let Some(parent) = actor.fields.parent_id.filter(|_| !kept.contains(&actor.id)) else { continue };
        new.push(table::Model {
            id: w.new_id(),
            version: 1,
            created_at: w.now,
            updated_at: w.now,
            kind: RelationKind::PartOf,
            actor_id: actor.id,
            other_actor_id: parent,
            valid_from: if before.is_some() { Some(today) } else { actor.fields.founded },
            valid_to: None,
            deleted_at: None,
        });
    }
    for rows in new.chunks(1_000) {
        table::Entity::insert_many(rows.iter().cloned().map(IntoActiveModel::into_active_model)).exec_without_returning(&w.tx).await?;
    }
    done.extend(new.into_iter().map(|row| (row, ChangeOperation::Upsert)));
    publish_all(&done, None, w).await
}

/// Records the changes in the feed and stores the versions in the history. `before` is the state before the change, when a single
/// relation was changed.
async fn publish_all(rows: &[(table::Model, ChangeOperation)], before: Option<&ActorRelation>, w: &Write<'_>) -> Result<()> {
    let views: Vec<ActorRelation> = rows.iter().map(|(row, _)| view(row.clone())).collect();
    let known = feed_facts_of(views.iter().chain(before), w).await?;
    let mut versions = Vec::with_capacity(rows.len());
    for (relation, (_, op)) in views.iter().zip(rows) {
        let visible = visible(&relation.fields, &known);
        let (id, version) = (relation.id.uuid(), relation.version);
        versions.push(Version { kind: KIND, id, version, op: *op, since: None, visible, body: Some(&relation.fields) });
        let areas = before.into_iter().chain([relation]).flat_map(|relation| areas(relation, &known));
        w.record(
            change_event(relation, *op, &known).in_areas(areas).visible_before(before.map(|before| self::visible(&before.fields, &known))),
        );
    }
    history::insert(&versions, w)
}

/// Records a change in the feed for the relations of an actor that was removed, restored, or got another visibility. `was` is the
/// visibility of the actor before, if it changed.
///
/// # Errors
/// When the database does not answer.
pub async fn announce(actor: ActorId, was: Option<Visibility>, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let with = |this: table::Column, other: table::Column| this.eq(actor).and(actors::is_not_removed(other));
    let (one, other) = (table::Column::ActorId, table::Column::OtherActorId);
    let rows = find_not_removed().filter(with(one, other).or(with(other, one))).order_by_asc(table::Column::Id).all(&w.tx).await?;
    let before = |known: &mut HashMap<ActorId, FeedFacts>| {
        if let (Some(was), Some(facts)) = (was, known.get_mut(&actor)) {
            facts.visibility = was;
        }
    };
    record_changes(rows, before, op, w).await
}

/// Records a change in the feed for the relations of actors with the visibility `actor` that got another parent. `from` is the
/// former parent, whose users could see them. Removed relations are included, since those users may not have read the removal yet.
///
/// # Errors
/// When the database does not answer.
pub async fn announce_new_parent(actors: &[ActorId], from: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let among = |column: table::Column| column.is_in(actors.iter().copied());
    let rows = table::Entity::find().filter(among(table::Column::ActorId).or(among(table::Column::OtherActorId)));
    let rows = rows.order_by_asc(table::Column::Id).all(&w.tx).await?;
    let before = |known: &mut HashMap<ActorId, FeedFacts>| {
        for actor in actors {
            if let (Some(from), Some(facts)) = (from, known.get_mut(actor)) {
                facts.owner = from;
            }
        }
    };
    record_changes(rows, before, ChangeOperation::Upsert, w).await
}

/// Records a change in the feed for relations as they are now; those that are not shown get `Delete`. `before` sets the facts of
/// their actors back to those before the change.
async fn record_changes(
    rows: Vec<table::Model>,
    before: impl FnOnce(&mut HashMap<ActorId, FeedFacts>),
    op: ChangeOperation,
    w: &Write<'_>,
) -> Result<()> {
    let (removed, relations): (Vec<bool>, Vec<ActorRelation>) = rows.into_iter().map(|row| (row.deleted_at.is_some(), view(row))).unzip();
    let known = feed_facts_of(&relations, w).await?;
    let mut earlier = known.clone();
    before(&mut earlier);
    for (relation, removed) in relations.iter().zip(removed) {
        let ends = [relation.fields.actor_id, relation.fields.other_actor_id];
        let shown = !removed && ends.iter().all(|actor| known.get(actor).is_some_and(|facts| facts.exists));
        let op = if shown { op } else { ChangeOperation::Delete };
        let was = visible(&relation.fields, &earlier);
        w.record(change_event(relation, op, &known).in_areas(areas(relation, &known)).visible_before(Some(was)));
    }
    Ok(())
}

/// Records a change in the feed for the `part_of` relation of an actor after a secrecy mark on it was set or lifted.
///
/// # Errors
/// When the database does not answer.
pub async fn announce_parents(actor: ActorId, w: &Write<'_>) -> Result<()> {
    let parts = find_not_removed().filter(table::Column::Kind.eq(RelationKind::PartOf)).filter(table::Column::ActorId.eq(actor));
    let parts = parts.filter(actors::is_not_removed(table::Column::OtherActorId)).order_by_asc(table::Column::Id);
    record_changes(parts.all(&w.tx).await?, |_| {}, ChangeOperation::Upsert, w).await
}

/// Returns those of these relations that are open `part_of` relations (`valid_to` is null) of an actor whose parent is now another
/// than `parent`.
///
/// # Errors
/// When the database does not answer.
pub async fn with_other_parent(relations: &[RelationId], parent: ActorId, db: &impl ConnectionTrait) -> Result<Vec<RelationId>> {
    let parts = Query::select().column(actor::Column::Id).from(actor::Entity).and_where(actor::Column::ParentId.eq(parent)).take();
    let mut found = Vec::new();
    for relations in relations.chunks(10_000) {
        let open = find_not_removed().filter(table::Column::Kind.eq(RelationKind::PartOf)).filter(table::Column::ValidTo.is_null());
        let rows = open.filter(table::Column::Id.is_in(relations.iter().copied()));
        let rows = rows.filter(table::Column::ActorId.not_in_subquery(parts.clone())).order_by_asc(table::Column::Id).all(db).await?;
        found.extend(rows.into_iter().map(|row| row.id));
    }
    Ok(found)
}

async fn feed_facts_of(relations: impl IntoIterator<Item = &ActorRelation>, w: &Write<'_>) -> Result<HashMap<ActorId, FeedFacts>> {
    let mut ids: Vec<ActorId> =
        relations.into_iter().flat_map(|relation| [relation.fields.actor_id, relation.fields.other_actor_id]).collect();
    ids.sort_unstable();
    ids.dedup();
    actors::feed_facts(&ids, &w.tx).await
}

fn change_event(relation: &ActorRelation, op: ChangeOperation, known: &HashMap<ActorId, FeedFacts>) -> Change {
    Change::new(KIND, relation.id.uuid(), op, relation.version, visible(&relation.fields, known))
}

/// Returns the areas that a relation concerns: those of both actors.
fn areas(relation: &ActorRelation, known: &HashMap<ActorId, FeedFacts>) -> Vec<AreaId> {
    let both = [relation.fields.actor_id, relation.fields.other_actor_id];
    both.iter().filter_map(|actor| known.get(actor)).flat_map(|facts| facts.areas.iter().copied()).collect()
}

/// Returns who is told of a relation in the feed: those who can see the less visible of the two actors. When both have the
/// visibility `actor`, it is the users of the first one: they include everybody who can see both, and for the others the address
/// of the relation answers 404.
fn visible(relation: &NewActorRelation, known: &HashMap<ActorId, FeedFacts>) -> Visible {
    let of = |actor: ActorId| known.get(&actor).map_or((Visibility::Actor, actor), |facts| (facts.visibility, facts.owner));
    let ((one, owner), (other, others_owner)) = (of(relation.actor_id), of(relation.other_actor_id));
    match (one, other) {
        (Visibility::Public, Visibility::Public) => Visibility::Public.of(None, None),
        (Visibility::Public | Visibility::Members, Visibility::Public | Visibility::Members) => Visibility::Members.of(None, None),
        (Visibility::Public | Visibility::Members, narrow) => narrow.of(None, Some(others_owner.uuid())),
        (narrow, _) => narrow.of(None, Some(owner.uuid())),
    }
}

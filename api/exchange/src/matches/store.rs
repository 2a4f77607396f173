//! All SQL of matches: which the caller may see, how records come to be held, and how matches are closed.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Query, SelectStatement, SimpleExpr},
};
use serde_json::Value;

use super::{
    MatchDecision, MatchId, MatchReason, MatchStatus,
    rules::{self, Likeness},
    table::{self, candidate},
    types::MatchFilter,
};
use crate::{
    access::{Reach, Sight, Visibility},
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        secrecy::Secrecy,
    },
    links::{Link, Members, store as links},
    registry::actors::{Actor, ActorId, matching, store as actors},
    sources::{Source, rules as members, rules::Record, store as sources},
};

pub(super) use sea_orm::ConnectionTrait as Reader;

pub(super) type Row = table::Model;

/// The maximum number of rows in one statement: the databases limit the number of parameters.
const ROWS: usize = 500;

/// A record that is to be held.
pub(crate) struct Held {
    pub external_id: String,
    pub digest: String,
    pub given: Record,
    /// Its link, when the record is already held.
    pub link: Option<Link>,
    pub candidates: Vec<Likeness>,
}

/// Selects the matches within the caller's reach: those of sources that the caller may synchronise, and those with a
/// candidate that the caller may write.
fn find_reachable(sight: &Sight, reach: &Reach) -> Select<table::Entity> {
    let with = candidates_of_row().and_where(matching::is_within_reach(sight, reach, candidate::Column::ActorId)).take();
    let any = Condition::any().add(sources::reach_condition(sight, reach, table::Column::SourceId)).add(has_row(with));
    table::Entity::find().filter(any)
}

/// Returns a page of matches, oldest first.
pub(super) async fn list(sight: &Sight, reach: &Reach, filter: &MatchFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Row>> {
    let select = find_reachable(sight, reach)
        .apply_if(filter.status.clone(), |select, statuses| select.filter(table::Column::Status.is_in(statuses)))
        .apply_if(filter.source_id, |select, source| select.filter(table::Column::SourceId.eq(source)))
        .apply_if(filter.reason, |select, reason| {
            select.filter(has_row(candidates_with_reason(reason, sight, call.asked.secrecy.as_ref())))
        });
    let keys = vec![Key::column(table::Column::Id, |row: &Row| row.id.into())];
    paging.fetch(select, keys, call, db).await
}

/// Selects the candidates of a match for which the caller may know this reason.
fn candidates_with_reason(reason: MatchReason, sight: &Sight, secrecy: Option<&Secrecy>) -> SelectStatement {
    let column = match reason {
        MatchReason::SameIdentifier => candidate::Column::SameIdentifier,
        MatchReason::SameName => candidate::Column::SameName,
    };
    let mut hidden = secrecy.map(|secrecy| secrecy.records("actor")).unwrap_or_default();
    hidden.retain(|actor| !rules::may_show(reason, &members::hidden_members((*actor).into(), secrecy)));
    candidates_of_row()
        .and_where(column.eq(true))
        .and_where(candidate::Column::ActorId.is_not_in(hidden))
        .and_where(actors::is_visible(sight, candidate::Column::ActorId))
        .take()
}

/// Returns the condition that a query for the row of the outer query finds something. `EXISTS` would let `PostgreSQL` read the
/// candidates of all matches first.
fn has_row(mut select: SelectStatement) -> SimpleExpr {
    Expr::SubQuery(None, Box::new(select.limit(1).take().into())).is_not_null()
}

/// Selects the candidates of the match in the outer query.
fn candidates_of_row() -> SelectStatement {
    Query::select()
        .column(candidate::Column::MatchId)
        .from(candidate::Entity)
        .and_where(Expr::col((candidate::Entity, candidate::Column::MatchId)).eq(Expr::col((table::Entity, table::Column::Id))))
        .take()
}

/// Returns a match within the caller's reach; 404 when there is none.
pub(super) async fn find(sight: &Sight, reach: &Reach, id: MatchId, db: &impl ConnectionTrait) -> Result<Row> {
    find_reachable(sight, reach).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)
}

/// Locks the source and the match, and reads the match again. Another decision may have been stored in the meantime.
pub(super) async fn lock_and_reload(row: &Row, w: &Write<'_>) -> Result<Row> {
    sources::lock(row.source_id, w).await?;
    table::Entity::find_by_id(row.id).lock_exclusive().one(&w.tx).await?.ok_or_else(Problem::not_found)
}

/// Returns the candidates of matches, those with the same number first.
pub(super) async fn candidates(ids: &[MatchId], db: &impl ConnectionTrait) -> Result<HashMap<MatchId, Vec<Likeness>>> {
    let mut found: HashMap<MatchId, Vec<Likeness>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let select = candidate::Entity::find().filter(candidate::Column::MatchId.is_in(ids.iter().copied()));
    let rows = select.order_by_desc(candidate::Column::SameIdentifier).order_by_asc(candidate::Column::ActorId).all(db).await?;
    for row in rows {
        let like = Likeness { actor_id: row.actor_id, same_identifier: row.same_identifier, same_name: row.same_name };
        found.entry(row.match_id).or_default().push(like);
    }
    Ok(found)
}

/// Holds records for a decision and returns their links, in the order of the records. A record that is already held with
/// the same content and the same candidates is not written again.
pub(crate) async fn hold(held: Vec<Held>, source: &Source, w: &Write<'_>) -> Result<Vec<Link>> {
    let known: Vec<MatchId> = held.iter().filter_map(|one| one.link.as_ref()?.match_id).collect();
    let mut before = candidates(&known, &w.tx).await?;
    let mut rows: HashMap<MatchId, Row> = HashMap::new();
    if !known.is_empty() {
        let found = table::Entity::find().filter(table::Column::Id.is_in(known)).all(&w.tx).await?;
        rows.extend(found.into_iter().map(|row| (row.id, row)));
    }
    let (mut all, mut new_matches, mut new_candidates, mut new_links) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in held {
        let present = one.link.as_ref().and_then(|link| rows.remove(&link.match_id?));
        let given = one.given;
        let incoming = Value::Object(given.clone());
        if let (Some(mut row), Some(link)) = (present, one.link) {
            let was = sorted_by_actor(before.remove(&row.id).unwrap_or_default());
            let is = sorted_by_actor(one.candidates);
            let anew = was != is;
            let content = row.incoming != incoming || anew;
            if content {
                row.incoming = incoming;
                let row = update(row, source, w).await?;
                if anew {
                    candidate::Entity::delete_many().filter(candidate::Column::MatchId.eq(row.id)).exec(&w.tx).await?;
                    new_candidates.extend(is.iter().map(|like| candidate_row(row.id, *like)));
                }
            }
            let members = Members { given, ..link.members.clone() };
            let kept = Link { members, digest: one.digest, absent_since: None, ..link.clone() };
            all.push(if kept == link { link } else { links::update(kept, source, w).await? });
        } else {
            let row = Row {
                id: w.new_id(),
                version: 1,
                created_at: w.now,
                updated_at: w.now,
                source_id: source.id,
                external_id: one.external_id.clone(),
                status: MatchStatus::Open,
                incoming,
                decision: None,
                actor_id: None,
                actor_version: None,
                applied: Vec::new().into(),
                note: None,
                decided_by: None,
                decided_by_name: None,
                decided_at: None,
                undone_by: None,
                undone_by_name: None,
                undone_at: None,
            };
            new_candidates.extend(one.candidates.into_iter().map(|like| candidate_row(row.id, like)));
            let link = held_link(&row, given, one.digest, w);
            w.record(change_event(&row, source, ChangeOperation::Upsert));
            new_matches.push(row.into_active_model());
            new_links.push(link.clone());
            all.push(link);
        }
    }
    for rows in chunks(new_matches) {
        table::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    for rows in chunks(new_candidates) {
        candidate::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    links::insert(&new_links.iter().collect::<Vec<_>>(), source, w);
    Ok(all)
}

fn chunks<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter().peekable();
    std::iter::from_fn(move || rows.peek().is_some().then(|| rows.by_ref().take(ROWS).collect()))
}

fn candidate_row(match_id: MatchId, like: Likeness) -> candidate::ActiveModel {
    candidate::Model { match_id, actor_id: like.actor_id, same_identifier: like.same_identifier, same_name: like.same_name }
        .into_active_model()
}

fn sorted_by_actor(mut candidates: Vec<Likeness>) -> Vec<Likeness> {
    candidates.sort_by_key(|like| like.actor_id);
    candidates
}

/// Returns the link of a held record.
fn held_link(row: &Row, given: Record, digest: String, w: &Write<'_>) -> Link {
    Link {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        source_id: row.source_id,
        external_id: row.external_id.clone(),
        actor_id: None,
        match_id: Some(row.id),
        members: Members { given, ..Members::default() },
        digest,
        absent_since: None,
    }
}

/// Holds a record again after its decision was undone.
pub(super) async fn hold_again(row: &Row, link: Option<Link>, source: &Source, w: &Write<'_>) -> Result<()> {
    let Some(link) = link else {
        // The digest is empty, so that the record is read again when the source sends it.
        let given = row.incoming.as_object().cloned().unwrap_or_default();
        links::insert(&[&held_link(row, given, String::new(), w)], source, w);
        return Ok(());
    };
    let members = Members { given: link.members.given, ..Members::default() };
    let held = Link { actor_id: None, match_id: Some(row.id), members, ..link };
    links::update(held, source, w).await.map(drop)
}

/// Stores a changed match as its next version.
pub(super) async fn update(mut row: Row, source: &Source, w: &Write<'_>) -> Result<Row> {
    let from = row.version;
    row.version += 1;
    row.updated_at = w.now;
    let changed = row.clone().into_active_model().reset_all();
    w.replace::<table::Entity>(changed, table::Column::Id.eq(row.id), table::Column::Version, from).await?;
    w.record(change_event(&row, source, ChangeOperation::Upsert));
    Ok(row)
}

/// Closes a match that needs no decision any more: no candidate is left and the record has become an actor, or its number
/// shows which actor it is.
pub(crate) async fn close_automatically(id: MatchId, decision: MatchDecision, actor: &Actor, source: &Source, w: &Write<'_>) -> Result<()> {
    let Some(row) = table::Entity::find_by_id(id).one(&w.tx).await? else { return Ok(()) };
    let decided = Row {
        status: MatchStatus::Decided,
        decision: Some(decision),
        actor_id: Some(actor.id),
        actor_version: Some(actor.version),
        decided_at: Some(w.now),
        decided_by: None,
        decided_by_name: None,
        ..row
    };
    update(decided, source, w).await.map(drop)
}

/// Removes the match of a record that is withdrawn. A match that has ever been decided stays, as a record of the decision.
pub(crate) async fn withdraw(id: MatchId, source: &Source, w: &Write<'_>) -> Result<()> {
    let Some(row) = table::Entity::find_by_id(id).filter(table::Column::Status.eq(MatchStatus::Open)).one(&w.tx).await? else {
        return Ok(());
    };
    candidate::Entity::delete_many().filter(candidate::Column::MatchId.eq(id)).exec(&w.tx).await?;
    table::Entity::delete_by_id(id).exec(&w.tx).await?;
    w.record(Change { version: row.version + 1, ..change_event(&row, source, ChangeOperation::Delete) });
    Ok(())
}

/// Returns the event for a change of a match. Only people who work for the source's actor may see it; other callers who can
/// decide the match find it in the list of matches.
fn change_event(row: &Row, source: &Source, op: ChangeOperation) -> Change {
    let visible = Visibility::Actor.of(None, source.fields.actor_id.map(ActorId::uuid));
    Change::new("match", row.id.uuid(), op, row.version, visible)
}

/// Returns those of these actors that exist and that the caller may see.
pub(super) async fn find_visible_actors(
    sight: &Sight,
    mut ids: Vec<ActorId>,
    db: &impl ConnectionTrait,
) -> Result<BTreeMap<ActorId, Actor>> {
    ids.sort_unstable();
    ids.dedup();
    let actors = matching::by_ids(&ids, db).await?;
    Ok(actors.into_iter().filter(|(id, actor)| sight.sees(actor.fields.visibility, None, Some(id.uuid()))).collect())
}

/// Checks that the caller may take at least one decision about a match: the caller may synchronise the source or write one
/// of the candidates. The decision itself is checked again.
pub(super) async fn may_decide(sight: &Sight, reach: &Reach, row: &Row, source: &Source, db: &impl ConnectionTrait) -> Result<()> {
    match sources::may_sync(sight, reach, source, db).await {
        Err(problem) if problem.kind.status() < 500 => {}
        other => return other,
    }
    let select = candidate::Entity::find().filter(candidate::Column::MatchId.eq(row.id));
    let candidate = select.filter(matching::is_within_reach(sight, reach, candidate::Column::ActorId)).one(db).await?;
    candidate.map(drop).ok_or_else(|| reach.missing())
}

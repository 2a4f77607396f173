//! All SQL of rounds, with the index table of their candidates.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*};
use serde_json::value::RawValue;

use super::{
    NewRound, RECORD, Round, RoundId, RoundStatus,
    rules::{self, Life, Operation},
    table,
    types::RoundFilter,
};
use crate::{
    access::{Reach, Sight},
    forums::forums::{rules as forum_rules, store as forums},
    interventions::interventions::{InterventionId, InterventionTitle, store as interventions},
    kernel::{
        Db, Fault, Id, Page, Paging, Problem, Result, Write, frozen::Frozen, lifecycle::Lifecycle, page::Key, record::Record,
        request::Call, saved::Saved, say,
    },
    registry::actors::{ActorId, store as actors},
};

fn view(row: table::Model) -> Result<Round> {
    Ok(Round {
        id: row.id,
        version: row.version,
        fields: NewRound {
            forum_id: row.forum_id,
            question: row.question,
            scope: row.scope,
            horizon: row.horizon,
            candidates: row.candidates.0,
            criteria: row.criteria.0,
            method: row.method,
            tie_break: row.tie_break,
            visibility: row.visibility,
        },
        status: row.status,
        result: row.result.map(RawValue::from_string).transpose()?,
        result_hash: row.result_hash,
        result_form: row.result_form,
        titles: Vec::new(),
        parties: Vec::new(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::DeletedAt.is_null()).filter(sight.rows(
        table::Column::Visibility,
        Some(table::Column::ForumId.into_expr()),
        None,
    ))
}

pub(super) async fn list(sight: &Sight, filter: &RoundFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Round>> {
    let select = find_visible(sight)
        .apply_if(filter.forum_id, |select, forum| select.filter(table::Column::ForumId.eq(forum)))
        .apply_if(filter.status, |select, status| select.filter(table::Column::Status.eq(status)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let mut page = paging.fetch(select, keys, call, db).await?.try_map(view)?;
    add_names(sight, &mut page.items, db.reader()).await?;
    Ok(page)
}

/// Adds to a round the names of its candidates and parties that `sight` may see.
pub(super) async fn with_names(sight: &Sight, round: Round, db: &impl ConnectionTrait) -> Result<Round> {
    let mut rounds = [round];
    add_names(sight, &mut rounds, db).await?;
    let [round] = rounds;
    Ok(round)
}

async fn add_names(sight: &Sight, rounds: &mut [Round], db: &impl ConnectionTrait) -> Result<()> {
    let candidates: Vec<_> = rounds.iter().flat_map(|round| round.fields.candidates.iter().copied()).collect();
    let titles = interventions::titles(sight, &candidates, db).await?;
    let parties: Vec<Vec<ActorId>> = rounds.iter().map(parties).collect();
    let names = actors::names(sight, &parties.concat(), db).await?;
    for (round, parties) in rounds.iter_mut().zip(parties) {
        let title = |id: &InterventionId| Some(InterventionTitle { id: *id, title: titles.get(id)?.clone() });
        round.titles = round.fields.candidates.iter().filter_map(title).collect();
        round.parties = parties.iter().filter_map(|party| names.get(party).cloned()).collect();
    }
    Ok(())
}

/// The parties that a round's result names.
fn parties(round: &Round) -> Vec<ActorId> {
    let result = result_json(round);
    let named = ["parties", "uncounted"].map(|list| result[list].as_array().cloned().unwrap_or_default()).concat();
    named.iter().filter_map(|party| Uuid::parse_str(party["actorId"].as_str()?).ok()).map(ActorId::from).collect()
}

fn result_json(round: &Round) -> serde_json::Value {
    round.result.as_ref().and_then(|result| serde_json::from_str(result.get()).ok()).unwrap_or_default()
}

/// One round that `sight` may see.
///
/// # Errors
/// When there is none (404).
pub async fn find(sight: &Sight, id: RoundId, db: &impl ConnectionTrait) -> Result<Round> {
    find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).transpose()?.ok_or_else(Problem::not_found)
}

/// One round that `sight` may see, locked so that its status cannot change during the transaction.
///
/// # Errors
/// When there is none (404).
pub async fn find_locked(sight: &Sight, id: RoundId, w: &Write<'_>) -> Result<Round> {
    find_visible(sight)
        .filter(table::Column::Id.eq(id))
        .lock_exclusive()
        .one(&w.tx)
        .await?
        .map(view)
        .transpose()?
        .ok_or_else(Problem::not_found)
}

/// One round that the caller may write, locked so that its status cannot change during the transaction.
///
/// # Errors
/// When there is none (404), or the caller may not write it (403).
pub async fn find_to_write(sight: &Sight, reach: &Reach, id: RoundId, w: &Write<'_>) -> Result<Round> {
    let round = find_locked(sight, id, w).await?;
    may_write(reach, &round, &w.tx).await?;
    Ok(round)
}

/// Checks that the caller may write a round and its parts: `reach` must include its forum.
///
/// # Errors
/// When it does not (403), or the forum is removed (404).
pub async fn may_write(reach: &Reach, round: &Round, db: &impl ConnectionTrait) -> Result<()> {
    let forum = forums::find(&Sight::of_installation(), round.fields.forum_id, db).await?;
    forums::may_write(reach, &forum.fields, Some(forum.id), db).await
}

/// Checks that the forum of a round is not closed.
///
/// # Errors
/// When it is closed (409).
pub async fn require_open_forum(round: &Round, w: &Write<'_>) -> Result<()> {
    let forum = forums::find(&Sight::of_installation(), round.fields.forum_id, &w.tx).await?;
    forum_rules::require(forum_rules::Operation::Work, forum.fields.status)
}

/// The rounds with these ids that `sight` may see, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn visible(sight: &Sight, ids: &[RoundId], db: &impl ConnectionTrait) -> Result<Vec<Round>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).order_by_asc(table::Column::Id).all(db).await?;
    rows.into_iter().map(view).collect()
}

/// The status that an operation leads to.
///
/// # Errors
/// When the life-cycle does not allow the operation (409). The problem says what to do instead.
pub fn require(operation: Operation, round: &Round) -> Result<RoundStatus> {
    let after = Life::next_state(&round.status, operation).map_err(|problem| problem.with_record("/rounds", round.id))?;
    Ok(after.unwrap_or(round.status))
}

/// Stores a new round as a draft.
///
/// # Errors
/// With all faults of the input (422).
pub async fn insert(sight: &Sight, new: NewRound, w: &Write<'_>) -> Result<Round> {
    require_valid(sight, &new, w).await?;
    store(w.new_id(), 1, None, new, RoundStatus::Draft, None, w).await
}

/// Changes a round.
pub(super) async fn update(sight: &Sight, round: &Round, new: NewRound, w: &Write<'_>) -> Result<Round> {
    if new.forum_id != round.fields.forum_id {
        return Err(Problem::fault(
            "/forumId",
            "immutable",
            say!("En prioritering kan inte byta forum.", "A round cannot move to another forum."),
        ));
    }
    require(Operation::Write, round)?;
    require_valid(sight, &new, w).await?;
    store(round.id, round.version + 1, Some(round), new, round.status, None, w).await
}

/// Moves a round to the status that an operation leads to.
///
/// # Errors
/// When the life-cycle does not allow the operation (409), or the round has been changed meanwhile (412).
pub async fn step(round: &Round, operation: Operation, w: &Write<'_>) -> Result<Round> {
    let status = require(operation, round)?;
    let result = round.frozen();
    store(round.id, round.version + 1, Some(round), round.fields.clone(), status, result, w).await
}

/// Opens a round for ballots.
///
/// # Errors
/// When it cannot be opened (409), or the forum's members may not see all candidates any longer (422).
pub async fn open(sight: &Sight, round: &Round, w: &Write<'_>) -> Result<Round> {
    require(Operation::Open, round)?;
    interventions::lock(&round.fields.candidates, w).await?;
    require_valid(sight, &round.fields, w).await?;
    step(round, Operation::Open, w).await
}

/// Marks a round as removed. The row is kept, but can no longer be read or found.
pub(super) async fn remove(round: &Round, w: &Write<'_>) -> Result<()> {
    require(Operation::Remove, round)?;
    let version = w.remove(&RECORD, round.id, round.version).await?;
    w.publish(saved_part(round, &RECORD, round.id, version, w).await?.removed()).await
}

/// The candidates of a closed round from first to last, as its result says. Empty when there is no result.
#[must_use]
pub fn ranking(round: &Round) -> Vec<InterventionId> {
    let result = result_json(round);
    let ids = result["ranking"].as_array().into_iter().flatten().filter_map(|ranked| ranked["interventionId"].as_str());
    ids.filter_map(|id| Uuid::parse_str(id).ok()).map(InterventionId::from).collect()
}

/// Closes a round and stores its result.
///
/// # Errors
/// When it is not open (409).
pub(super) async fn freeze(round: &Round, result: Frozen, w: &Write<'_>) -> Result<Round> {
    let status = require(Operation::Close, round)?;
    store(round.id, round.version + 1, Some(round), round.fields.clone(), status, Some(result), w).await
}

/// Checks the content of a round, and that the forum's members may see all candidates.
async fn require_valid(sight: &Sight, new: &NewRound, w: &Write<'_>) -> Result<()> {
    let mut faults = rules::faults(new);
    faults.extend(forums::visibility_fault(new.visibility));
    let visible = interventions::visible(sight, &new.candidates, &w.tx).await?;
    for (at, candidate) in new.candidates.iter().enumerate() {
        let place = format!("/candidates/{at}");
        match visible.iter().find(|intervention| intervention.id == *candidate) {
            None => faults.push(Fault::at_pointer(place, "not-found", say!("Insatsen finns inte.", "The intervention does not exist."))),
            Some(intervention) => {
                if interventions::is_hidden_from_forum(&intervention.fields, new.forum_id) {
                    faults.push(Fault::at_pointer(
                        place,
                        "hidden",
                        say!(
                            "Forumets medlemmar kan inte se insatsen; ändra vem som får se den först.",
                            "The forum's members cannot see the intervention; change who may see it first."
                        ),
                    ));
                }
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

async fn store(
    id: RoundId,
    version: i64,
    before: Option<&Round>,
    new: NewRound,
    status: RoundStatus,
    result: Option<Frozen>,
    w: &Write<'_>,
) -> Result<Round> {
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        forum_id: new.forum_id,
        question: new.question.trim().to_owned(),
        scope: new.scope,
        horizon: new.horizon,
        candidates: new.candidates.into(),
        criteria: new.criteria.into(),
        method: new.method,
        tie_break: new.tie_break,
        status,
        result_hash: result.as_ref().and_then(|result| result.hash.clone()),
        result_form: result.as_ref().and_then(|result| result.form),
        result: result.map(|result| result.content.get().to_owned()),
        visibility: new.visibility,
        deleted_at: None,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let round = view(row)?;
    if before.is_none_or(|before| before.fields.candidates != round.fields.candidates) {
        if before.is_some() {
            table::candidate::Entity::delete_many().filter(table::candidate::Column::RoundId.eq(id)).exec(&w.tx).await?;
        }
        let rows = round.fields.candidates.iter().zip(0..).map(|(candidate, ordinal)| table::candidate::ActiveModel {
            round_id: Set(id),
            intervention_id: Set(*candidate),
            ordinal: Set(ordinal),
        });
        table::candidate::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    w.publish(saved_part(&round, &RECORD, id, version, w).await?).await?;
    Ok(round)
}

/// Describes a stored or removed round, or part of one, for `Write::publish`. It has the round's visibility.
///
/// # Errors
/// When the database does not answer.
pub async fn saved_part<T>(round: &Round, record: &'static Record, id: Id<T>, version: i64, w: &Write<'_>) -> Result<Saved<'static>> {
    let visible = round.fields.visibility.of(Some(round.fields.forum_id.uuid()), None);
    Ok(Saved::new(record, id, version, visible).in_areas(forums::areas_of(round.fields.forum_id, &w.tx).await?))
}

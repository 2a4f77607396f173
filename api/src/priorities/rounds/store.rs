//! Rounds, with their candidates kept in step.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*};

use super::{NewRound, Round, RoundId, RoundResult, RoundStatus, Uncounted, UncountedBecause, api::RoundFilter, rules, table};
use crate::{
    access::{Reach, Sight, Visibility},
    forums::{forums::store as forums, members::store as members},
    interventions::interventions::{InterventionId, store as interventions},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        say,
    },
    priorities::ballots::store as ballots,
    registry::actors::store as actors,
};

fn view(mut row: table::Model) -> Round {
    // A result from before ranks could be shared had a place for each.
    for candidate in row.result.iter_mut().flat_map(|result| &mut result.ranking).filter(|candidate| candidate.place == 0) {
        candidate.place = candidate.rank;
    }
    Round {
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
        result: row.result,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn seen(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find().filter(sight.rows(table::Column::Visibility, Some(table::Column::ForumId.into_expr()), None))
}

pub(super) async fn list(sight: &Sight, filter: &RoundFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Round>> {
    let select = seen(sight)
        .apply_if(filter.forum_id, |select, forum| select.filter(table::Column::ForumId.eq(forum)))
        .apply_if(filter.status, |select, status| select.filter(table::Column::Status.eq(status)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One round that may be seen.
///
/// # Errors
/// When there is none.
pub async fn find(sight: &Sight, id: RoundId, db: &impl ConnectionTrait) -> Result<Round> {
    seen(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// One round that may be seen, locked so that it can be neither opened nor closed meanwhile.
///
/// # Errors
/// When there is none.
pub async fn find_locked(sight: &Sight, id: RoundId, w: &Write<'_>) -> Result<Round> {
    seen(sight).filter(table::Column::Id.eq(id)).lock_exclusive().one(&w.tx).await?.map(view).ok_or_else(Problem::not_found)
}

/// One round that the caller may lead, locked.
///
/// # Errors
/// When there is none, or the caller may not.
pub async fn find_to_write(sight: &Sight, reach: &Reach, id: RoundId, w: &Write<'_>) -> Result<Round> {
    let round = find_locked(sight, id, w).await?;
    may_write(reach, &round, &w.tx).await?;
    Ok(round)
}

/// Checks that the caller may do this with a round and its parts: who may do it in the forum may.
///
/// # Errors
/// When the caller may not, or the forum is removed.
pub async fn may_write(reach: &Reach, round: &Round, db: &impl ConnectionTrait) -> Result<()> {
    let forum = forums::find(&Sight::of_installation(), round.fields.forum_id, db).await?;
    forums::may_write(reach, &forum.fields, Some(forum.id), db).await
}

/// The rounds that may be seen and have one of these candidates.
///
/// # Errors
/// When the database does not answer.
pub async fn considering(sight: &Sight, candidates: &[InterventionId], db: &impl ConnectionTrait) -> Result<Vec<Round>> {
    let rows =
        table::candidate::Entity::find().filter(table::candidate::Column::InterventionId.is_in(candidates.iter().copied())).all(db).await?;
    let ids: Vec<_> = rows.into_iter().map(|row| row.round_id).collect();
    let rows = seen(sight).filter(table::Column::Id.is_in(ids)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Checks that a round is in a phase.
///
/// # Errors
/// When it is in another, saying what to do.
pub fn is(round: &Round, status: RoundStatus) -> Result<()> {
    if round.status == status {
        return Ok(());
    }
    Err(Problem::conflict(match status {
        RoundStatus::Draft => {
            say!("Prioriteringen är redan öppnad, och dess regler är fasta.", "The round is opened already, and its rules are fixed.")
        }
        RoundStatus::Open if round.status == RoundStatus::Draft => {
            say!("Prioriteringen är inte öppnad än (…/open).", "The round is not open yet (…/open).")
        }
        RoundStatus::Open => {
            say!("Prioriteringen är stängd; röster kan inte längre lämnas.", "The round is closed; ballots can no longer be cast.")
        }
        RoundStatus::Closed if round.status == RoundStatus::Decided => say!("Ett beslut är redan fattat.", "A decision is taken already."),
        _ => say!("Prioriteringen behöver stängas först (…/close).", "The round must be closed first (…/close)."),
    })
    .with(format!("/rounds/{}", round.id)))
}

/// Prepares a round.
///
/// # Errors
/// With all faults of it.
pub async fn insert(sight: &Sight, new: NewRound, w: &Write<'_>) -> Result<Round> {
    check(sight, &new, w).await?;
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
    check(sight, &new, w).await?;
    store(round.id, round.version + 1, Some(round), new, round.status, None, w).await
}

/// Takes a round to its next phase.
///
/// # Errors
/// When another was first.
pub async fn proceed(round: &Round, status: RoundStatus, result: Option<RoundResult>, w: &Write<'_>) -> Result<Round> {
    let result = result.or_else(|| round.result.clone());
    store(round.id, round.version + 1, Some(round), round.fields.clone(), status, result, w).await
}

/// Closes a round with what its ballots say together. A ballot counts when its actor takes part in the forum on that day; of
/// actors that were merged the one that is left counts.
///
/// # Errors
/// When the database does not answer.
pub async fn close(round: &Round, w: &Write<'_>) -> Result<Round> {
    let cast = ballots::of_round(round.id, &w.tx).await?;
    let voters: Vec<_> = cast.iter().map(|ballot| ballot.actor_id).collect();
    let present = members::taking_part(round.fields.forum_id, &voters, w).await?;
    let merged = actors::merged(&voters, &w.tx).await?;
    let (counted, others): (Vec<_>, Vec<_>) = cast.into_iter().partition(|ballot| present.contains(&ballot.actor_id));
    let counted: Vec<rules::Cast> =
        counted.into_iter().map(|ballot| (ballot.actor_id, (!ballot.fields.abstains).then_some(ballot.fields.scores))).collect();
    let because = |actor| if merged.contains(&actor) { UncountedBecause::Merged } else { UncountedBecause::Left };
    let uncounted = others.iter().map(|ballot| Uncounted { actor_id: ballot.actor_id, because: because(ballot.actor_id) }).collect();
    let result = RoundResult { uncounted, ..rules::result(&round.fields, &counted) };
    proceed(round, RoundStatus::Closed, Some(result), w).await
}

/// Checks that the forum's members may see all that they choose among.
async fn check(sight: &Sight, new: &NewRound, w: &Write<'_>) -> Result<()> {
    let mut faults = rules::faults(new);
    faults.extend(forums::visibility_fault(new.visibility));
    let seen = interventions::visible(sight, &new.candidates, &w.tx).await?;
    for (at, candidate) in new.candidates.iter().enumerate() {
        let place = format!("/candidates/{at}");
        match seen.iter().find(|intervention| intervention.id == *candidate) {
            None => faults.push(Fault::at(place, "not-found", say!("Insatsen finns inte.", "The intervention does not exist."))),
            Some(intervention) => {
                let apart = match intervention.fields.visibility {
                    Visibility::Actor => true,
                    Visibility::Forum => intervention.fields.forum_id != Some(new.forum_id),
                    Visibility::Public | Visibility::Members => false,
                };
                if apart {
                    faults.push(Fault::at(
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
    result: Option<RoundResult>,
    w: &Write<'_>,
) -> Result<Round> {
    let row = table::ActiveModel {
        id: Set(id),
        version: Set(version),
        created_at: Set(before.map_or(w.now, |before| before.created_at)),
        updated_at: Set(w.now),
        forum_id: Set(new.forum_id),
        question: Set(new.question.trim().to_owned()),
        scope: Set(new.scope),
        horizon: Set(new.horizon),
        candidates: Set(new.candidates.into()),
        criteria: Set(new.criteria.into()),
        method: Set(new.method),
        tie_break: Set(new.tie_break),
        status: Set(status),
        result: Set(result),
        visibility: Set(new.visibility),
    };
    let round = match before {
        None => view(row.insert(&w.tx).await?),
        Some(before) => {
            w.replace::<table::Entity>(row, table::Column::Id.eq(id), table::Column::Version, before.version).await?;
            find(&Sight::of_installation(), id, &w.tx).await?
        }
    };
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
    record(&round, "round", id.uuid(), version, w).await?;
    Ok(round)
}

/// Records a change of a round or of a part of it, which is seen by those who see the round.
///
/// # Errors
/// When the database does not answer.
pub async fn record(round: &Round, kind: &'static str, id: Uuid, version: i64, w: &Write<'_>) -> Result<()> {
    let visible = round.fields.visibility.of(Some(round.fields.forum_id.uuid()), None);
    let areas = forums::areas_of(round.fields.forum_id, &w.tx).await?;
    w.record(Change::new(kind, id, ChangeOperation::Upsert, version, visible).within(areas));
    Ok(())
}

//! All SQL of ballots. Each party has at most one in a round.

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, QueryTrait, entity::prelude::*};

use super::{Ballot, NewBallot, RECORD, table};
use crate::{
    access::Sight,
    forums::members::store as members,
    kernel::{Db, Fault, Page, Paging, Problem, Result, Write, page::Key, request::Call, say},
    registry::actors::{ActorId, store as actors},
    rounds::{Round, RoundId, rules, store::saved_part},
};

fn view(row: table::Model) -> Ballot {
    Ballot {
        id: row.id,
        version: row.version,
        round_id: row.round_id,
        actor_id: row.actor_id,
        fields: NewBallot { scores: row.scores.0, abstains: row.abstains, conflict_of_interest: row.conflict_of_interest },
        actor: None,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Adds the actor's name to a ballot, when `sight` may see the actor.
pub(super) async fn with_actor_name(sight: &Sight, ballot: Ballot, db: &impl ConnectionTrait) -> Result<Ballot> {
    let actor = actors::names(sight, &[ballot.actor_id], db).await?.remove(&ballot.actor_id);
    Ok(Ballot { actor, ..ballot })
}

/// A page of ballots. With `own`, only those of the actors that the caller works for.
pub(super) async fn list(sight: &Sight, round: RoundId, own: bool, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Ballot>> {
    let select = table::Entity::find()
        .filter(table::Column::RoundId.eq(round))
        .apply_if(own.then_some(&sight.actors), |select, own| select.filter(table::Column::ActorId.is_in(own.iter().copied())));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let page = paging.fetch(select, keys, call, db).await?.map(view);
    let ids: Vec<_> = page.items.iter().map(|ballot| ballot.actor_id).collect();
    let mut names = actors::names(sight, &ids, db.reader()).await?;
    Ok(page.map(|ballot| Ballot { actor: names.remove(&ballot.actor_id), ..ballot }))
}

/// The ballot of one party, if there is one.
pub(super) async fn find(round: RoundId, actor: ActorId, db: &impl ConnectionTrait) -> Result<Option<Ballot>> {
    let row = table::Entity::find().filter(table::Column::RoundId.eq(round)).filter(table::Column::ActorId.eq(actor)).one(db).await?;
    Ok(row.map(view))
}

/// All ballots of a round, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_round(round: RoundId, db: &impl ConnectionTrait) -> Result<Vec<Ballot>> {
    let rows = table::Entity::find().filter(table::Column::RoundId.eq(round)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Stores a party's ballot, new or changed.
///
/// # Errors
/// With all faults of the ballot (422), or when the actor takes no part in the forum today (409).
pub async fn put(round: &Round, actor: ActorId, before: Option<&Ballot>, new: NewBallot, w: &Write<'_>) -> Result<Ballot> {
    let faults = if new.abstains {
        let scores = (!new.scores.is_empty())
            .then(|| Fault::at_pointer("/scores", "not-empty", say!("Den som avstår sätter inga poäng.", "Who abstains gives no scores.")));
        scores.into_iter().collect()
    } else {
        rules::ballot_faults(&round.fields, &new.scores)
    };
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    if !members::takes_part(round.fields.forum_id, actor, w).await? {
        return Err(Problem::conflict(say!(
            "Aktören är i dag inte med i forumet och kan därför inte rösta.",
            "The actor takes no part in the forum today and so cannot vote."
        )));
    }
    let version = before.map_or(1, |before| before.version + 1);
    let row = table::Model {
        id: before.map_or_else(|| w.new_id(), |before| before.id),
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        round_id: round.id,
        actor_id: actor,
        scores: new.scores.into(),
        abstains: new.abstains,
        conflict_of_interest: new.conflict_of_interest,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let ballot = view(row);
    w.publish(saved_part(round, &RECORD, ballot.id, version, w).await?).await?;
    Ok(ballot)
}

/// Removes a party's ballot.
pub(super) async fn remove(round: &Round, ballot: &Ballot, w: &Write<'_>) -> Result<()> {
    table::Entity::delete_by_id(ballot.id).exec(&w.tx).await?;
    w.publish(saved_part(round, &RECORD, ballot.id, ballot.version + 1, w).await?.removed()).await
}

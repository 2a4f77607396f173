//! Closes a round: counts its ballots and freezes the result.

use super::{
    Round, RoundResult, Uncounted, UncountedBecause,
    rules::{self},
    store,
};
use crate::{
    ballots::store as ballots,
    forums::members::store as members,
    kernel::{Result, Write, frozen::Frozen},
    registry::actors::store as actors,
};

/// Closes a round with the result of its ballots. A ballot counts when its actor takes part in the forum today. When actors were
/// merged, the ballot of the remaining actor counts.
///
/// # Errors
/// When the round is not open (409), or the database does not answer.
pub async fn close(round: &Round, w: &Write<'_>) -> Result<Round> {
    let cast = ballots::of_round(round.id, &w.tx).await?;
    let voters: Vec<_> = cast.iter().map(|ballot| ballot.actor_id).collect();
    let present = members::participants_among(round.fields.forum_id, &voters, w).await?;
    let merged = actors::merged_among(&voters, &w.tx).await?;
    let (counted, others): (Vec<_>, Vec<_>) = cast.into_iter().partition(|ballot| present.contains(&ballot.actor_id));
    let counted: Vec<rules::Cast> =
        counted.into_iter().map(|ballot| (ballot.actor_id, (!ballot.fields.abstains).then_some(ballot.fields.scores))).collect();
    let because = |actor| if merged.contains(&actor) { UncountedBecause::Merged } else { UncountedBecause::Left };
    let uncounted = others.iter().map(|ballot| Uncounted { actor_id: ballot.actor_id, because: because(ballot.actor_id) }).collect();
    let result = RoundResult { uncounted, ..rules::compute_result(&round.fields, &counted) };
    store::freeze(round, Frozen::freeze(&result)?, w).await
}

//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    forums::forums::{ForumId, among_members},
    interventions::interventions::{Horizon, InterventionId, InterventionTitle},
    kernel::{Id, extract::trimmed, frozen::Frozen},
    registry::actors::{ActorId, ActorName},
};

/// The id of a round.
pub type RoundId = Id<Round>;

/// Whether the choice is joint or each party's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RoundScope {
    /// The parties choose together.
    #[default]
    Joint,
    /// Each party chooses for itself.
    Own,
}

/// The status of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RoundStatus {
    Draft,
    /// Ballots can be cast.
    Open,
    /// The result is computed.
    Closed,
    /// A decision is recorded.
    Decided,
    /// It is withdrawn.
    Withdrawn,
}

/// The method that computes the joint ranking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RankingMethod {
    /// The mean of the parties' weighted scores.
    #[default]
    WeightedScoring,
    /// The Borda count of the parties' rankings.
    Borda,
}

/// The rule for candidates with equal points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum TieBreak {
    /// The mean score on the criterion of greatest weight, and then the order of the candidates.
    #[default]
    WeightiestCriterion,
    /// The order of the candidates.
    CandidateOrder,
}

/// An aspect on which candidates are scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Criterion {
    /// A short name that ballots refer to.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$", example = "effect")]
    pub key: String,
    #[schema(min_length = 1, max_length = 200, example = "Effekt på bakomliggande orsaker")]
    pub name: String,
    /// The weight of the criterion, relative to the others.
    #[schema(exclusive_minimum = 0.0, maximum = 1000.0, example = 3)]
    pub weight: f64,
    /// The highest score; the lowest is 0.
    #[schema(minimum = 1, maximum = 100, example = 5)]
    pub scale: i32,
}

/// A candidate's place in the joint ranking.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RankedCandidate {
    pub intervention_id: InterventionId,
    /// 1 is first. Candidates with equal points share a rank, and the ranks after it are skipped (1, 1, 3).
    pub rank: i32,
    /// The place after the tie-break. No two candidates have the same place.
    pub place: i32,
    /// The rule that decided its place among candidates of the same rank; null when no other candidate has that rank.
    pub placed_by: Option<TieBreak>,
    /// Points by the round's method: a mean from 0 to 100, or Borda points.
    pub points: f64,
    /// Borda points, for comparison.
    pub borda_points: f64,
}

/// A party's own ranking.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyRanking {
    pub actor_id: ActorId,
    /// The candidates from first to last by the party's own weighted scores. Equals keep the candidates' order. Empty when the
    /// party scores all candidates equally.
    pub ranking: Vec<InterventionId>,
    /// The rank of each candidate in `ranking`. Equals share a rank.
    pub ranks: Vec<i32>,
}

/// A ballot that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uncounted {
    /// The actor whose ballot it is.
    pub actor_id: ActorId,
    /// The reason why it does not count.
    pub because: UncountedBecause,
}

/// The reason why a ballot does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UncountedBecause {
    /// The actor was merged into another, which has a ballot of its own.
    Merged,
    /// The actor no longer took part in the forum when the round was closed.
    Left,
}

/// The reason why there is no joint ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unranked {
    /// No ballot counts, or every party abstained.
    NobodyVoted,
}

/// The agreement of the parties.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Kendall's W, corrected for ties: 1 when all rank alike, 0 when there is no agreement, null when it is not defined.
    pub kendalls_w: Option<f64>,
    /// The reason why it is not defined: `few_voters`, `few_candidates` or `all_tied`.
    pub undefined: Option<String>,
    /// Number of ballots that count and have scores.
    pub voters: i32,
    /// Number of ballots that count and abstain.
    pub abstained: i32,
}

/// The result of the ballots, computed when the round was closed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundResult {
    pub method: RankingMethod,
    /// The candidates from first to last, by their places.
    pub ranking: Vec<RankedCandidate>,
    /// The reason why there is no ranking; null when there is one.
    pub unranked: Option<Unranked>,
    pub agreement: Agreement,
    pub parties: Vec<PartyRanking>,
    /// Ballots that do not count, because their parties had left the forum when the round was closed, or were merged into another
    /// party that voted.
    pub uncounted: Vec<Uncounted>,
}

/// A round to be prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRound {
    /// The forum that chooses.
    pub forum_id: ForumId,
    /// The question that the parties answer.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 1000, example = "Vilka insatser ska gå först nästa år?")]
    pub question: String,
    /// Whether the choice is joint or each party's own. The default is `joint`.
    #[serde(default)]
    pub scope: RoundScope,
    pub horizon: Horizon,
    /// The interventions to choose among.
    #[schema(min_items = 2, max_items = 100)]
    pub candidates: Vec<InterventionId>,
    /// The criteria on which candidates are scored.
    #[schema(min_items = 1, max_items = 20)]
    pub criteria: Vec<Criterion>,
    /// The method that computes the joint ranking. The default is `weighted_scoring`.
    #[serde(default)]
    pub method: RankingMethod,
    /// The rule for candidates with equal points. The default is `weightiest_criterion`.
    #[serde(default)]
    pub tie_break: TieBreak,
    /// The widest group that may see it. The default is `forum`: the members of the forum.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// A forum's choice of which interventions come first (prioritering).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub id: RoundId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewRound,
    pub status: RoundStatus,
    /// The result of the ballots, byte for byte as it was computed; null until the round is closed.
    #[schema(value_type = Option<RoundResult>)]
    pub result: Option<Box<RawValue>>,
    /// SHA-256 of the whole result as …/canonical returns it, in hexadecimal; null until the round is closed, and for rounds that
    /// were closed before digests were stored.
    pub result_hash: Option<String>,
    /// The number of the form in which the result is written, as in revisions; null when there is no digest.
    pub result_form: Option<i32>,
    /// The titles of the candidates that the caller may see, in the candidates' order.
    pub titles: Vec<InterventionTitle>,
    /// The names of the parties in the result that the caller may see.
    pub parties: Vec<ActorName>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Round {
    /// The result with its digest and form; `None` until the round is closed.
    #[must_use]
    pub fn frozen(&self) -> Option<Frozen> {
        self.result.clone().map(|content| Frozen { content, hash: self.result_hash.clone(), form: self.result_form })
    }
}

/// Filters of the list of rounds.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct RoundFilter {
    /// Rounds of this forum.
    #[param(nullable = false)]
    pub forum_id: Option<ForumId>,
    /// Rounds with this status.
    #[param(nullable = false, inline)]
    pub status: Option<RoundStatus>,
}

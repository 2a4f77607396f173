//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// Whose choice it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RoundScope {
    /// The parties' together.
    #[default]
    Joint,
    /// Each party's for itself.
    Own,
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RoundStatus {
    Draft,
    /// Ballots can be cast.
    Open,
    /// The result is computed.
    Closed,
    /// A decision is taken.
    Decided,
    /// It was called off.
    Withdrawn,
}

/// How the joint ranking is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RankingMethod {
    /// The mean of the parties' weighted scores.
    #[default]
    WeightedScoring,
    /// Borda's count of the parties' rankings.
    Borda,
}

/// What decides between candidates with equal points.
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

/// What candidates are scored on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Criterion {
    /// A short name that ballots refer to.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$", example = "effect")]
    pub key: String,
    #[schema(min_length = 1, max_length = 200, example = "Effekt på bakomliggande orsaker")]
    pub name: String,
    /// How much it counts against the others.
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
    /// 1 is first; shared by those with equal points, and the next rank left out for each that shares it.
    pub rank: i32,
    /// The place after the tie-break, which nobody shares.
    pub place: i32,
    /// What gave it its place among those of the same rank; null when it shares its rank with nobody.
    pub placed_by: Option<TieBreak>,
    /// By the round's method: a mean of 0 to 100, or Borda points.
    pub points: f64,
    /// Borda points, for comparison.
    pub borda_points: f64,
}

/// A party's own ranking.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyRanking {
    pub actor_id: ActorId,
    /// The candidates from first to last by the party's own weighted scores, equals in the candidates' order; none when the
    /// party holds all equal.
    pub ranking: Vec<InterventionId>,
    /// The rank of each of them, shared by equals.
    pub ranks: Vec<i32>,
}

/// A ballot that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uncounted {
    /// Whose ballot it is.
    pub actor_id: ActorId,
    /// Why it does not count.
    pub because: UncountedBecause,
}

/// Why a ballot does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UncountedBecause {
    /// The actor was merged into another, which has a ballot of its own.
    Merged,
    /// The actor took no part in the forum any more when the round was closed.
    Left,
}

/// Why there is no joint ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unranked {
    /// No ballot counts, or all abstained.
    NobodyVoted,
}

/// How much the parties agree.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Kendall's W, corrected for ties: 1 when all rank alike, 0 when they do not agree at all; null when not defined.
    pub kendalls_w: Option<f64>,
    /// Why it is not defined: `few_voters`, `few_candidates` or `all_tied`.
    pub undefined: Option<String>,
    /// How many ballots count.
    pub voters: i32,
    /// How many abstained.
    pub abstained: i32,
}

/// What the ballots say together, computed when the round was closed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundResult {
    pub method: RankingMethod,
    /// The candidates from first to last, by their places.
    pub ranking: Vec<RankedCandidate>,
    /// Why there is no ranking; null when there is one.
    pub unranked: Option<Unranked>,
    pub agreement: Agreement,
    pub parties: Vec<PartyRanking>,
    /// Ballots that do not count: of parties that had left when the round was closed, or were merged into another that voted.
    pub uncounted: Vec<Uncounted>,
}

/// A round to be prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRound {
    /// The forum that chooses.
    pub forum_id: ForumId,
    /// What is to be chosen.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 1000, example = "Vilka insatser ska gå först nästa år?")]
    pub question: String,
    /// Whose choice it is; `joint` unless given.
    #[serde(default)]
    pub scope: RoundScope,
    pub horizon: Horizon,
    /// What is chosen among.
    #[schema(min_items = 2, max_items = 100)]
    pub candidates: Vec<InterventionId>,
    /// What candidates are scored on.
    #[schema(min_items = 1, max_items = 20)]
    pub criteria: Vec<Criterion>,
    /// How the joint ranking is computed; `weighted_scoring` unless given.
    #[serde(default)]
    pub method: RankingMethod,
    /// What decides between equals; `weightiest_criterion` unless given.
    #[serde(default)]
    pub tie_break: TieBreak,
    /// Who may see it; `forum` unless given, that is the forum's members.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// A choice of what comes first (prioritering).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub id: RoundId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewRound,
    pub status: RoundStatus,
    /// What the ballots say together, as it was computed; null until the round is closed.
    #[schema(value_type = Option<RoundResult>)]
    pub result: Option<Box<RawValue>>,
    /// SHA-256 of the whole result as …/canonical gives it, in hexadecimal; null until the round is closed, and for rounds that were
    /// closed before digests were kept.
    pub result_hash: Option<String>,
    /// The number of the form that the result is written in, as revisions have it; null where there is no digest.
    pub result_form: Option<i32>,
    /// The titles of the candidates that the caller may see, in the candidates' order.
    pub titles: Vec<InterventionTitle>,
    /// The names of the parties in the result that the caller may see.
    pub parties: Vec<ActorName>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Round {
    /// Its result with what shows that it is as it was.
    #[must_use]
    pub fn frozen(&self) -> Option<Frozen> {
        self.result.clone().map(|content| Frozen { content, hash: self.result_hash.clone(), form: self.result_form })
    }
}

/// Which rounds to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct RoundFilter {
    /// Rounds of this forum.
    #[param(nullable = false)]
    pub forum_id: Option<ForumId>,
    /// Rounds that have come this far.
    #[param(nullable = false, inline)]
    pub status: Option<RoundStatus>,
}

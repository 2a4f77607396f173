//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    interventions::interventions::InterventionId,
    kernel::{Id, extract::blank_is_none},
    registry::actors::{ActorId, ActorName},
    rounds::RoundId,
};

/// The id of a ballot.
pub type BallotId = Id<Ballot>;

/// A score of one candidate on one criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Score {
    pub intervention_id: InterventionId,
    /// The criterion's key.
    #[schema(max_length = 40, example = "effect")]
    pub criterion: String,
    /// From 0 to the criterion's scale; higher is better.
    #[schema(minimum = 0, maximum = 100, example = 4)]
    pub score: i32,
}

/// Whether a party has voted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum BallotState {
    /// It has not.
    Missing,
    /// It has.
    Cast,
}

/// A party's ballot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBallot {
    /// A score for each candidate on each criterion; empty for who abstains.
    #[serde(default)]
    #[schema(max_items = 2000)]
    pub scores: Vec<Score>,
    /// Whether the party leaves the choice to the others.
    #[serde(default)]
    pub abstains: bool,
    /// The party's own interest in the outcome, when it abstains for that.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub conflict_of_interest: Option<String>,
}

/// What a party has voted (röst).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ballot {
    pub id: BallotId,
    /// Grows by one with each change.
    pub version: i64,
    pub round_id: RoundId,
    pub actor_id: ActorId,
    #[serde(flatten)]
    pub fields: NewBallot,
    /// The actor by name; null where the caller may not see it.
    pub actor: Option<ActorName>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

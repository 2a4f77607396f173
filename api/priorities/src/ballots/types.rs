//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

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

/// The score of one candidate on one criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Score {
    pub intervention_id: InterventionId,
    /// The key of the criterion.
    #[schema(max_length = 40, example = "effect")]
    pub criterion: String,
    /// From 0 to the criterion's scale; higher is better.
    #[schema(minimum = 0, maximum = 100, example = 4)]
    pub score: i32,
}

/// The state of a party's ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum BallotState {
    /// The party has not voted.
    Missing,
    /// The party has voted.
    Cast,
}

/// A party's ballot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBallot {
    /// A score for each candidate on each criterion. Empty when the party abstains.
    #[serde(default)]
    #[schema(max_items = 2000)]
    pub scores: Vec<Score>,
    /// Whether the party abstains and leaves the choice to the others.
    #[serde(default)]
    pub abstains: bool,
    /// The party's own interest in the outcome, if it abstains because of that.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub conflict_of_interest: Option<String>,
}

/// A party's scores in a round (röst).
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
    /// The actor's name; null when the caller may not see the actor.
    pub actor: Option<ActorName>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

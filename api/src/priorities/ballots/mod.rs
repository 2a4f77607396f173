//! Ballots (röster): one for each party of a round, a score for each candidate on each criterion. Who has an interest of its own
//! in the outcome says so and abstains.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Ballot, NewBallot, routes};

use crate::{interventions::interventions::InterventionId, kernel::Id};

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

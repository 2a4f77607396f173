//! Matches (träffar): records of sources that may be actors that are there already. Each is held with its candidates until
//! a person has decided whether it is one of them or another actor. What was decided is kept and can be undone; then the
//! record waits again.

mod api;
mod decisions;
pub mod rules;
pub(super) mod store;
mod table;
pub mod unite;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Match, routes};

use crate::kernel::Id;
pub use crate::registry::actors::matching::MatchReason;

/// The id of a match.
pub type MatchId = Id<Match>;

/// Where a match stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MatchStatus {
    /// Waits for a decision.
    Open,
    /// Decided.
    Decided,
    /// Was decided, and the decision was taken back: waits for another.
    Undone,
}

/// What a record was decided to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MatchDecision {
    /// The same as an actor that was there.
    Same,
    /// Another than all that were there.
    Different,
}

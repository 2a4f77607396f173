//! Decisions (beslut): what was chosen in the end. A decision may depart from the result of its round; then it says why.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Decision, FormerDecision, NewDecision, routes};

use crate::kernel::Id;

/// The id of a decision.
pub type DecisionId = Id<Decision>;

/// Whether a decision stands as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DecisionStatus {
    /// It stands as it was recorded.
    Recorded,
    /// It was corrected, and shows what it said before.
    Corrected,
}

//! Causes (orsaker): what the parties hold to lie behind their findings, how, on what level, and how sure they are. A cause
//! is what interventions are aimed at.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Cause, NewCause, routes};

use crate::kernel::Id;

/// The id of a cause.
pub type CauseId = Id<Cause>;

/// On what level a cause lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CauseLevel {
    Local,
    Regional,
    National,
}

/// How a cause explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CauseExplanation {
    /// Things go together (samband).
    Association,
    LocalEvent,
    NationalEvent,
    /// Outside the country.
    ExternalEvent,
    PoliticalDecision,
}

/// How sure the parties are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

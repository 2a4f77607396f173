//! What actors state (behov, utmaningar, kompetenser, resurser): what each needs, finds difficult, can and has, in a policy
//! domain and an area. Side by side they show who can help whom, and what nobody has.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{NewStatement, Statement, routes};

use crate::kernel::Id;

/// The id of a statement.
pub type StatementId = Id<Statement>;

/// What an actor states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Behov.
    Need,
    /// Utmaning.
    Challenge,
    /// Kompetens.
    Competence,
    /// Resurs.
    Resource,
}

/// Whether what there is suffices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Sufficiency {
    /// Det som finns räcker.
    Sufficient,
    /// Det som finns räcker inte.
    Insufficient,
    /// Det är inte känt, eller sägs inte.
    #[default]
    Unknown,
}

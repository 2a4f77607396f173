//! Mandates (mandat): what an actor may decide, fund or carry out, in which policy domain and where, and on what ground.
//! No other register has this; it is what shows who must be at the table.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Mandate, NewMandate, routes};

use crate::kernel::Id;

/// The id of a mandate.
pub type MandateId = Id<Mandate>;

/// What a mandate lets an actor do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Besluta.
    Decide,
    /// Finansiera.
    Fund,
    /// Genomföra.
    Implement,
    /// Reglera.
    Regulate,
    /// Ge råd.
    Advise,
    /// Informera.
    Inform,
}

/// What a mandate rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = MandateBasis)]
pub enum Basis {
    /// Law (lagstadgat).
    Statutory,
    /// Delegation (delegerat).
    Delegated,
    /// Agreement (avtalat).
    Agreed,
    /// Own choice (frivilligt).
    Voluntary,
}

/// Who vouches for a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = MandateConfirmer)]
pub enum Confirmer {
    /// The actor's own people (självangivet).
    Party,
    /// Who coordinates where it holds (bekräftat).
    Coordinator,
}

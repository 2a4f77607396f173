//! Areas (områden): the nation, counties, municipalities and statistical areas. An area is known by its level, the version
//! of the division that it belongs to, and its code; the same code in another version may have other borders.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Area, routes};

use crate::kernel::Id;

/// The id of an area.
pub type AreaId = Id<Area>;

/// The level of an area, from the nation down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    /// Sweden (riket).
    Nation,
    /// County (län).
    County,
    /// Municipality (kommun).
    Municipality,
    /// Regional statistical area (RegSO).
    Regso,
    /// Demographic statistical area (DeSO).
    Deso,
}

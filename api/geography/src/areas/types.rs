//! The types of this resource: request and response bodies, filters, enumerations and the id.

use chrono::NaiveDate;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// A territory: the nation, a county, a municipality or a statistical area (område).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    pub id: AreaId,
    pub level: AreaLevel,
    /// The version of the division: the year from which it is valid.
    #[schema(example = "2007")]
    pub version: String,
    /// The code, unique within level and version. Leading zeros are part of it.
    #[schema(example = "0127")]
    pub code: String,
    #[schema(example = "Botkyrka")]
    pub name: String,
    /// The area that this one is part of; null for the nation.
    pub parent_id: Option<AreaId>,
    /// The kind of place, for statistical areas only: `A` rural, `B` outside the central town, `C` central town.
    pub category: Option<String>,
    /// First day of the area.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the area no longer exists.
    pub valid_to: Option<NaiveDate>,
}

/// Filters of the list of areas.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AreaFilter {
    /// Areas of this level.
    #[param(nullable = false, inline)]
    pub level: Option<AreaLevel>,
    /// Areas of this version of the division.
    #[param(nullable = false, max_length = 16, example = "2007")]
    pub version: Option<String>,
    /// Areas with this code.
    #[param(nullable = false, max_length = 16, example = "0127")]
    pub code: Option<String>,
    /// Areas that are direct parts of this one.
    #[param(nullable = false)]
    pub parent_id: Option<AreaId>,
    /// Areas below this one, at any depth.
    #[param(nullable = false)]
    pub below: Option<AreaId>,
    /// Areas whose name begins with this text, ignoring case.
    #[param(nullable = false, max_length = 100)]
    pub name: Option<String>,
}

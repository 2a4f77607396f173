//! Interventions (insatser): what an actor does or means to do, where and for whom, and which causes it is aimed at. Whether it
//! takes on an underlying cause or a consequence, and by which instrument, places it in the four-field matrix.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Intervention, NewIntervention, routes};

use crate::kernel::Id;

/// The id of an intervention.
pub type InterventionId = Id<Intervention>;

/// An intervention by title, where others name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterventionTitle {
    pub id: InterventionId,
    pub title: String,
}

/// How far an intervention has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum InterventionStatus {
    Idea,
    Planned,
    Ongoing,
    Completed,
    Suspended,
    Cancelled,
}

/// Over what time something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    Short,
    Long,
}

/// What an intervention takes on: the row of the four-field matrix (the guidance, 1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    UnderlyingCause,
    Consequence,
}

/// By what an intervention works: the column of the four-field matrix (the guidance, 1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    StrategicDocument,
    Guideline,
    TargetGroupMeasure,
    AreaMeasure,
}

//! Shared situation assessments (gemensamma lägesbilder): what the actors of a forum together hold to be true of an area,
//! with the evidence under it, the causes behind it, and each actor's own word on it.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Assessment, NewAssessment, routes};

use crate::kernel::Id;

/// The id of an assessment.
pub type AssessmentId = Id<Assessment>;

/// How far an assessment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AssessmentStatus {
    /// Is being written (utkast).
    Draft,
    /// Is read by all parties (på remiss).
    Review,
    /// The parties have said their word (överenskommen).
    Agreed,
    /// Is published, and its text frozen.
    Published,
    /// A newer one has taken its place.
    Superseded,
}

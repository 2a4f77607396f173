//! Endorsements (ställningstaganden): each party's own word on an assessment. A dissent carries its reason, is never lost and
//! is published with the text.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Endorsement, NewEndorsement, routes};

use crate::kernel::Id;

/// The id of an endorsement.
pub type EndorsementId = Id<Endorsement>;

/// What a party says of an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EndorsementPosition {
    /// Stands behind it.
    Endorse,
    /// Stands behind it but for what the reason says.
    EndorseWithReservation,
    /// Holds something else to be true (avvikande mening).
    Dissent,
}

/// Whether a party's word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum EndorsementState {
    /// The party has said nothing.
    Missing,
    /// It has said its word on the text as it is.
    Said,
    /// The text has changed since.
    Outdated,
}

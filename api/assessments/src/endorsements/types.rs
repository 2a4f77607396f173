//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    assessments::AssessmentId,
    kernel::{Id, extract::blank_is_none},
    registry::actors::{ActorId, ActorName},
};

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

/// A party's word on an assessment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEndorsement {
    pub position: EndorsementPosition,
    /// Why; required for a dissent and for a reservation.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub reason: Option<String>,
}

/// A party's word on an assessment (ställningstagande).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endorsement {
    pub id: EndorsementId,
    /// Grows by one with each change.
    pub version: i64,
    pub assessment_id: AssessmentId,
    pub actor_id: ActorId,
    #[serde(flatten)]
    pub fields: NewEndorsement,
    /// The actor by name; null where the caller may not see it.
    #[serde(default)]
    pub actor: Option<ActorName>,
    /// Whether the text has changed since the word was given. It then does not count, and is asked for again.
    #[serde(default)]
    pub outdated: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

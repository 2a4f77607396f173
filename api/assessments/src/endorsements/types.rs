//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

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

/// A party's position on an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EndorsementPosition {
    /// The party stands behind it.
    Endorse,
    /// The party stands behind it, except for what the reason states.
    EndorseWithReservation,
    /// The party does not agree (avvikande mening).
    Dissent,
}

/// The state of a party's endorsement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum EndorsementState {
    /// The party has given no endorsement.
    Missing,
    /// The party has given its endorsement on the present text.
    Said,
    /// The text has changed since the endorsement was given.
    Outdated,
}

/// A party's endorsement to be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEndorsement {
    pub position: EndorsementPosition,
    /// The reason. Required for a dissent and for a reservation.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub reason: Option<String>,
}

/// A party's own statement on an assessment (ställningstagande).
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
    /// The actor's name; null when the caller may not see the actor.
    #[serde(default)]
    pub actor: Option<ActorName>,
    /// Whether the text has changed since the endorsement was given. An outdated endorsement does not count, and the party is
    /// asked again.
    #[serde(default)]
    pub outdated: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

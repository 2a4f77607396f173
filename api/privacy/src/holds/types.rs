//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::kernel::Id;

/// The id of a hold.
pub type LegalHoldId = Id<LegalHold>;

/// The kind of record that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = HeldRecordKind)]
pub enum RecordKind {
    /// A user, with everything that is stored about that person.
    User,
    /// An actor.
    Actor,
    /// A forum.
    Forum,
    /// A shared situation assessment.
    Assessment,
    /// A published revision of an assessment.
    Revision,
    /// An intervention.
    Intervention,
    /// A round of priorities.
    Round,
    /// A decision.
    Decision,
}

/// A legal hold to be placed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLegalHold {
    pub record_kind: RecordKind,
    /// The record that must stay.
    pub record_id: Uuid,
    /// The reason, such as a court case with its number.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// First day of the hold. It begins at once when left out.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds. When left out, it holds until it is ended.
    pub valid_to: Option<NaiveDate>,
}

/// A record that must be neither erased nor disposed of (undantag från gallring).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegalHold {
    pub id: LegalHoldId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewLegalHold,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of holds.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct HoldFilter {
    /// Holds on this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// Holds that are in force on this day.
    #[param(nullable = false)]
    pub valid_on: Option<NaiveDate>,
}

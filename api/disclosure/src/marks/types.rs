//! The types of this resource: request and response bodies, filters, enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    kernel::{
        Id,
        extract::{blank_is_none, trimmed},
    },
    records::RecordKind,
};

/// The id of a secrecy mark.
pub type MarkId = Id<SecrecyMark>;

/// A mark to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecrecyMark {
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The member of the record that is under secrecy, such as `description`. Leave it out to mark the whole record.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 64, example = "description")]
    pub member: Option<String>,
    /// The chapter of the act (OSL).
    #[schema(minimum = 1, maximum = 44, example = 26)]
    pub chapter: i32,
    /// The section of the chapter (paragraf), with its letter if it has one.
    #[schema(pattern = "^[1-9][0-9]?[a-z]?$", example = "1")]
    pub paragraph: String,
    /// Why the section applies. Shown only to callers who may read marks.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 2000)]
    pub motive: String,
    /// The day on which somebody must review whether the mark is still needed. It cannot be in the past.
    pub review_on: NaiveDate,
}

/// A mark that hides a member of a record, or the whole record (sekretessmarkering).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecrecyMark {
    pub id: MarkId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewSecrecyMark,
    /// The legal ground, as it is shown to callers from whom the content is hidden.
    #[schema(example = "OSL 26:1")]
    pub ground: String,
    /// The name of the user who set it.
    pub marked_by: String,
    /// The time when it was lifted; null while it is in force.
    pub lifted_at: Option<DateTime<Utc>>,
    /// The name of the user who lifted it.
    pub lifted_by: Option<String>,
    /// Why it was lifted.
    pub lift_motive: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The motive for lifting a mark.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecrecyMarkLift {
    /// Why the secrecy has ended.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 2000)]
    pub motive: String,
}

/// Filters of the list of secrecy marks.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct SecrecyMarkFilter {
    /// Marks on this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// Marks in force that are to be reviewed before this day.
    #[param(nullable = false)]
    pub review_before: Option<NaiveDate>,
    /// `true` for marks in force, `false` for lifted ones.
    #[param(nullable = false)]
    pub in_force: Option<bool>,
}

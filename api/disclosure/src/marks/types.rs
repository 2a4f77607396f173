//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// The id of a mark.
pub type MarkId = Id<SecrecyMark>;

/// A mark to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecrecyMark {
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The member of the record's answer that is under secrecy, such as `description`; the whole record when left out.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 64, example = "description")]
    pub member: Option<String>,
    /// The chapter of the act (OSL).
    #[schema(minimum = 1, maximum = 44, example = 26)]
    pub chapter: i32,
    /// The paragraph of the chapter, with its letter if it has one.
    #[schema(pattern = "^[1-9][0-9]?[a-z]?$", example = "1")]
    pub paragraph: String,
    /// Why the paragraph applies. Shown only to those who may read marks.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 2000)]
    pub motive: String,
    /// The day on which somebody is to see whether the mark is still needed.
    pub review_on: NaiveDate,
}

/// That something is under secrecy (sekretessmarkering).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecrecyMark {
    pub id: MarkId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewSecrecyMark,
    /// The ground as it is shown to those who may not see what is hidden.
    #[schema(example = "OSL 26:1")]
    pub ground: String,
    /// Who set it.
    pub marked_by: String,
    /// When it was lifted; null while it holds.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
    /// Why it was lifted.
    pub lift_motive: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Why a mark no longer holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecrecyMarkLift {
    /// Why the secrecy has ended.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 2000)]
    pub motive: String,
}

/// Which marks to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct SecrecyMarkFilter {
    /// Marks of this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// Marks in force that are to be reviewed before this day.
    #[param(nullable = false)]
    pub review_before: Option<NaiveDate>,
    /// `true` for marks in force, `false` for lifted ones.
    #[param(nullable = false)]
    pub in_force: Option<bool>,
}

//! The types of this resource: request and response bodies, filters, enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
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

/// The id of a journal entry.
pub type EntryId = Id<JournalEntry>;

/// The direction of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = JournalDirection)]
pub enum Direction {
    /// The document came in (inkommen).
    Incoming,
    /// The document went out (utgående).
    Outgoing,
    /// The document was drawn up here (upprättad).
    DrawnUp,
}

/// A document to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJournalEntry {
    pub direction: Direction,
    /// The day on which the document came in, went out or was drawn up. It cannot be in the future.
    pub received_on: NaiveDate,
    /// The subject of the document, without anything secret. A title that must be secret can be marked: see `/secrecy-marks`.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 300)]
    pub title: String,
    /// The kind of the record in this service that the document belongs to.
    pub record_kind: Option<RecordKind>,
    /// The record in this service that the document belongs to. Give both `recordKind` and `recordId`, or neither. In responses both
    /// are null when the caller cannot see the record.
    pub record_id: Option<Uuid>,
    /// The organisation that sent or received the document. Do not name a person.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 300)]
    pub counterpart: Option<String>,
}

/// A registered document (diariepost).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    pub id: EntryId,
    /// Always 1: an entry is never changed.
    pub version: i64,
    /// The registration number: the year and a number within it, without gaps. It never changes and is never used again.
    #[schema(example = "2026:1")]
    pub registration: String,
    /// The year of registration.
    pub year: i32,
    /// The number within the year.
    pub number: i32,
    #[serde(flatten)]
    pub fields: NewJournalEntry,
    /// The name of the user who registered it.
    pub registered_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of journal entries.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct JournalFilter {
    /// Entries registered in this year.
    #[param(nullable = false, minimum = 1900, maximum = 2100)]
    pub year: Option<i32>,
    /// Entries with this number. Together with `year` it is one entry.
    #[param(nullable = false, minimum = 1)]
    pub number: Option<i32>,
    /// Entries with this direction.
    #[param(inline, nullable = false)]
    pub direction: Option<Direction>,
}

//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// The id of an entry.
pub type EntryId = Id<JournalEntry>;

/// Which way a document went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = JournalDirection)]
pub enum Direction {
    /// It came in (inkommen).
    Incoming,
    /// It went out (utgående).
    Outgoing,
    /// It was drawn up here (upprättad).
    DrawnUp,
}

/// A document to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJournalEntry {
    pub direction: Direction,
    /// The day on which it came in, went out or was drawn up.
    pub received_on: NaiveDate,
    /// What it is about, without anything secret. A title that must be secret can be marked: see `/secrecy-marks`.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 300)]
    pub title: String,
    /// The kind of record here that it belongs to.
    pub record_kind: Option<RecordKind>,
    /// The record here that it belongs to. Given together with `recordKind` or not at all; null in answers to those who
    /// may not see the record.
    pub record_id: Option<Uuid>,
    /// The organisation that sent or received it. Not a person.
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
    /// Who registered it.
    pub registered_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which entries to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct JournalFilter {
    /// Entries registered in this year.
    #[param(nullable = false, minimum = 1900, maximum = 2100)]
    pub year: Option<i32>,
    /// The entry with this number; together with `year`.
    #[param(nullable = false, minimum = 1)]
    pub number: Option<i32>,
    /// Entries that went this way.
    #[param(inline, nullable = false)]
    pub direction: Option<Direction>,
}

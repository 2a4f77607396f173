//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    kernel::{Id, extract::blank_is_none, secrecy::Redaction},
    records::RecordKind,
};

/// The id of a disclosure.
pub type DisclosureId = Id<RecordDisclosure>;

/// What was decided when a record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = DisclosureDecision)]
pub enum Outcome {
    /// Handed out (utlämnad).
    Disclosed,
    /// Handed out without what is under secrecy (utlämnad i delar).
    DisclosedInPart,
    /// Not handed out (avslag).
    Refused,
}

/// A decision on handing something out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRecordDisclosure {
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The day on which it was asked for.
    pub requested_on: NaiveDate,
    pub decision: Outcome,
    /// What is good to know about the decision. Never who asked: that may not be demanded, and is not kept.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

/// What was asked for, decided and handed out (utlämnande).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordDisclosure {
    pub id: DisclosureId,
    /// Always 1: a disclosure is never changed.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewRecordDisclosure,
    /// The record as it was handed out, in the form of its own answer; null when it was refused.
    #[schema(value_type = Option<Object>)]
    pub content: Option<Box<RawValue>>,
    /// SHA-256 of `content` as it is written in its form, in hexadecimal; null when it was refused.
    pub digest: Option<String>,
    /// The number of the form that `content` is written in, as revisions have it; null when it was refused.
    pub form: Option<i32>,
    /// What was masked in `content`, with the grounds; for a member of a record within it, by its path.
    pub masked: Vec<Redaction>,
    /// Who decided.
    pub decided_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which disclosures to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DisclosureFilter {
    /// Disclosures of this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
}

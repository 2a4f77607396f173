//! The types of this resource: request and response bodies, filters, enumerations and the id.

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

/// The decision on a request for a record.
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

/// A decision on a request for a record, to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRecordDisclosure {
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The day on which the request came in. It cannot be in the future.
    pub requested_on: NaiveDate,
    pub decision: Outcome,
    /// A note about the decision. Do not name the person who asked: the law forbids demanding the name, and it is not stored.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

/// The decision on a request for a record, and the content that was handed out (utlämnande).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordDisclosure {
    pub id: DisclosureId,
    /// Always 1: a disclosure is never changed.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewRecordDisclosure,
    /// The record as it was handed out, in the form in which its own address answers it; null when it was refused.
    #[schema(value_type = Option<Object>)]
    pub content: Option<Box<RawValue>>,
    /// SHA-256 of the bytes of `content` in its form, in hexadecimal; null when it was refused.
    pub digest: Option<String>,
    /// The number of the canonical form in which `content` is written, as for revisions; null when it was refused.
    pub form: Option<i32>,
    /// The members that were masked in `content`, with their grounds. The member of a nested record is given by its path.
    pub masked: Vec<Redaction>,
    /// The name of the user who decided.
    pub decided_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of disclosures.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DisclosureFilter {
    /// Disclosures of this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
}

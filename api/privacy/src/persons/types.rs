//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::users::UserId,
    kernel::{extract::blank_is_none, record::Rule},
};

/// Everything that is stored about a person (registerutdrag).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalData {
    pub user_id: UserId,
    /// The time when the extract was made.
    pub made_at: DateTime<Utc>,
    /// One part for each table that can hold personal data, also when it holds none about this person.
    pub parts: Vec<PersonalDataPart>,
}

/// The data of one table about a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalDataPart {
    #[schema(example = "session")]
    pub table: String,
    /// The kind of data, in the caller's language.
    pub what: String,
    /// The purpose, in the caller's language.
    pub purpose: String,
    /// The legal ground, in the caller's language.
    pub legal_basis: String,
    /// The rule that says how long it is kept; see `GET /personal-data-register`.
    pub rule: Rule,
    /// The rows, with a member for each column. Passwords, codes and their digests are left out.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
}

/// The request to erase a person.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewErasure {
    /// The reason, without the person's name, because the reason is kept.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// The decision on disposal (gallringsbeslut) that allows the person's name to be removed from documents, with its number and
    /// date. Required only when the person has signed a document that must be kept.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 500)]
    pub disposal_decision: Option<String>,
}

/// The erasure of a person (radering).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    pub id: Uuid,
    /// The user. The id stays and stands for a removed user.
    pub user_id: UserId,
    pub erased_at: DateTime<Utc>,
    /// Data that has been removed, or has lost the name.
    pub erased: Vec<ErasedPart>,
    /// Data that stays.
    pub kept: Vec<KeptPart>,
}

/// Data that has been removed, or has lost the name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasedPart {
    /// The kind of data, in the caller's language.
    pub what: String,
    /// Number of rows.
    pub count: i64,
}

/// Data that stays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptPart {
    /// The kind of data, in the caller's language.
    pub what: String,
    /// Number of rows.
    pub count: i64,
    /// The legal ground for keeping it, in the caller's language.
    pub legal_basis: String,
    /// The first day on which it may be disposed of; null when that takes a decision on disposal.
    pub until: Option<NaiveDate>,
}

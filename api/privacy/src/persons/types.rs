//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::users::UserId,
    kernel::{extract::blank_is_none, record::Rule},
};

/// All that is stored about a person (registerutdrag).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalData {
    pub user_id: UserId,
    /// When the extract was made.
    pub made_at: DateTime<Utc>,
    /// One part for each table that can hold something about a person, also where it holds nothing.
    pub parts: Vec<PersonalDataPart>,
}

/// What one table holds about a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalDataPart {
    #[schema(example = "session")]
    pub table: String,
    /// What it is, in the caller's language.
    pub what: String,
    /// What it is for, in the caller's language.
    pub purpose: String,
    /// The legal ground, in the caller's language.
    pub legal_basis: String,
    /// How long it is kept; see `GET /personal-data-register`.
    pub rule: Rule,
    /// The rows, with a member for each column. Passwords, codes and their digests are left out.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
}

/// Why a person is to be erased.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewErasure {
    /// Why, without the person's name: it is kept.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// The decision on disposal (gallringsbeslut) by which documents may lose the person's name, with its number and date. Needed
    /// only where the person has signed what must be kept.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 500)]
    pub disposal_decision: Option<String>,
}

/// A person who has been erased (radering).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    pub id: Uuid,
    /// The user, whose id goes on to stand for a removed user.
    pub user_id: UserId,
    pub erased_at: DateTime<Utc>,
    /// What has been removed or made nameless.
    pub erased: Vec<ErasedPart>,
    /// What stays.
    pub kept: Vec<KeptPart>,
}

/// Something that has been removed or made nameless.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasedPart {
    /// What, in the caller's language.
    pub what: String,
    /// How many.
    pub count: i64,
}

/// Something that stays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptPart {
    /// What, in the caller's language.
    pub what: String,
    /// How many.
    pub count: i64,
    /// Why it stays, in the caller's language.
    pub legal_basis: String,
    /// The day from which it may be disposed of; null for as long as nobody decides on disposal.
    pub until: Option<NaiveDate>,
}

use actix_web::{get, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{Direction, EntryId, store};
use crate::{
    access::{By, policy::needs},
    disclosure::records::RecordKind,
    kernel::{
        At, Db, Listed, Page, Paging, Query, Reply, Result, Valid,
        extract::{blank_is_none, trimmed},
    },
};

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

/// List journal entries
///
/// All entries in the order of their numbers.
#[utoipa::path(tag = "disclosure", operation_id = "listJournalEntries", params(JournalFilter, Paging),
    responses((status = 200, description = "A page of entries", body = Page<JournalEntry>)), extensions(("x-permission" = json!("journal.read"))))]
#[get("/journal-entries")]
async fn list(
    by: By<needs::ReadJournal>,
    Query(filter): Query<JournalFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<JournalEntry>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register a document
///
/// The entry gets the next number of the year. It can be neither changed nor removed; what was wrong is said in a new entry.
#[utoipa::path(tag = "disclosure", operation_id = "createJournalEntry", request_body = NewJournalEntry,
    responses((status = 201, description = "The entry with its number", body = JournalEntry)), extensions(("x-permission" = json!("journal.write"))))]
#[post("/journal-entries")]
async fn create(by: By<needs::WriteJournal>, new: Valid<NewJournalEntry>, db: Data<Db>) -> Result<Reply<JournalEntry>> {
    db.write(&by, async |w| {
        let entry = store::insert(by.sight(), new.0.clone(), w).await?;
        Reply::created("/journal-entries", entry.id, entry.version, &entry)
    })
    .await
}

/// Show a journal entry
///
/// One entry by its id.
#[utoipa::path(tag = "disclosure", operation_id = "getJournalEntry",
    responses((status = 200, description = "The entry", body = JournalEntry)), extensions(("x-permission" = json!("journal.read"))))]
#[get("/journal-entries/{entryId}")]
async fn show(by: By<needs::ReadJournal>, At(id): At<EntryId>, db: Data<Db>) -> Result<Reply<JournalEntry>> {
    let entry = store::find(by.sight(), id, db.reader()).await?;
    Reply::shown(&by, entry.version, &entry)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}

use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid},
};

/// List journal entries
///
/// All entries, in the order of their numbers.
#[utoipa::path(tag = "disclosure", operation_id = "listJournalEntries", params(JournalFilter, Paging),
    responses((status = 200, description = "A page of entries", body = Page<JournalEntry>)))]
#[get("/journal-entries")]
async fn list(
    by: By<needs::ReadJournal>,
    Query(filter): Query<JournalFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<JournalEntry>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register a document
///
/// The entry gets the next number of the year. It can be neither changed nor removed. To correct an entry, register a new one.
#[utoipa::path(tag = "disclosure", operation_id = "createJournalEntry", request_body = NewJournalEntry,
    responses((status = 201, description = "The entry with its number", body = JournalEntry)))]
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
    responses((status = 200, description = "The entry", body = JournalEntry)))]
#[get("/journal-entries/{entryId}")]
async fn show(by: By<needs::ReadJournal>, At(id): At<EntryId>, db: Data<Db>) -> Result<Reply<JournalEntry>> {
    let entry = store::find(by.sight(), id, db.reader()).await?;
    Reply::shown(&by, entry.version, &entry)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}

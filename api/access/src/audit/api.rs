use actix_web::{HttpResponse, get, http::header, web::Data};
use bytes::Bytes;
use futures_util::stream;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{csv, store, types::*};
use crate::{
    By,
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, export::disposition},
    policy::needs,
};

/// The number of entries of an export that are in memory at once.
const EXPORTED_AT_ONCE: u64 = 500;

/// List audit entries
///
/// Lists what users did, read, tried without success or were denied, newest first. The admin of an actor sees the entries
/// that concern the actor; an administrator of the installation sees all. Reading the log is itself noted in the log.
#[utoipa::path(tag = "audit", operation_id = "listAuditEntries", params(AuditFilter, Paging),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>)))]
#[get("/audit-entries")]
async fn list(
    by: By<needs::ReadAudit>,
    Query(filter): Query<AuditFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<AuditEntry>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&store::Scope::of_caller(by), &filter, paging, by, &db).await).await
}

/// Export audit entries
///
/// Returns all entries that match the filter as a table for a spreadsheet, newest first: UTF-8 with a byte order mark,
/// separated by semicolons, with a row of headings. A text that a spreadsheet would take for a formula gets an apostrophe
/// before it.
#[utoipa::path(tag = "audit", operation_id = "exportAuditEntries", params(AuditFilter),
    responses((status = 200, description = "The entries as a table", body = String, content_type = "text/csv")))]
#[get("/audit-entries/export")]
async fn export(by: By<needs::ReadAudit>, Query(filter): Query<AuditFilter>, db: Data<Db>) -> Result<HttpResponse> {
    let scope = store::Scope::of_caller(&by);
    // The first piece is read before the response begins, so that an early error can still be answered as a problem.
    let first = store::list_before(None, EXPORTED_AT_ONCE, &scope, &filter, &db).await?;
    let begin = stream::iter([Ok::<_, Problem>(Bytes::from(csv::heading() + &csv::rows(&first)?))]);
    let rest = stream::try_unfold(first.last().map(|entry| entry.id), move |last| {
        let (scope, filter, db) = (scope.clone(), filter.clone(), db.clone());
        async move {
            let Some(last) = last else { return Ok(None) };
            let entries = store::list_before(Some(last), EXPORTED_AT_ONCE, &scope, &filter, &db).await?;
            let Some(next) = entries.last().map(|entry| entry.id) else { return Ok(None) };
            Ok(Some((Bytes::from(csv::rows(&entries)?), Some(next))))
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, disposition("audit-entries", "csv")))
        .streaming(futures_util::StreamExt::chain(begin, rest)))
}

/// Show an audit entry
///
/// Returns one entry of the audit log.
#[utoipa::path(tag = "audit", operation_id = "getAuditEntry",
    responses((status = 200, description = "The entry", body = AuditEntry)))]
#[get("/audit-entries/{auditEntryId}")]
async fn show(by: By<needs::ReadAudit>, At(id): At<AuditEntryId>, db: Data<Db>) -> Result<Reply<AuditEntry>> {
    Reply::computed(&by, &store::find(&store::Scope::of_caller(&by), id, &db).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    // The export comes first: otherwise its path would be taken for that of an entry.
    config.service(list).service(export).service(show);
}

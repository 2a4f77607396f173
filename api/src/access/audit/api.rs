use actix_web::{HttpResponse, get, http::header, web::Data};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{AuditEntryId, csv, store};
use crate::{
    access::{By, policy::needs, users::UserId},
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, audit::AuditOutcome, export::disposition},
};

/// How many entries of an export are in memory at once.
const EXPORTED_AT_ONCE: u64 = 500;

/// A user in the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditUser {
    pub id: UserId,
    /// The name that the user has now; null when the user is no longer there.
    pub name: Option<String>,
}

/// One entry of the audit log (loggpost).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: AuditEntryId,
    /// The entry's place in the chain; null for the moment until it has one.
    pub position: Option<i64>,
    pub at: DateTime<Utc>,
    /// Who called; of a refused sign-in, the user whose account was tried. Null when it is nobody known.
    pub user: Option<AuditUser>,
    /// What the caller identified itself by: the kind and the id of it, such as `session:` and the session's id.
    #[schema(example = "session:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub credential: Option<String>,
    /// The network address that the call came from.
    pub address: Option<String>,
    /// The call's `X-Request-Id`, which is also in the log.
    pub request_id: Option<String>,
    /// The operation's `operationId`, or a fixed word: for what was done at the console, for an address that is none
    /// (`unknownAddress`), and for refusals without a token that were counted together (`anonymousCalls`).
    #[schema(example = "updateActor")]
    pub operation: String,
    pub outcome: AuditOutcome,
    /// The HTTP status of the answer.
    #[schema(example = 200)]
    pub status: i32,
    /// The kind of record that it is about, such as `actor`.
    pub record_kind: Option<String>,
    /// The record that it is about.
    pub record_id: Option<Uuid>,
    /// The actor that it concerns.
    pub actor_id: Option<Uuid>,
    /// Why it was refused or failed: the problem's code, or the permission that was missing; and how many more there were,
    /// where they were counted together.
    pub detail: Option<String>,
}

/// Which entries to show.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFilter {
    /// What this user did.
    #[param(nullable = false)]
    pub user_id: Option<Uuid>,
    /// Calls of this operation.
    #[param(nullable = false, max_length = 100)]
    pub operation: Option<String>,
    /// What turned out so.
    #[param(inline, nullable = false)]
    pub outcome: Option<AuditOutcome>,
    /// From this time on.
    #[param(nullable = false)]
    pub after: Option<DateTime<Utc>>,
    /// Before this time.
    #[param(nullable = false)]
    pub before: Option<DateTime<Utc>>,
    /// What was done with this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// The call with this id.
    #[param(nullable = false, max_length = 64)]
    pub request_id: Option<String>,
}

/// List audit entries
///
/// Who did, saw, failed at or was denied what: newest first. An actor's admin sees what concerns the actor; who administers
/// the installation sees all. Reading the log is itself in the log.
#[utoipa::path(tag = "audit", operation_id = "listAuditEntries", params(AuditFilter, Paging),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>)), extensions(("x-permission" = json!("audit.read"))))]
#[get("/audit-entries")]
async fn list(
    by: By<needs::ReadAudit>,
    Query(filter): Query<AuditFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<AuditEntry>> {
    Listed::of(by, paging, async move |by, paging| store::list(&store::Scope::of(by), &filter, paging, by, &db).await).await
}

/// Export audit entries
///
/// All entries that the filter admits as a table for a spreadsheet, newest first: UTF-8 with a byte order mark, separated by
/// semicolons, with a heading. Text that a spreadsheet would take for a formula has an apostrophe before it.
#[utoipa::path(tag = "audit", operation_id = "exportAuditEntries", params(AuditFilter),
    responses((status = 200, description = "The entries as a table", body = String, content_type = "text/csv")),
    extensions(("x-permission" = json!("audit.read"))))]
#[get("/audit-entries/export")]
async fn export(by: By<needs::ReadAudit>, Query(filter): Query<AuditFilter>, db: Data<Db>) -> Result<HttpResponse> {
    let scope = store::Scope::of(&by);
    // The first piece is made before the answer begins, so that what goes wrong at once is told as a problem.
    let first = store::before(None, EXPORTED_AT_ONCE, &scope, &filter, &db).await?;
    let begin = stream::iter([Ok::<_, Problem>(Bytes::from(csv::heading() + &csv::rows(&first)?))]);
    let rest = stream::try_unfold(first.last().map(|entry| entry.id), move |last| {
        let (scope, filter, db) = (scope.clone(), filter.clone(), db.clone());
        async move {
            let Some(last) = last else { return Ok(None) };
            let entries = store::before(Some(last), EXPORTED_AT_ONCE, &scope, &filter, &db).await?;
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
/// One entry of the audit log.
#[utoipa::path(tag = "audit", operation_id = "getAuditEntry",
    responses((status = 200, description = "The entry", body = AuditEntry)), extensions(("x-permission" = json!("audit.read"))))]
#[get("/audit-entries/{auditEntryId}")]
async fn show(by: By<needs::ReadAudit>, At(id): At<AuditEntryId>, db: Data<Db>) -> Result<Reply<AuditEntry>> {
    Reply::computed(&by, &store::find(&store::Scope::of(&by), id, &db).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    // The export first: its path would else be taken for an entry's.
    config.service(list).service(export).service(show);
}

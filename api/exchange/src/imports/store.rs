//! Reads the jobs of importing organisations and their rows.

use sea_orm::ConnectionTrait;

use super::{
    Order, TARGET,
    headings::warnings,
    record::Row,
    types::{ImportFault, ImportJob, ImportJobId, ImportLeftAlone, ImportRow, ImportWarning, RowFilter},
};
use crate::{
    access::{Caller, policy::Permission},
    intake::{
        store::{self as jobs, MAX_RECORDED_REFUSALS},
        table::row,
        target::Errand,
        types::Job,
    },
    kernel::{
        Db, Page, Paging, Result,
        hash::digest128,
        language::{Language, Text},
        request::Call,
    },
    links::store::IdDigests,
    sources::{Source, store as sources},
};

pub(super) fn view(job: Job, language: Language) -> ImportJob {
    let order = Order::from_job(&job).unwrap_or_default();
    let to_warning = |(code, detail): (&str, Text)| ImportWarning {
        code: code.to_owned(),
        detail: if language == Language::Sv { detail.sv } else { detail.en },
    };
    let warnings = warnings(&job).into_iter().map(to_warning).collect();
    let reason = job.reason_sv.zip(job.reason_en).map(|(sv, en)| if language == Language::Sv { sv } else { en });
    ImportJob {
        id: job.id,
        version: job.version,
        status: job.status,
        reason,
        source_id: order.source,
        kind: order.kind,
        full: order.full,
        dry_run: job.dry_run,
        columns: job.columns.0,
        left_out: job.left_out.0,
        warnings,
        total: job.total,
        processed: job.processed,
        created: job.created,
        updated: job.updated,
        unchanged: job.unchanged,
        held: job.held,
        refused: job.refused,
        untold: Ord::max(job.refused - i64::try_from(MAX_RECORDED_REFUSALS).unwrap_or(i64::MAX), 0),
        absent: job.absent,
        started_by: job.user_id.map(Into::into),
        started_at: job.started_at,
        finished_at: job.finished_at,
        created_at: job.created_at,
        updated_at: job.updated_at,
    }
}

fn row_view(row: row::Model, language: Language) -> ImportRow {
    let errors = row.errors.0.into_iter().map(|fault| ImportFault {
        pointer: fault.pointer,
        column: fault.column,
        code: fault.code,
        detail: if language == Language::Sv { fault.sv } else { fault.en },
    });
    let reason = |word: String| serde_json::from_value(word.into()).ok();
    let left_alone =
        row.left_alone.0.into_iter().filter_map(|left| Some(ImportLeftAlone { reason: reason(left.reason)?, member: left.member }));
    ImportRow {
        row: row.number,
        outcome: row.outcome,
        external_id: row.external_id,
        actor_id: row.record_id.map(Into::into),
        match_id: row.match_id.map(Into::into),
        errors: errors.collect(),
        left_alone: left_alone.collect(),
    }
}

pub(super) async fn list(caller: &Caller, paging: &Paging, call: &Call, db: &Db) -> Result<Page<ImportJob>> {
    Ok(jobs::list(caller, TARGET, paging, call, db).await?.map(|job| view(job, call.asked.language)))
}

pub(super) async fn find(caller: &Caller, id: ImportJobId, db: &impl ConnectionTrait) -> Result<Job> {
    jobs::find(caller, TARGET, id, db).await
}

pub(super) async fn rows(id: ImportJobId, filter: &RowFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<ImportRow>> {
    Ok(jobs::rows(id, filter.outcome, paging, call, db).await?.map(|row| row_view(row, call.asked.language)))
}

/// Returns the digests of the external ids of all rows of a job, or `None` when the id of some row is unknown.
///
/// # Errors
/// When the stored rows cannot be read.
pub async fn external_ids(job: &Job, db: &impl ConnectionTrait) -> Result<Option<IdDigests>> {
    let mut ids = IdDigests::default();
    let mut before = -1;
    loop {
        let Some((first, rows)) = jobs::next_kept_piece(job, before, db).await? else { return Ok(Some(ids)) };
        before = first;
        let rows: Vec<Row> = serde_json::from_str(&rows)?;
        for row in rows {
            // A substitute id ends with the name. When the name is missing, the id is not the one that the record had
            // before.
            let Some(id) = row.external_id.filter(|id| row.read.is_ok() || !id.ends_with('/')) else { return Ok(None) };
            ids.insert(digest128(&id));
        }
    }
}

/// Returns the source of a job. The source must still exist, and the user who started the job must still be allowed to
/// synchronise it.
pub(super) async fn find_source(errand: Errand<'_>, db: &impl ConnectionTrait) -> Result<Option<Source>> {
    let reach = errand.acting.caller.reach(Permission::WriteImports)?;
    let Some(id) = Order::from_job(errand.job)?.source else { return Ok(None) };
    sources::find_for_sync(&errand.acting.caller.sight, &reach, id, db).await.map(Some)
}

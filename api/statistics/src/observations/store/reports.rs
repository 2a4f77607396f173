//! Reports of imports of observations.

use sea_orm::{ConnectionTrait, EntityTrait};

use super::{
    super::{
        table,
        target::{Order, TARGET},
        types::{ImportId, ObservationImport, RowProblem},
    },
    imports::{REPORTED, view_faults},
};
use crate::{
    intake::{
        store as jobs,
        types::{ImportStatus, Job},
    },
    kernel::{Problem, Result, language::Language},
};

/// The report of an import, with the progress of its job when it has one.
///
/// # Errors
/// When there is neither an import nor a job (404).
pub async fn report(id: ImportId, language: Language, db: &impl ConnectionTrait) -> Result<ObservationImport> {
    let job = jobs::by_id(id.uuid().into(), db).await.ok().filter(|job| job.target == TARGET);
    let import = table::import::Entity::find_by_id(id).one(db).await?;
    let mut view = match (import, &job) {
        (None, None) => return Err(Problem::not_found()),
        (None, Some(job)) => job_report(job, language, db).await?,
        (Some(row), _) => ObservationImport {
            id: Some(row.id),
            status: ImportStatus::Completed,
            reason: None,
            dry_run: false,
            indicator_id: row.indicator_id,
            source: row.source,
            licence: row.licence,
            rows_total: row.rows_read,
            rows_read: row.rows_read,
            rows_created: row.rows_created,
            rows_changed: row.rows_changed,
            rows_unchanged: row.rows_unchanged,
            rows_refused: row.rows_refused,
            errors: view_faults(&row.errors.0, language),
            warnings: view_faults(&row.warnings.0, language),
            created_at: row.created_at,
        },
    };
    if let Some(job) = job {
        view.status = job.status;
        view.rows_total = i32::try_from(job.total).unwrap_or(i32::MAX);
        view.reason = job.reason_sv.zip(job.reason_en).map(|(sv, en)| if language == Language::Sv { sv } else { en });
    }
    Ok(view)
}

/// The report of a job that has stored no import, or none yet.
async fn job_report(job: &Job, language: Language, db: &impl ConnectionTrait) -> Result<ObservationImport> {
    let order = Order::from_job(job)?;
    let count = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let problems_of = async |refused: bool| {
        let rows = jobs::list_recorded(job.id, refused, REPORTED as u64, db).await?;
        let problems = rows.into_iter().flat_map(|row| {
            let number = row.number;
            row.errors.0.into_iter().map(move |fault| RowProblem {
                row: count(number),
                detail: fault.detail(language).to_owned(),
                column: fault.column.unwrap_or_default(),
                code: fault.code,
            })
        });
        Ok::<_, Problem>(problems.take(REPORTED).collect())
    };
    Ok(ObservationImport {
        id: Some(job.id.uuid().into()),
        status: job.status,
        reason: None,
        dry_run: job.dry_run,
        indicator_id: order.indicator_id,
        source: order.source,
        licence: order.licence,
        rows_total: count(job.total),
        rows_read: count(job.processed),
        rows_created: count(job.created),
        rows_changed: count(job.updated),
        rows_unchanged: count(job.unchanged),
        rows_refused: count(job.refused),
        errors: problems_of(true).await?,
        warnings: problems_of(false).await?,
        created_at: job.created_at,
    })
}

//! The intake target for files of organisations: rows become actors, directly or as records of a source.

use futures_util::future::LocalBoxFuture;

use super::{Order, TARGET, importer::Importer, store, work};
use crate::{
    access::policy::Permission,
    intake::{
        table::row,
        target::{Errand, Target},
    },
    kernel::{Db, Result, Write, say},
    links::store as links,
    sources::store as sources,
};

/// The target for actors.
#[derive(Debug)]
pub struct Actors;

impl Target for Actors {
    fn name(&self) -> &'static str {
        TARGET
    }

    fn permission(&self) -> Permission {
        Permission::WriteImports
    }

    fn operation(&self) -> &'static str {
        "createImport"
    }

    fn write<'a>(&'a self, errand: Errand<'a>, rows: &'a str, w: &'a Write<'_>) -> LocalBoxFuture<'a, Result<Vec<row::Model>>> {
        Box::pin(async move {
            let source = store::find_source(errand, &w.tx).await?;
            let importer = Importer { acting: errand.acting, contract: errand.contract, source };
            work::write(errand.job, serde_json::from_str(rows)?, &importer, w).await
        })
    }

    fn finish<'a>(&'a self, errand: Errand<'a>, db: &'a Db) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(finish(errand, db))
    }
}

async fn finish(errand: Errand<'_>, db: &Db) -> Result<()> {
    let job = errand.job;
    let source = store::find_source(errand, db.reader()).await?;
    let is_full = Order::from_job(job)?.full && source.is_some();
    let (mut reason, mut ids) = (None, None);
    // A file without a usable row is a mistake, and does not mean that the source has no records any more.
    if is_full && job.refused == job.total {
        reason = Some(say!(
            "Filen har inga rader som går att läsa, så ingenting har markerats som saknat.",
            "The file has no rows that can be read, so nothing was marked absent."
        ));
    } else if job.total == 0 {
        reason = Some(say!("Filen har inga rader att läsa in.", "The file has no rows to import."));
    } else if is_full {
        ids = store::external_ids(job, db.reader()).await?;
        if ids.is_none() {
            reason = Some(say!(
                "Ingen post har märkts som saknad, för filen har rader som inte går att känna igen. Rätta dem och läs in igen.",
                "No record was marked absent, for the file has rows that cannot be recognised. Correct them and import again."
            ));
        }
    }
    errand
        .end(reason, db, async |w| match (&source, &ids) {
            (Some(source), Some(ids)) => {
                sources::lock(source.id, w).await?;
                links::mark_absent(source, ids, w).await
            }
            _ => Ok(0),
        })
        .await
}

//! The worker: takes jobs that wait, one piece of each in turn, for as long as the service runs. Each instance has one; what
//! an instance leaves behind when it dies another takes up when its time with the job is over.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    ImportJobId, ImportStatus,
    room::{Bounds, Room},
    store, table, work,
};
use crate::{
    access::{Access, Acting, policy::Permission},
    exchange::sources::{Source, store as sources},
    kernel::{Db, Problem, Result, contract::Contract, hash, language::Text, problem::Kind, say},
};

/// How often jobs that wait are looked for, when nobody says that there is one.
const ROUND: Duration = Duration::from_secs(2);

/// How often it is looked for what is over, in rounds without work.
const FORGETS: u32 = 30;

/// Works through jobs.
#[derive(Debug)]
pub struct Worker {
    contract: Arc<Contract>,
    holder: Uuid,
    waiting: Notify,
    room: Room,
}

/// On whose behalf a job goes on, and for which source.
pub(super) struct Errand {
    pub acting: Acting,
    pub source: Option<Source>,
}

impl Worker {
    /// A worker of this process.
    #[must_use]
    pub fn new(contract: Arc<Contract>, bounds: Bounds) -> Self {
        Self { contract, holder: Uuid::from_bytes(hash::random()), waiting: Notify::new(), room: Room::new(bounds) }
    }

    /// The room that there is for imports.
    #[must_use]
    pub const fn room(&self) -> &Room {
        &self.room
    }

    pub(super) const fn holder(&self) -> Uuid {
        self.holder
    }

    pub(super) const fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// Says that there is a job to work through.
    pub fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Works as long as the service runs.
    pub async fn run(&self, access: &Access, db: &Db) {
        let mut idle = 0u32;
        while !db.is_closed() {
            let outcome = match Box::pin(self.round(access, db)).await {
                Ok(false) => {
                    idle = idle.wrapping_add(1);
                    // What is over is removed when there is nothing else to do, and looked for now and then.
                    let looks = idle % FORGETS == 1;
                    if looks { store::forget_some(db).await.inspect(|more| idle -= u32::from(*more)) } else { Ok(false) }
                }
                outcome => outcome,
            };
            match outcome {
                // There is more to do.
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => drop(tokio::time::timeout(ROUND, self.waiting.notified()).await),
                Err(problem) => {
                    tracing::warn!(%problem, "imports could not be worked through");
                    let _ = tokio::time::timeout(ROUND, self.waiting.notified()).await;
                }
            }
        }
    }

    /// One piece of each job that is free, so that a long one keeps no other waiting. Whether there was any.
    async fn round(&self, access: &Access, db: &Db) -> Result<bool> {
        let mut worked = false;
        for job in store::live(db).await? {
            worked |= self.step(&job, access, db).await?;
        }
        Ok(worked)
    }

    /// One piece of a job, if it is free. Whether it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn step(&self, job: &table::Model, access: &Access, db: &Db) -> Result<bool> {
        if !store::take(job, self.holder, db).await? {
            return Ok(false);
        }
        if store::is_hopeless(job) {
            // Whatever it is that stops it, it has stopped it every time.
            end(job.id, ImportStatus::Failed, Some(given_up()), db).await?;
            return Ok(true);
        }
        let outcome = match self.errand(job, access, db).await {
            Ok(errand) => match store::next(job, db.reader()).await? {
                // What is missing has not been worked through.
                None if job.processed < job.total => Err(lacking(job, db).await),
                Some(rows) => work::piece(job, rows, &errand, self, db).await,
                None => work::finish(job, &errand, self, db).await,
            },
            Err(problem) => Err(problem),
        };
        let Err(problem) = outcome else { return Ok(true) };
        match problem.kind {
            // Somebody stopped it or took it over meanwhile.
            Kind::Conflict => Ok(true),
            Kind::Forbidden | Kind::NotFound | Kind::Unauthenticated => {
                end(job.id, ImportStatus::Failed, Some(no_right()), db).await?;
                Ok(true)
            }
            _ => Err(problem),
        }
    }

    /// Works one job through to its end, at the console. What is done is told after each piece.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn through(&self, id: ImportJobId, access: &Access, db: &Db, mut told: impl FnMut(&table::Model)) -> Result<table::Model> {
        loop {
            let job = store::by_id(id, db.reader()).await?;
            told(&job);
            if job.finished_at.is_some() {
                return Ok(job);
            }
            if !self.step(&job, access, db).await? {
                // An instance that serves has it.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Who a job is for as they are now, and its source; both must still be there, and the right to import.
    async fn errand(&self, job: &table::Model, access: &Access, db: &Db) -> Result<Errand> {
        let acting = match job.user_id {
            None => Acting::installation(),
            Some(user) => {
                let (scopes, withheld) = store::narrowed(job);
                access.acting_for(user, scopes, withheld, &self.contract, db).await?.ok_or_else(Problem::not_found)?
            }
        };
        let reach = acting.caller.reach(Permission::WriteImports)?;
        let source = match job.source_id {
            Some(id) => Some(sources::find_for_sync(&acting.caller.sight, &reach, id, db.reader()).await?),
            None => None,
        };
        Ok(Errand { acting, source })
    }
}

/// Why a job has no rows where there should be some: it ended or got on after it was taken, unless the fault is ours.
async fn lacking(job: &table::Model, db: &Db) -> Problem {
    match store::by_id(job.id, db.reader()).await {
        Ok(now) if now.finished_at.is_some() || now.processed != job.processed => Problem::new(Kind::Conflict),
        Ok(_) => Problem::internal(&format_args!("import {} lacks rows", job.id)),
        Err(problem) => problem,
    }
}

async fn end(id: ImportJobId, status: ImportStatus, reason: Option<Text>, db: &Db) -> Result<()> {
    let call = Acting::installation().call("", 200, String::new());
    db.transaction(&call, async |w| store::end(id, status, reason.clone(), 0, w).await.map(drop)).await
}

fn given_up() -> Text {
    say!(
        "Inläsningen kom inte vidare trots flera försök. Rader som redan lästs in är kvar; felet finns i tjänstens logg. Dela filen och försök igen, eller kontakta driften.",
        "The import did not get on in several tries. Rows that are in stay in; the fault is in the service's log. Divide the file and try again, or contact the operator."
    )
}

fn no_right() -> Text {
    say!(
        "Den som startade inläsningen får inte längre läsa in hit: kontot, behörigheten eller källan har tagits bort. Rader som redan lästs in är kvar.",
        "Who started the import may no longer import here: the account, the permission or the source is gone. Rows that are in stay in."
    )
}

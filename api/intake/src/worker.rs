//! The worker: takes waiting jobs, one piece of each in turn, until the database is closed. Each instance has one worker.
//! When an instance dies, another instance takes over its jobs as soon as their leases have expired.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    bounds::Bounds,
    room::Room,
    store,
    target::{Errand, Target},
    types::{ImportStatus, Job, JobId},
};
use crate::{
    access::{Access, Acting},
    kernel::{Db, Problem, Result, contract::Contract, hash, language::Text, problem::Kind, say},
};

/// The time between two searches for waiting jobs, when nobody calls [`Worker::wake`].
const ROUND: Duration = Duration::from_secs(2);

/// The number of rounds without work between two searches for expired rows.
const FORGETS: u32 = 30;

/// The worker of one instance.
#[derive(Debug)]
pub struct Worker {
    contract: Arc<Contract>,
    holder: Uuid,
    waiting: Notify,
    room: Room,
    targets: Vec<Box<dyn Target>>,
}

impl Worker {
    /// Makes a worker for jobs of these targets.
    #[must_use]
    pub fn new(contract: Arc<Contract>, bounds: Bounds, targets: Vec<Box<dyn Target>>) -> Self {
        Self { contract, holder: Uuid::from_bytes(hash::random()), waiting: Notify::new(), room: Room::new(bounds), targets }
    }

    /// Returns the capacity for imports at this instance.
    #[must_use]
    pub const fn room(&self) -> &Room {
        &self.room
    }

    /// Returns the contract, against which records are checked.
    #[must_use]
    pub const fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// Wakes the worker because there is a new job.
    pub fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Works until the database is closed.
    pub async fn run(&self, access: &Access, db: &Db) {
        let mut idle = 0u32;
        while !db.is_closed() {
            let outcome = match Box::pin(self.round(access, db)).await {
                Ok(false) => {
                    idle = idle.wrapping_add(1);
                    // Expired rows are removed only when there is no other work.
                    let looks = idle % FORGETS == 1;
                    if looks { store::remove_expired(db).await.inspect(|more| idle -= u32::from(*more)) } else { Ok(false) }
                }
                outcome => outcome,
            };
            match outcome {
                // There is more to do, so it does not wait.
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => drop(tokio::time::timeout(ROUND, self.waiting.notified()).await),
                Err(problem) => {
                    tracing::warn!(%problem, "imports could not be worked through");
                    let _ = tokio::time::timeout(ROUND, self.waiting.notified()).await;
                }
            }
        }
    }

    /// Works through one piece of each job that is free, so that a long job does not delay the others. Returns whether
    /// there was any.
    async fn round(&self, access: &Access, db: &Db) -> Result<bool> {
        let mut worked = false;
        for job in store::unfinished(db).await? {
            worked |= self.step(&job, access, db).await?;
        }
        Ok(worked)
    }

    /// Works through one piece of a job, if the job is free. Returns whether it was free.
    ///
    /// # Errors
    /// When the database cannot be read or written, or the target fails unexpectedly.
    pub async fn step(&self, job: &Job, access: &Access, db: &Db) -> Result<bool> {
        // A job of an unknown target is left to an instance with a newer version of the program.
        let Some(target) = self.targets.iter().find(|target| target.name() == job.target) else { return Ok(false) };
        if !store::lease(job, self.holder, db).await? {
            return Ok(false);
        }
        if store::is_hopeless(job) {
            // The job has stopped every worker that took it.
            end(job.id, ImportStatus::Failed, Some(given_up()), db).await?;
            return Ok(true);
        }
        let outcome = match self.acting(job, target.as_ref(), access, db).await {
            Ok(acting) => {
                let errand = Errand { job, acting: &acting, contract: &self.contract, operation: target.operation(), holder: self.holder };
                match store::next_piece(job, db.reader()).await? {
                    // A piece is missing although not all rows have been worked through.
                    None if job.processed < job.total => Err(missing_piece(job, db).await),
                    Some(rows) => errand.piece(target.as_ref(), &rows, db).await,
                    None => target.finish(errand, db).await,
                }
            }
            Err(problem) => Err(problem),
        };
        let Err(problem) = outcome else { return Ok(true) };
        match problem.kind {
            // The job was cancelled or taken over in the meantime.
            Kind::Conflict => Ok(true),
            Kind::Forbidden | Kind::NotFound | Kind::Unauthenticated => {
                end(job.id, ImportStatus::Failed, Some(no_right()), db).await?;
                Ok(true)
            }
            _ => Err(problem),
        }
    }

    /// Works through one job to its end, for the console. Calls `told` with the job after each piece.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn run_job(&self, id: JobId, access: &Access, db: &Db, mut told: impl FnMut(&Job)) -> Result<Job> {
        loop {
            let job = store::by_id(id, db.reader()).await?;
            told(&job);
            if job.finished_at.is_some() {
                return Ok(job);
            }
            if !self.step(&job, access, db).await? {
                // A running instance has the job.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Returns the identity of the user who started a job, with present rights. The user must still exist and hold the
    /// permission to import.
    async fn acting(&self, job: &Job, target: &dyn Target, access: &Access, db: &Db) -> Result<Acting> {
        let acting = match job.user_id {
            None => Acting::installation(),
            Some(user) => {
                let (scopes, withheld) = store::restrictions(job);
                access.acting_for(user, scopes, withheld, &self.contract, db).await?.ok_or_else(Problem::not_found)?
            }
        };
        acting.caller.reach(target.permission())?;
        Ok(acting)
    }
}

/// The problem for a job that lacks a piece: the job has ended or moved on after it was taken (conflict), or the piece is
/// lost (internal).
async fn missing_piece(job: &Job, db: &Db) -> Problem {
    match store::by_id(job.id, db.reader()).await {
        Ok(now) if now.finished_at.is_some() || now.processed != job.processed => Problem::new(Kind::Conflict),
        Ok(_) => Problem::internal(&format_args!("import {} lacks rows", job.id)),
        Err(problem) => problem,
    }
}

async fn end(id: JobId, status: ImportStatus, reason: Option<Text>, db: &Db) -> Result<()> {
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

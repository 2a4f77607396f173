//! The worker: takes jobs that wait, one piece of each in turn, for as long as the service runs. Each instance has one; what
//! an instance leaves behind when it dies another takes up when its time with the job is over.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    room::{Bounds, Room},
    store,
    target::{Errand, Target},
    types::{ImportStatus, Job, JobId},
};
use crate::{
    access::{Access, Acting},
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
    targets: Vec<Box<dyn Target>>,
}

impl Worker {
    /// A worker of this process, for jobs of these targets.
    #[must_use]
    pub fn new(contract: Arc<Contract>, bounds: Bounds, targets: Vec<Box<dyn Target>>) -> Self {
        Self { contract, holder: Uuid::from_bytes(hash::random()), waiting: Notify::new(), room: Room::new(bounds), targets }
    }

    /// The room that there is for imports.
    #[must_use]
    pub const fn room(&self) -> &Room {
        &self.room
    }

    /// What records must look like.
    #[must_use]
    pub const fn contract(&self) -> &Arc<Contract> {
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
    pub async fn step(&self, job: &Job, access: &Access, db: &Db) -> Result<bool> {
        // What a newer program is to work through is left to it.
        let Some(target) = self.targets.iter().find(|target| target.name() == job.target) else { return Ok(false) };
        if !store::take(job, self.holder, db).await? {
            return Ok(false);
        }
        if store::is_hopeless(job) {
            // Whatever it is that stops it, it has stopped it every time.
            end(job.id, ImportStatus::Failed, Some(given_up()), db).await?;
            return Ok(true);
        }
        let outcome = match self.acting(job, target.as_ref(), access, db).await {
            Ok(acting) => {
                let errand = Errand { job, acting: &acting, contract: &self.contract, operation: target.operation(), holder: self.holder };
                match store::next(job, db.reader()).await? {
                    // What is missing has not been worked through.
                    None if job.processed < job.total => Err(lacking(job, db).await),
                    Some(rows) => errand.piece(target.as_ref(), &rows, db).await,
                    None => target.finish(errand, db).await,
                }
            }
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
    pub async fn through(&self, id: JobId, access: &Access, db: &Db, mut told: impl FnMut(&Job)) -> Result<Job> {
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

    /// Who a job is for as they are now; they must still be there, with the right to import.
    async fn acting(&self, job: &Job, target: &dyn Target, access: &Access, db: &Db) -> Result<Acting> {
        let acting = match job.user_id {
            None => Acting::installation(),
            Some(user) => {
                let (scopes, withheld) = store::narrowed(job);
                access.acting_for(user, scopes, withheld, &self.contract, db).await?.ok_or_else(Problem::not_found)?
            }
        };
        acting.caller.reach(target.permission())?;
        Ok(acting)
    }
}

/// Why a job has no rows where there should be some: it ended or got on after it was taken, unless the fault is ours.
async fn lacking(job: &Job, db: &Db) -> Problem {
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

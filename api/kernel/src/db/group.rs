//! Writers on `SQLite` that share a commit. A commit waits for the disk, so a writer that has waited for its turn writes in the
//! transaction of the writer before it, within a savepoint. The transaction is committed when all that waited at its beginning have
//! had their turn, and only then do they get their answers.
//!
//! A part that fails is rolled back to its savepoint, so it harms no other. When the disk fails, all parts of the group fail.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnAcquireErr, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, TransactionTrait};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::timeout,
};

use super::{
    sqlite::Witness,
    words::{self, Words, last_of_each},
};

/// The time after which a writer sees to it itself that its group is committed, in case the task that should do it is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line of writers, with the transaction of the present group, if one is open.
#[derive(Debug)]
pub(super) struct Writers {
    line: Arc<Mutex<Option<Group>>>,
    witness: Arc<Witness>,
    /// The longest time to wait for a turn.
    wait: Duration,
}

/// A transaction in which several have written, and that is not committed yet.
#[derive(Debug)]
struct Group {
    tx: DatabaseTransaction,
    members: Vec<oneshot::Sender<Result<(), DbErr>>>,
    /// The changes of the index of words. They are written once for all, because the index writes a piece of itself each time.
    words: Vec<Words>,
}

/// A writer's turn: nobody else writes until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    line: Arc<Mutex<Option<Group>>>,
    /// The group that this writer joined; `None` when it began the transaction itself.
    group: OwnedMutexGuard<Option<Group>>,
    witness: Arc<Witness>,
}

impl Writers {
    pub(super) fn new(witness: Arc<Witness>, wait: Duration) -> Self {
        Self { line: Arc::default(), witness, wait }
    }

    /// Waits for a turn. Then begins a transaction by `begin`, or a savepoint in the transaction of the present group.
    ///
    /// # Errors
    /// When the turn does not come in time, or the transaction cannot be begun.
    pub(super) async fn begin(
        &self,
        begin: impl Future<Output = Result<DatabaseTransaction, DbErr>>,
    ) -> Result<(DatabaseTransaction, Turn), DbErr> {
        let line = Arc::clone(&self.line);
        let group = timeout(self.wait, Arc::clone(&line).lock_owned()).await;
        let group = group.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let mut turn = Turn { line, group, witness: Arc::clone(&self.witness) };
        turn.leave_lost_group();
        if turn.group.is_some() {
            // In a task, because a savepoint whose begin is given up takes the transaction of the group with it.
            return tokio::spawn(turn.begin_part()).await.unwrap_or_else(|_| Err(lost()));
        }
        let tx = begin.await?;
        self.witness.begins();
        Ok((tx, turn))
    }
}

impl Turn {
    /// Begins a savepoint in the transaction of the group.
    async fn begin_part(self) -> Result<(DatabaseTransaction, Self), DbErr> {
        let begun = match &*self.group {
            Some(group) => group.tx.begin().await,
            None => Err(lost()),
        };
        begun.map(|tx| (tx, self))
    }

    /// Ends the turn: adds the part to the group, and waits until the group is committed. A caller who stops waiting does not stop it.
    ///
    /// # Errors
    /// When the part or the group could not be committed. Nothing of the part is stored then.
    pub(super) async fn commit(self, tx: DatabaseTransaction, words: Vec<Words>) -> Result<(), DbErr> {
        let (told, mut outcome) = oneshot::channel();
        let (line, witness) = (Arc::clone(&self.line), Arc::clone(&self.witness));
        if self.group.is_some() {
            // In a task, because a part that is in the group without its words would be stored without them.
            tokio::spawn(self.join(tx, words, told));
        } else {
            self.open(tx, words, told);
            // Whoever waits already has its turn before this task.
            tokio::spawn(commit_present(Arc::clone(&line), Arc::clone(&witness)));
        }
        loop {
            match timeout(PATIENCE, &mut outcome).await {
                Ok(outcome) => return outcome.unwrap_or_else(|_| Err(lost())),
                Err(_) => commit_present(Arc::clone(&line), Arc::clone(&witness)).await,
            }
        }
    }

    /// Opens a group with the transaction that this writer began.
    fn open(mut self, tx: DatabaseTransaction, words: Vec<Words>, told: oneshot::Sender<Result<(), DbErr>>) {
        *self.group = Some(Group { tx, members: vec![told], words });
    }

    /// Adds the part since the savepoint to the group.
    async fn join(mut self, tx: DatabaseTransaction, words: Vec<Words>, told: oneshot::Sender<Result<(), DbErr>>) {
        let released = tx.commit().await;
        match (released, &mut *self.group) {
            (Ok(()), Some(group)) => {
                group.members.push(told);
                group.words.extend(words);
            }
            (released, _) => drop(told.send(released.and(Err(lost())))),
        }
    }

    /// Ends the group when `SQLite` has rolled back its transaction. Its members are told that nothing of theirs is stored.
    fn leave_lost_group(&mut self) {
        if self.witness.rolled_back() {
            drop(self.group.take());
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.leave_lost_group();
    }
}

/// Commits the present group, if there is one, and tells its members.
async fn commit_present(line: Arc<Mutex<Option<Group>>>, witness: Arc<Witness>) {
    let mut line = line.lock_owned().await;
    let Some(Group { tx, members, words }) = line.take() else { return };
    let outcome = finish(tx, last_of_each(words), &witness).await;
    for member in members {
        let _ = member.send(outcome.clone());
    }
}

async fn finish(tx: DatabaseTransaction, words: Vec<Words>, witness: &Witness) -> Result<(), DbErr> {
    for statement in words::removals(&words, DbBackend::Sqlite).into_iter().chain(words::inserts(&words, DbBackend::Sqlite)) {
        tx.execute_raw(statement).await?;
    }
    let before = witness.commits();
    tx.commit().await?;
    // The driver may report a success although nothing was committed.
    if witness.commits() == before { Err(lost()) } else { Ok(()) }
}

fn lost() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the database could not keep a transaction".to_owned()))
}

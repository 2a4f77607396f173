//! Transactions. Inserts that nobody waits for are sent together, in one message to the database.

use std::sync::{Mutex, PoisonError};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExecResult, QueryResult, QueryTrait, Statement, TransactionTrait,
    prelude::async_trait::async_trait,
};

use super::{
    Observer,
    connection::Held,
    group::Turn,
    later::{Insert, joined},
    words::{self, Words},
};
use crate::table::is_postgres;

/// A transaction. Dropping it rolls it back.
#[derive(Debug)]
pub struct Transaction {
    // It is dropped before the turn, so that the next writer finds it rolled back.
    tx: DatabaseTransaction,
    held: Option<Held>,
    /// The turn of a writer on `SQLite`; a savepoint has none.
    turn: Option<Turn>,
    observer: Option<Observer>,
    /// The inserts that are sent before the next statement.
    later: Mutex<Vec<Insert>>,
    /// On `SQLite` the changes of the index of words, which are written when the group of writers commits.
    words: Mutex<Vec<Words>>,
}

impl Transaction {
    pub(super) fn new(tx: DatabaseTransaction, held: Option<Held>, turn: Option<Turn>, observer: Option<Observer>) -> Self {
        Self { tx, held, turn, observer, later: Mutex::default(), words: Mutex::default() }
    }

    /// Inserts rows, at the latest when the transaction is committed. The insert is sent together with others before the next
    /// statement, so that every statement sees the rows. When it fails, that statement or the commit fails.
    pub fn insert_later<E: EntityTrait>(&self, rows: Vec<E::ActiveModel>) {
        if !rows.is_empty() {
            let insert = E::insert_many(rows).build(self.get_database_backend());
            self.send_later(E::default().table_name().to_owned(), insert);
        }
    }

    /// Sends an insert into a table as [`Transaction::insert_later`] does.
    pub fn send_later(&self, table: String, insert: Statement) {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).push(Insert { table, statement: insert });
    }

    /// Changes the index of words, at the latest when the transaction is committed. On `SQLite` no statement of the transaction sees
    /// the change.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_words(&self, changes: Vec<Words>) -> Result<(), DbErr> {
        if !is_postgres(self.get_database_backend()) {
            self.words.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
            return Ok(());
        }
        for statement in words::removals(&changes, DbBackend::Postgres) {
            self.execute_raw(statement).await?;
        }
        for statement in words::inserts(&changes, DbBackend::Postgres) {
            self.send_later(words::TABLE.to_owned(), statement);
        }
        Ok(())
    }

    async fn run<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        match &self.held {
            Some(held) => held.run(work).await,
            None => work.await,
        }
    }

    /// Sends the inserts that wait.
    async fn send_waiting(&self) -> Result<(), DbErr> {
        let waiting = std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        if let Some(observer) = &self.observer {
            for insert in &waiting {
                observer.tell(&insert.statement);
            }
        }
        for statement in joined(waiting, self.get_database_backend()) {
            self.run(self.tx.execute_raw(statement)).await?;
        }
        Ok(())
    }

    /// Begins a savepoint: a part of the transaction that can be rolled back alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<Self, DbErr> {
        self.send_waiting().await?;
        let tx = self.run(self.tx.begin()).await?;
        Ok(Self::new(tx, self.held.as_ref().map(Held::of_savepoint), None, self.observer.clone()))
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// When the database refuses or does not answer. Without an answer it is unknown whether the transaction was committed.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.send_waiting().await?;
        let Self { tx, held, turn, words, .. } = self;
        match (held, turn) {
            (Some(held), _) => held.run(tx.commit()).await,
            (None, Some(turn)) => turn.commit(tx, words.into_inner().unwrap_or_else(PoisonError::into_inner)).await,
            (None, None) => tx.commit().await,
        }
    }

    /// Keeps what was done since the savepoint as a part of `whole`, the transaction in which the savepoint was begun.
    ///
    /// # Errors
    /// When the database refuses or does not answer. Nothing is kept then.
    pub async fn release(self, whole: &Self) -> Result<(), DbErr> {
        self.send_waiting().await?;
        let words = std::mem::take(&mut *self.words.lock().unwrap_or_else(PoisonError::into_inner));
        self.commit().await?;
        whole.words.lock().unwrap_or_else(PoisonError::into_inner).extend(words);
        Ok(())
    }

    /// Rolls the transaction or the savepoint back.
    ///
    /// # Errors
    /// When the database does not answer. The transaction is rolled back nevertheless.
    pub async fn rollback(self) -> Result<(), DbErr> {
        let Self { tx, held, turn, .. } = self;
        let outcome = match held {
            Some(held) => held.run(tx.rollback()).await,
            None => tx.rollback().await,
        };
        // The next writer has its turn only now.
        drop(turn);
        outcome
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.send_waiting().await?;
        if let Some(observer) = &self.observer {
            observer.tell(&statement);
        }
        self.run(self.tx.execute_raw(statement)).await
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.send_waiting().await?;
        if let Some(observer) = &self.observer {
            observer.tell_text(self.get_database_backend(), sql);
        }
        self.run(self.tx.execute_unprepared(sql)).await
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.send_waiting().await?;
        if let Some(observer) = &self.observer {
            observer.tell(&statement);
        }
        self.run(self.tx.query_one_raw(statement)).await
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.send_waiting().await?;
        if let Some(observer) = &self.observer {
            observer.tell(&statement);
        }
        self.run(self.tx.query_all_raw(statement)).await
    }
}

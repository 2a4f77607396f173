//! The tail of every write of a record: its row as a new one or in place of the version before, its words in the index of
//! search, its version in the history, and its change in the feed.

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait, IntoActiveModel, Iterable, PrimaryKeyToColumn,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    Id, Write,
    events::{Change, ChangeOperation, Visible},
    history::{self, Version},
    problem::Result,
    record::{End, Record},
    search,
};

/// A record that has just been stored or removed, with all that others are told of it.
#[derive(Debug)]
#[must_use = "nothing is told before `Write::publish`"]
pub struct Saved<'a> {
    record: &'static Record,
    id: Uuid,
    version: i64,
    op: ChangeOperation,
    visible: Visible,
    was: Option<Visible>,
    areas: Vec<Uuid>,
    words: Option<Vec<&'a str>>,
    body: Option<Value>,
}

impl<'a> Saved<'a> {
    /// A record that is there, at this version.
    pub fn new<T>(record: &'static Record, id: Id<T>, version: i64, visible: Visible) -> Self {
        let op = ChangeOperation::Upsert;
        Self { record, id: id.uuid(), version, op, visible, was: None, areas: Vec::new(), words: None, body: None }
    }

    /// The same, where the record is removed: this version is the one of its removal.
    pub fn removed(self) -> Self {
        Self { op: ChangeOperation::Delete, ..self }
    }

    /// Sets who could see it before.
    pub fn was(self, was: Option<Visible>) -> Self {
        Self { was, ..self }
    }

    /// Sets the areas that it concerns, and those that it concerned before.
    pub fn within<T>(self, areas: impl IntoIterator<Item = Id<T>>) -> Self {
        Self { areas: areas.into_iter().map(Id::uuid).collect(), ..self }
    }

    /// Sets the texts by which it is found.
    pub fn words(self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self { words: Some(texts.into_iter().collect()), ..self }
    }

    /// Keeps this version in the history: `body` is what can be changed of the record, as it is answered.
    ///
    /// # Errors
    /// When the body cannot be written as JSON.
    pub fn history(self, body: &impl Serialize) -> Result<Self> {
        Ok(Self { body: Some(serde_json::to_value(body)?), ..self })
    }
}

impl Write<'_> {
    /// Stores a row: as a new one, or in place of the version `from`.
    ///
    /// # Errors
    /// When another was first, or the database refuses the row.
    pub async fn put<E>(&self, row: E::Model, from: Option<i64>) -> Result<()>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        let row = row.into_active_model();
        let Some(from) = from else {
            E::insert(row).exec_without_returning(&self.tx).await?;
            return Ok(());
        };
        // Every table of records has one column as its key.
        let key = E::PrimaryKey::iter().next().map(PrimaryKeyToColumn::into_column);
        let this = key.and_then(|key| Some(key.eq(row.get(key).into_value()?))).unwrap_or_else(|| Expr::val(false));
        let row = row.reset_all();
        let changed = E::update_many().set(row).filter(this).filter(Expr::col("version").eq(from)).exec(&self.tx).await?;
        if changed.rows_affected == 0 { Err(self.call.overtaken(from)) } else { Ok(()) }
    }

    /// Marks the row of a record as removed, provided that it is still at this version. Returns the version of its removal.
    ///
    /// # Errors
    /// When another was first.
    pub async fn remove<T>(&self, record: &Record, id: Id<T>, from: i64) -> Result<i64> {
        let mut update = Query::update();
        let at: DateTime<Utc> = self.now;
        update.table(record.table).value("version", from + 1).value("updated_at", at);
        if let End::RemovedAt(column) = record.end {
            update.value(column, at);
        }
        update.and_where(Expr::col("id").eq(id)).and_where(Expr::col("version").eq(from));
        let changed = self.tx.execute(&update).await?;
        if changed.rows_affected() == 0 { Err(self.call.overtaken(from)) } else { Ok(from + 1) }
    }

    /// Puts a stored record in the index of search and in the history, and tells the feed of it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn publish(&self, saved: Saved<'_>) -> Result<()> {
        let Saved { record, id, version, op, visible, was, areas, words, body } = saved;
        if let Some(words) = words {
            match op {
                ChangeOperation::Upsert => search::put(record.kind, Id::<()>::from(id), &words, self).await?,
                ChangeOperation::Delete | ChangeOperation::Merge => search::remove(Id::<()>::from(id), self).await?,
            }
        }
        if let Some(body) = &body {
            let version = Version { kind: record.kind, id, version, op, since: None, visible: visible.clone(), body };
            history::keep(&[version], self).await?;
        }
        let areas = areas.into_iter().map(Id::<()>::from);
        self.record(Change::new(record.kind, id, op, version, visible).within(areas).after(was));
        Ok(())
    }
}

//! The last steps of every write of a record: its row is inserted or updated, its words are put in the search index, its version in
//! the history, and its change in the feed.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel, Iterable, PrimaryKeyToColumn,
    entity::prelude::*,
    sea_query::{Alias, Expr, ExprTrait, IntoIden, Query, TableRef, UpdateStatement, ValueTuple},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    Id, Write,
    db::VALUES,
    events::{Change, ChangeOperation, Visible},
    history::{self, Version},
    problem::Result,
    record::{End, Record},
    search,
};

/// A record that has just been stored or removed, with the data for the search index, the history and the feed.
#[derive(Debug)]
#[must_use = "nothing is published before `Write::publish`"]
pub struct Saved<'a> {
    record: &'static Record,
    id: Uuid,
    version: i64,
    op: ChangeOperation,
    visible: Visible,
    visible_before: Option<Visible>,
    areas: Vec<Uuid>,
    words: Option<Vec<&'a str>>,
    body: Option<Value>,
}

impl<'a> Saved<'a> {
    /// Describes a record that was created or changed. `version` is its version after the write.
    pub fn new<T>(record: &'static Record, id: Id<T>, version: i64, visible: Visible) -> Self {
        let op = ChangeOperation::Upsert;
        Self { record, id: id.uuid(), version, op, visible, visible_before: None, areas: Vec::new(), words: None, body: None }
    }

    /// Marks the record as removed. Its version is then the version of the removal.
    pub fn removed(self) -> Self {
        Self { op: ChangeOperation::Delete, ..self }
    }

    /// Sets the visibility of the record before the write.
    pub fn visible_before(self, visible_before: Option<Visible>) -> Self {
        Self { visible_before, ..self }
    }

    /// Sets the areas that the record concerns or concerned before the write.
    pub fn in_areas<T>(self, areas: impl IntoIterator<Item = Id<T>>) -> Self {
        Self { areas: areas.into_iter().map(Id::uuid).collect(), ..self }
    }

    /// Sets the texts by which the search finds the record.
    pub fn words(self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self { words: Some(texts.into_iter().collect()), ..self }
    }

    /// Stores this version in the history. `body` has the members of the record that can be changed, as they stand in answers.
    ///
    /// # Errors
    /// When the body cannot be serialised as JSON (500).
    pub fn history(self, body: &impl Serialize) -> Result<Self> {
        Ok(Self { body: Some(serde_json::to_value(body)?), ..self })
    }
}

/// Leaves the primary key as it is in an update. `SQLite` would otherwise look for rows that refer to it in all tables.
pub(super) fn without_key<E: EntityTrait>(mut row: E::ActiveModel) -> E::ActiveModel {
    for key in E::PrimaryKey::iter() {
        row.not_set(key.into_column());
    }
    row
}

impl Write<'_> {
    /// Inserts a row, or updates the row that has the version `from`.
    ///
    /// # Errors
    /// When the row no longer has that version (412), violates a unique index (409), or the database does not answer (503).
    pub async fn put<E>(&self, row: E::Model, from: Option<i64>) -> Result<()>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        let row = row.into_active_model();
        let Some(from) = from else {
            self.tx.insert_later::<E>(vec![row]);
            return Ok(());
        };
        // Every table of records has a primary key of one column.
        let key = E::PrimaryKey::iter().next().map(PrimaryKeyToColumn::into_column);
        let this = key.and_then(|key| Some(key.eq(row.get(key).into_value()?))).unwrap_or_else(|| Expr::val(false));
        let row = without_key::<E>(row.reset_all());
        let changed = E::update_many().set(row).filter(this).filter(Expr::col("version").eq(from)).exec(&self.tx).await?;
        if changed.rows_affected == 0 { Err(self.call.overtaken(from)) } else { Ok(()) }
    }

    /// Changes rows, each provided that it is at the version before. Their versions are the new ones. Returns the ids of the rows that were
    /// changed. Rows that set the same columns are changed in one statement. No two rows may have the same id.
    ///
    /// # Errors
    /// When a row violates a unique index (409), or the database does not answer (503).
    pub async fn replace_all<E>(&self, rows: Vec<E::ActiveModel>) -> Result<HashSet<Uuid>>
    where
        E: EntityTrait,
        E::ActiveModel: Send,
    {
        let mut by_columns: BTreeMap<Vec<usize>, Vec<ValueTuple>> = BTreeMap::new();
        for mut row in rows {
            let values = E::Column::iter().enumerate().filter_map(|(at, column)| Some((at, row.take(column).into_value()?)));
            let (columns, values) = values.unzip();
            by_columns.entry(columns).or_default().push(ValueTuple::Many(values));
        }
        let mut changed = HashSet::new();
        for (columns, rows) in by_columns {
            let columns: Vec<E::Column> =
                E::Column::iter().enumerate().filter(|(at, _)| columns.contains(at)).map(|(_, column)| column).collect();
            for rows in rows.chunks(VALUES / columns.len().max(1)) {
                let update = update_from::<E>(&columns, rows.to_vec());
                for row in self.tx.query_all(&update).await? {
                    changed.insert(row.try_get::<Uuid>("", "id")?);
                }
            }
        }
        Ok(changed)
    }

    /// Marks the row of a record as removed, provided that it has the version `from`. Returns the version of the removal.
    ///
    /// # Errors
    /// When the row no longer has that version (412), or the database does not answer (503).
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

    /// Updates the search index, the history and the feed for a stored record. Index and history stay as they are when no words and
    /// no body are given.
    ///
    /// # Errors
    /// When the database does not answer (503).
    pub async fn publish(&self, saved: Saved<'_>) -> Result<()> {
        let Saved { record, id, version, op, visible, visible_before, areas, words, body } = saved;
        if let Some(words) = words {
            match op {
                ChangeOperation::Upsert => search::put(record.kind, Id::<()>::from(id), &words, self).await?,
                ChangeOperation::Delete | ChangeOperation::Merge => search::remove(Id::<()>::from(id), self).await?,
            }
        }
        if let Some(body) = &body {
            let version = Version { kind: record.kind, id, version, op, since: None, visible: visible.clone(), body: Some(body) };
            history::insert(&[version], self)?;
        }
        let areas = areas.into_iter().map(Id::<()>::from);
        self.record(Change::new(record.kind, id, op, version, visible).in_areas(areas).visible_before(visible_before));
        Ok(())
    }
}

/// The update of the rows of a list of values, which stand in the order of the columns.
fn update_from<E: EntityTrait>(columns: &[E::Column], rows: Vec<ValueTuple>) -> UpdateStatement {
    let entity = E::default();
    let mut update = Query::update();
    update.table(entity.table_ref()).from(TableRef::ValuesList(rows, "new".into_iden()));
    for (at, column) in columns.iter().enumerate() {
        // Both databases give the columns of a list of values such names.
        let (own, new) = (Expr::col(column.as_column_ref()), Expr::col(("new", Alias::new(format!("column{}", at + 1)))));
        match column.as_str() {
            "id" => drop(update.and_where(own.eq(new)).returning_col(column.as_column_ref())),
            "version" => drop(update.and_where(own.add(1).eq(new.clone())).value(*column, new)),
            _ => drop(update.value(*column, new)),
        }
    }
    update
}

//! Queries and inserts of journal entries, and their numbers.

use chrono::Datelike;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryTrait, Statement, entity::prelude::*};

use super::{EntryId, JournalEntry, NewJournalEntry, table, types::JournalFilter};
use crate::{
    access::{Sight, Visibility},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        problem::Kind,
        request::Call,
        say,
        table::is_postgres,
        text,
    },
    records::store as records,
};

pub(super) async fn list(sight: &Sight, filter: &JournalFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<JournalEntry>> {
    let select = table::Entity::find()
        .apply_if(filter.year, |select, year| select.filter(table::Column::Year.eq(year)))
        .apply_if(filter.number, |select, number| select.filter(table::Column::Number.eq(number)))
        .apply_if(filter.direction, |select, direction| select.filter(table::Column::Direction.eq(direction)));
    let keys = vec![
        Key::column(table::Column::Year, |row: &table::Model| row.year.into()),
        Key::column(table::Column::Number, |row: &table::Model| row.number.into()),
    ];
    let mut page = paging.fetch(select, keys, call, db).await?.map(JournalEntry::from);
    records::hide_invisible_records(sight, &mut page.items, db.reader()).await?;
    Ok(page)
}

/// Returns one entry, without the reference to a record that the caller cannot see.
///
/// # Errors
/// When there is no entry with this id (404).
pub async fn find(sight: &Sight, id: EntryId, db: &impl ConnectionTrait) -> Result<JournalEntry> {
    let mut entry = table::Entity::find_by_id(id).one(db).await?.map(JournalEntry::from).ok_or_else(Problem::not_found)?;
    records::hide_invisible_records(sight, std::slice::from_mut(&mut entry), db).await?;
    Ok(entry)
}

/// Registers a document under the next number of the year.
///
/// # Errors
/// When the fields are invalid (422, with all faults).
pub async fn insert(sight: &Sight, new: NewJournalEntry, w: &Write<'_>) -> Result<JournalEntry> {
    let mut faults: Vec<Fault> = text::blank_fault("/title", &new.title).into_iter().collect();
    if new.received_on > w.today() {
        faults.push(Fault::at_pointer(
            "/receivedOn",
            "too-late",
            say!(
                "Dagen har inte varit än. Ange den dag då handlingen kom in eller upprättades.",
                "That day has not come yet. Give the day on which the document came in or was drawn up."
            ),
        ));
    }
    match (new.record_kind, new.record_id) {
        (Some(kind), Some(id)) => match records::find_referenced(sight, kind, id, &w.tx).await {
            Ok(_) => {}
            Err(problem) if problem.kind == Kind::Invalid => faults.extend(problem.faults),
            Err(problem) => return Err(problem),
        },
        (None, None) => {}
        (kind, _) => faults.push(Fault::at_pointer(
            if kind.is_some() { "/recordId" } else { "/recordKind" },
            "required",
            say!("Ange både recordKind och recordId, eller ingen av dem.", "Give both recordKind and recordId, or neither."),
        )),
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let year = w.today().year();
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        year: Set(year),
        number: Set(next_number(year, w).await?),
        direction: Set(new.direction),
        received_on: Set(new.received_on),
        title: Set(new.title),
        record_kind: Set(new.record_kind),
        record_id: Set(new.record_id),
        counterpart: Set(new.counterpart),
        registered_by_name: Set(w.call.author.user_name.clone()),
    };
    let entry = JournalEntry::from(row.insert(&w.tx).await?);
    let visible = Visibility::Members.of(None, None);
    w.record(Change::new("journal_entry", entry.id.uuid(), ChangeOperation::Upsert, 1, visible));
    Ok(entry)
}

/// Returns the next number of a year, from 1. The row of the counter stays locked until the transaction ends, so only one writer at a
/// time gets a number. A transaction that is rolled back gives its number back, so there are no gaps.
async fn next_number(year: i32, w: &Write<'_>) -> Result<i32> {
    let backend = w.tx.get_database_backend();
    let parameter = if is_postgres(backend) { "$1" } else { "?" };
    let sql = format!(
        "INSERT INTO journal_counter (year, last) VALUES ({parameter}, 1) \
         ON CONFLICT (year) DO UPDATE SET last = journal_counter.last + 1 RETURNING last"
    );
    let row = w.tx.query_one_raw(Statement::from_sql_and_values(backend, sql, [year.into()])).await?;
    let row = row.ok_or_else(|| Problem::internal(&"the journal's counter gave no number"))?;
    Ok(row.try_get("", "last")?)
}

//! The chain of digests over the audit entries: linking new entries after their commit, and verifying the chain to find
//! entries that have been tampered with.
//!
//! Entries are linked by the next reader of the log and by a task that runs each second, one at a time, so writers never
//! wait for each other. Each digest covers the digest before it and the entry in canonical form.

use std::{collections::HashMap, fmt, time::Duration};

use actix_web::web::Data;
use chrono::SecondsFormat;
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr,
};
use serde_json::{Value, json};

use super::table::{head, link, pending};
use crate::kernel::{
    Db, Problem, Result,
    audit::{Column, Entity, Model},
    db::Transaction,
    hash,
    table::is_postgres,
};

/// Key of the PostgreSQL advisory lock for linking. Any number that no other program locks in the same database.
const CHAIN_LOCK: i64 = 0x0073_616d_7379_6e05;
/// The number of entries that are held in memory at once.
const BATCH: u64 = 500;
/// The time between two runs of the task, and the time it waits after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The digest that stands before the first link: 64 zeros.
fn initial_hash() -> String {
    "0".repeat(64)
}

/// The JSON of an entry, for its digest and for the export.
fn content(entry: &Model) -> Value {
    json!({
        "id": entry.id, "at": entry.at.to_rfc3339_opts(SecondsFormat::Micros, true), "userId": entry.user_id,
        "credential": entry.credential, "address": entry.address, "requestId": entry.request_id, "operation": entry.operation,
        "outcome": entry.outcome, "status": entry.status, "recordKind": entry.record_kind, "recordId": entry.record_id,
        "actorId": entry.actor_id, "detail": entry.detail,
    })
}

/// The digest of an entry at a position, in hexadecimal: SHA-256 of the digest before it, a line break, and the canonical
/// JSON of position and entry.
fn digest(before: &str, position: i64, entry: &Model) -> String {
    let content = hash::canonical(&json!({"position": position, "entry": content(entry)}));
    hash::sha256_hex(format!("{before}\n{content}").as_bytes())
}

/// Links all entries that are committed and not linked yet.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn link(db: &Db) -> Result<()> {
    while pending::Entity::find().limit(1).one(db.reader()).await?.is_some() {
        let tx = db.begin().await?;
        link_batch(&tx).await?;
        db.commit(tx).await?;
    }
    Ok(())
}

async fn link_batch(tx: &Transaction) -> Result<()> {
    if is_postgres(tx.get_database_backend()) {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({CHAIN_LOCK})")).await?;
    }
    let head = head::Entity::find_by_id(1).one(tx).await?.ok_or_else(|| Problem::internal(&"the audit log has lost its head"))?;
    // The order of ids is the order of creation.
    let waiting: Vec<_> = pending::Entity::find().order_by_asc(pending::Column::EntryId).limit(BATCH).all(tx).await?;
    let waiting: Vec<_> = waiting.into_iter().map(|row| row.entry_id).collect();
    let entries = Entity::find().filter(Column::Id.is_in(waiting.iter().copied())).order_by_asc(Column::Id).all(tx).await?;
    let (mut position, mut before) = (head.position, head.hash);
    let mut links = Vec::with_capacity(entries.len());
    for entry in entries {
        position += 1;
        before = digest(&before, position, &entry);
        links.push(link::ActiveModel { position: Set(position), entry_id: Set(entry.id), hash: Set(before.clone()) });
    }
    if !links.is_empty() {
        link::Entity::insert_many(links).exec_without_returning(tx).await?;
        head::Entity::update_many()
            .col_expr(head::Column::Position, Expr::val(position))
            .col_expr(head::Column::Hash, Expr::val(before))
            .filter(head::Column::Id.eq(1))
            .exec(tx)
            .await?;
    }
    pending::Entity::delete_many().filter(pending::Column::EntryId.is_in(waiting)).exec(tx).await?;
    Ok(())
}

/// Links new entries each second, until the database is closed.
pub async fn keep_linking(db: Data<Db>) {
    let mut pause = PAUSE;
    loop {
        actix_web::rt::time::sleep(pause).await;
        if db.is_closed() {
            return;
        }
        pause = if link(&db).await.is_ok() { PAUSE } else { PAUSE_AFTER_FAILURE };
    }
}

/// A position in the chain with its digest, for instance one that an auditor has written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The position, counted from 1; 0 for an empty chain.
    pub position: i64,
    /// The digest at that position, in hexadecimal.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl std::str::FromStr for Head {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(position, hash)| Some((position.parse().ok()?, hash.to_owned())));
        let (position, hash) = parts.ok_or_else(|| format!("{text} is no POSITION:HASH"))?;
        Ok(Self { position, hash })
    }
}

/// An intact chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The number of entries that were verified.
    pub count: u64,
    /// The number of entries that wait to be linked.
    pub waiting: u64,
    /// The last link.
    pub head: Head,
}

/// A flaw in the chain, with the first position where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The entry differs from what it was when it was linked.
    Changed(i64),
    /// The link exists but its entry does not.
    EntryMissing(i64),
    /// No link exists at this position.
    LinkMissing(i64),
    /// The last link is not the one that the head names.
    OtherHead(i64),
    /// The digest at this position differs from the one that was written down earlier.
    NotAsNoted(i64),
    /// The number of entries that are neither linked nor waiting to be linked.
    Loose(u64),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(at) => write!(f, "at position {at} the entry or its link has been changed, or put in another's place"),
            Self::EntryMissing(at) => write!(f, "at position {at} the entry is missing: it has been removed"),
            Self::LinkMissing(at) => write!(f, "at position {at} the entry and its link are missing: they have been removed"),
            Self::OtherHead(at) => write!(f, "at position {at} the chain ends otherwise than its head says: the head has been changed"),
            Self::NotAsNoted(at) => {
                write!(f, "at position {at} the digest is not the one that was noted: what stands at or before it was written anew")
            }
            Self::Loose(count) => write!(f, "{count} entries stand outside the chain: their links have been removed"),
        }
    }
}

/// The result of verifying the chain: the intact chain, or its first flaw.
pub type Verification = Result<Chain, Flaw>;

/// Verifies the chain from the position `from` on, and compares it with the stored head and with `noted`, a head that was
/// written down earlier.
///
/// # Errors
/// When the database cannot be read. A flaw is not an error but part of the result.
pub async fn verify(from: i64, noted: Option<&Head>, db: &Db) -> Result<Verification> {
    let from = from.max(1);
    let mut last = Head { position: from - 1, hash: initial_hash() };
    if from > 1 {
        let Some(before) = link::Entity::find_by_id(from - 1).one(db.reader()).await? else { return Ok(Err(Flaw::LinkMissing(from - 1))) };
        last.hash = before.hash;
    }
    let mut count = 0;
    loop {
        let batch = batch(last.position, db).await?;
        if batch.is_empty() {
            break;
        }
        for (link, entry) in batch {
            let at = last.position + 1;
            let Some(entry) = entry.filter(|_| link.position == at) else {
                return Ok(Err(if link.position == at { Flaw::EntryMissing(at) } else { Flaw::LinkMissing(at) }));
            };
            if digest(&last.hash, at, &entry) != link.hash {
                return Ok(Err(Flaw::Changed(at)));
            }
            last = Head { position: at, hash: link.hash };
            count += 1;
        }
    }
    // The head is read after the links: entries that were linked meanwhile have moved it on.
    let Some(head) = head::Entity::find_by_id(1).one(db.reader()).await? else { return Ok(Err(Flaw::OtherHead(last.position))) };
    if head.position > last.position && batch(last.position, db).await?.is_empty() {
        return Ok(Err(Flaw::LinkMissing(last.position + 1)));
    }
    if head.position < last.position || (head.position == last.position && head.hash != last.hash) {
        return Ok(Err(Flaw::OtherHead(last.position)));
    }
    if let Some(noted) = noted.filter(|noted| noted.position > 0) {
        match link::Entity::find_by_id(noted.position).one(db.reader()).await? {
            None => return Ok(Err(Flaw::LinkMissing(noted.position.min(last.position + 1)))),
            Some(link) if link.hash != noted.hash => return Ok(Err(Flaw::NotAsNoted(noted.position))),
            Some(_) => {}
        }
    }
    let loose = count_loose(db).await?;
    if loose > 0 {
        return Ok(Err(Flaw::Loose(loose)));
    }
    let waiting = pending::Entity::find().count(db.reader()).await?;
    Ok(Ok(Chain { count, waiting, head: last }))
}

/// Reads up to [`BATCH`] links after a position, with their entries.
async fn batch(after: i64, db: &Db) -> Result<Vec<(link::Model, Option<Model>)>> {
    let links = link::Entity::find()
        .filter(link::Column::Position.gt(after))
        .order_by_asc(link::Column::Position)
        .limit(BATCH)
        .all(db.reader())
        .await?;
    let entries = Entity::find().filter(Column::Id.is_in(links.iter().map(|link| link.entry_id))).all(db.reader()).await?;
    let mut entries: HashMap<_, _> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
    Ok(links.into_iter().map(|link| (entries.remove(&link.entry_id), link)).map(|(entry, link)| (link, entry)).collect())
}

/// Counts the entries that are neither linked nor waiting to be linked.
async fn count_loose(db: &Db) -> Result<u64> {
    let outside = sea_orm::Condition::all()
        .add(Expr::cust("NOT EXISTS (SELECT 1 FROM audit_link WHERE audit_link.entry_id = audit_entry.id)"))
        .add(Expr::cust("NOT EXISTS (SELECT 1 FROM audit_pending WHERE audit_pending.entry_id = audit_entry.id)"));
    Ok(Entity::find().filter(outside).count(db.reader()).await?)
}

/// Writes every linked entry as one line of JSON, oldest first, and returns the number of lines. Reads one batch at a
/// time.
///
/// # Errors
/// When the database cannot be read, or a line cannot be written.
pub async fn write_lines(mut write: impl FnMut(&str) -> std::io::Result<()>, db: &Db) -> Result<u64> {
    let (mut after, mut count) = (0, 0);
    loop {
        let batch = batch(after, db).await?;
        let Some((last, _)) = batch.last() else { return Ok(count) };
        after = last.position;
        for (link, entry) in &batch {
            let line = json!({"position": link.position, "hash": link.hash, "entry": entry.as_ref().map(content)});
            write(&line.to_string()).map_err(|error| Problem::internal(&error))?;
            count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::audit::AuditOutcome;

    fn entry(status: i32) -> Model {
        Model {
            id: Uuid::nil(),
            at: chrono::DateTime::UNIX_EPOCH,
            user_id: None,
            credential: String::new(),
            address: "192.0.2.1".to_owned(),
            request_id: "request-1".to_owned(),
            operation: "createActor".to_owned(),
            outcome: AuditOutcome::Done,
            status,
            record_kind: None,
            record_id: None,
            actor_id: None,
            detail: None,
        }
    }

    #[test]
    fn a_digest_depends_on_the_entry_on_its_place_and_on_all_before() {
        let one = digest(&initial_hash(), 1, &entry(201));
        assert_eq!(one, digest(&initial_hash(), 1, &entry(201)));
        for other in [digest(&initial_hash(), 1, &entry(200)), digest(&initial_hash(), 2, &entry(201)), digest(&one, 1, &entry(201))] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_noted_head_is_read_as_it_was_printed() {
        let head = Head { position: 7, hash: initial_hash() };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!("7".parse::<Head>().is_err());
    }
}

//! The chain of entries: linking them after their commit, and walking it to find what has been tampered with.
//!
//! Linking is done by whoever reads the log next and by a task each second, one at a time, so writers never wait for each
//! other. A digest is made of the one before and of the entry in its canonical form.

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

/// Any number that no other program locks in the same database.
const CHAIN_LOCK: i64 = 0x0073_616d_7379_6e05;
/// How many entries are held in memory at once.
const BATCH: u64 = 500;
/// How often the task looks for entries to link, and how long it waits after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What stands before the first link.
fn nothing() -> String {
    "0".repeat(64)
}

/// An entry as its digest is made of it, and as it is exported.
fn content(entry: &Model) -> Value {
    json!({
        "id": entry.id, "at": entry.at.to_rfc3339_opts(SecondsFormat::Micros, true), "userId": entry.user_id,
        "credential": entry.credential, "address": entry.address, "requestId": entry.request_id, "operation": entry.operation,
        "outcome": entry.outcome, "status": entry.status, "recordKind": entry.record_kind, "recordId": entry.record_id,
        "actorId": entry.actor_id, "detail": entry.detail,
    })
}

/// The digest of an entry at its place: of the digest before it, a line break, and the canonical JSON of both.
fn digest(before: &str, position: i64, entry: &Model) -> String {
    let content = hash::canonical(&json!({"position": position, "entry": content(entry)}));
    hash::sha256_hex(format!("{before}\n{content}").as_bytes())
}

/// Links all entries that have been committed and are not linked yet.
///
/// # Errors
/// When the database does not answer.
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
    // By id, which is the order in time.
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

/// Links what is new each second, until the database is closed.
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

/// A place in the chain with its digest, as somebody may have noted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place.
    pub position: i64,
    /// The digest there.
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

/// A whole chain, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many entries were walked.
    pub count: u64,
    /// How many wait to be linked.
    pub waiting: u64,
    /// The last.
    pub head: Head,
}

/// What is wrong with the chain, and at which place first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The entry is not what it was when it was linked.
    Changed(i64),
    /// The link is there but its entry is not.
    EntryMissing(i64),
    /// There is no link at this place.
    LinkMissing(i64),
    /// The last link is not the one that the head names.
    OtherHead(i64),
    /// This place is not what was noted of it.
    NotAsNoted(i64),
    /// Entries that are neither linked nor wait to be.
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

/// What a walk came to.
pub type Seen = Result<Chain, Flaw>;

/// Walks the chain from a position on and compares it with the head, and with a head that was noted before.
///
/// # Errors
/// When the database does not answer. A flaw is no error but what was found.
pub async fn verify(from: i64, noted: Option<&Head>, db: &Db) -> Result<Seen> {
    let from = from.max(1);
    let mut last = Head { position: from - 1, hash: nothing() };
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
    // Read after the links: what was linked meanwhile has moved the head on.
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
    let loose = loose(db).await?;
    if loose > 0 {
        return Ok(Err(Flaw::Loose(loose)));
    }
    let waiting = pending::Entity::find().count(db.reader()).await?;
    Ok(Ok(Chain { count, waiting, head: last }))
}

/// The links after a position, with their entries.
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

/// How many entries are neither linked nor wait to be.
async fn loose(db: &Db) -> Result<u64> {
    let outside = sea_orm::Condition::all()
        .add(Expr::cust("NOT EXISTS (SELECT 1 FROM audit_link WHERE audit_link.entry_id = audit_entry.id)"))
        .add(Expr::cust("NOT EXISTS (SELECT 1 FROM audit_pending WHERE audit_pending.entry_id = audit_entry.id)"));
    Ok(Entity::find().filter(outside).count(db.reader()).await?)
}

/// Gives every linked entry as one line of JSON, oldest first, a batch at a time.
///
/// # Errors
/// When the database does not answer, or a line cannot be written.
pub async fn lines(mut write: impl FnMut(&str) -> std::io::Result<()>, db: &Db) -> Result<u64> {
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
        let one = digest(&nothing(), 1, &entry(201));
        assert_eq!(one, digest(&nothing(), 1, &entry(201)));
        for other in [digest(&nothing(), 1, &entry(200)), digest(&nothing(), 2, &entry(201)), digest(&one, 1, &entry(201))] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_noted_head_is_read_as_it_was_printed() {
        let head = Head { position: 7, hash: nothing() };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!("7".parse::<Head>().is_err());
    }
}

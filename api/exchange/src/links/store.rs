//! All SQL of links and of full synchronisations.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveValue::NotSet, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QuerySelect, QueryTrait, entity::prelude::*,
    sea_query::Expr,
};

use super::{
    Link, LinkId, table,
    types::{FullSyncReport, LinkFilter},
};
use crate::{
    access::Visibility,
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        hash::digest128,
        page::Key,
        request::Call,
    },
    matches::MatchId,
    registry::actors::ActorId,
    sources::{Source, SourceId},
};

/// The maximum number of rows in one statement: the databases limit the number of parameters.
const ROWS: usize = 500;

/// Returns a page of the links of a source, in the order of their external ids.
pub(super) async fn list(source: SourceId, filter: &LinkFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Link>> {
    let select = table::Entity::find()
        .filter(table::Column::SourceId.eq(source))
        .apply_if(filter.absent, |select, absent| {
            select.filter(if absent { table::Column::AbsentSince.is_not_null() } else { table::Column::AbsentSince.is_null() })
        })
        .apply_if(filter.external_id.as_deref(), |select, id| select.filter(table::Column::ExternalId.eq(id)));
    let keys = vec![Key::column(table::Column::ExternalId, |row: &Link| row.external_id.clone().into())];
    paging.fetch(select, keys, call, db).await
}

/// Returns the link of one record; 404 when there is none.
pub(crate) async fn find(source: SourceId, external_id: &str, db: &impl ConnectionTrait) -> Result<Link> {
    by_external_ids(source, &[external_id], db).await?.remove(external_id).ok_or_else(Problem::not_found)
}

/// Returns the links of these records of a source, by external id. Unknown ids are left out.
pub(crate) async fn by_external_ids(source: SourceId, external_ids: &[&str], db: &impl ConnectionTrait) -> Result<HashMap<String, Link>> {
    let select = table::Entity::find().filter(table::Column::SourceId.eq(source));
    let rows = select.filter(table::Column::ExternalId.is_in(external_ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.external_id.clone(), row)).collect())
}

/// Returns the link whose record is held in a match.
pub(crate) async fn held_in(id: MatchId, db: &impl ConnectionTrait) -> Result<Option<Link>> {
    Ok(table::Entity::find().filter(table::Column::MatchId.eq(id)).one(db).await?)
}

/// Returns those of these actors that records of the source are linked to.
pub(crate) async fn linked_actors(source: SourceId, actors: &[ActorId], db: &impl ConnectionTrait) -> Result<HashSet<ActorId>> {
    if actors.is_empty() {
        return Ok(HashSet::new());
    }
    let select = table::Entity::find().select_only().column(table::Column::ActorId).filter(table::Column::SourceId.eq(source));
    let rows: Vec<ActorId> = select.filter(table::Column::ActorId.is_in(actors.iter().copied())).into_tuple().all(db).await?;
    Ok(rows.into_iter().collect())
}

/// Stores new links, at the latest when the transaction is committed.
pub(crate) fn insert(links: &[&Link], source: &Source, w: &Write<'_>) {
    for links in links.chunks(ROWS) {
        w.tx.insert_later::<table::Entity>(links.iter().map(|link| Link::clone(link).into_active_model()).collect());
    }
    for link in links {
        w.record(change_event(link, source, ChangeOperation::Upsert, link.version));
    }
}

/// Stores a changed link as its next version.
pub(crate) async fn update(link: Link, source: &Source, w: &Write<'_>) -> Result<Link> {
    let link = next_version(link, w);
    update_all(&[&link], source, w).await?;
    Ok(link)
}

/// Returns the next version of a link, to be stored by [`update_all`].
pub(crate) fn next_version(link: Link, w: &Write<'_>) -> Link {
    Link { version: link.version + 1, updated_at: w.now, ..link }
}

/// Stores changed links.
///
/// # Errors
/// When one of them is no longer at the version before (412).
pub(crate) async fn update_all(links: &[&Link], source: &Source, w: &Write<'_>) -> Result<()> {
    let rows = links.iter().map(|link| table::ActiveModel {
        created_at: NotSet,
        source_id: NotSet,
        external_id: NotSet,
        ..Link::clone(link).into_active_model().reset_all()
    });
    let updated = w.replace_all::<table::Entity>(rows.collect()).await?;
    if let Some(late) = links.iter().find(|link| !updated.contains(&link.id.uuid())) {
        return Err(w.call.overtaken(late.version - 1));
    }
    for link in links {
        w.record(change_event(link, source, ChangeOperation::Upsert, link.version));
    }
    Ok(())
}

/// Removes a link. The actor remains.
pub(crate) async fn remove(link: &Link, source: &Source, w: &Write<'_>) -> Result<()> {
    let gone = table::Entity::delete_many().filter(table::Column::Id.eq(link.id)).filter(table::Column::Version.eq(link.version));
    if gone.exec(&w.tx).await?.rows_affected == 0 {
        return Err(w.call.overtaken(link.version));
    }
    w.record(change_event(link, source, ChangeOperation::Delete, link.version + 1));
    Ok(())
}

/// Marks the records that a source no longer has. `has` contains all that it has. Returns how many were marked.
pub(crate) async fn mark_absent(source: &Source, has: &IdDigests, w: &Write<'_>) -> Result<i64> {
    Ok(full_sync(source, has, w).await?.marked)
}

/// Digests of external ids (16 bytes each). They use little memory, because there may be very many ids.
pub(crate) type IdDigests = HashSet<[u8; 16]>;

/// Marks the records that a source no longer has, and removes the mark from those that it has again.
pub(super) async fn full_sync(source: &Source, has: &IdDigests, w: &Write<'_>) -> Result<FullSyncReport> {
    let has_it = |external_id: &str| has.contains(&digest128(external_id));
    let rows: Vec<(LinkId, String, i64, Option<ChronoDateTimeUtc>)> = table::Entity::find()
        .select_only()
        .columns([table::Column::Id, table::Column::ExternalId, table::Column::Version, table::Column::AbsentSince])
        .filter(table::Column::SourceId.eq(source.id))
        .into_tuple()
        .all(&w.tx)
        .await?;
    let known: usize = rows.iter().filter(|(_, external_id, ..)| has_it(external_id)).count();
    let (mut marked, mut unmarked) = (Vec::new(), Vec::new());
    for (id, external_id, version, absent) in rows {
        match (has_it(&external_id), absent) {
            (false, None) => marked.push((id, version)),
            (true, Some(_)) => unmarked.push((id, version)),
            _ => {}
        }
    }
    for (links, since) in [(&marked, Some(w.now)), (&unmarked, None)] {
        for links in links.chunks(ROWS) {
            table::Entity::update_many()
                .col_expr(table::Column::AbsentSince, Expr::value(since))
                .col_expr(table::Column::UpdatedAt, Expr::value(w.now))
                .col_expr(table::Column::Version, Expr::col(table::Column::Version).add(1))
                .filter(table::Column::Id.is_in(links.iter().map(|(id, _)| *id)))
                .exec(&w.tx)
                .await?;
        }
        for (id, version) in links {
            w.record(link_event(*id, source, ChangeOperation::Upsert, version + 1));
        }
    }
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(FullSyncReport {
        present: count(known),
        marked: count(marked.len()),
        unmarked: count(unmarked.len()),
        unknown: count(has.len() - known),
    })
}

/// Returns the event for a change of a link. Only people who work for the source's actor may see it.
fn link_event(id: LinkId, source: &Source, op: ChangeOperation, version: i64) -> Change {
    let visible = Visibility::Actor.of(None, source.fields.actor_id.map(ActorId::uuid));
    Change::new("source_actor", id.uuid(), op, version, visible)
}

fn change_event(link: &Link, source: &Source, op: ChangeOperation, version: i64) -> Change {
    link_event(link.id, source, op, version)
}

//! Feed entries for records that are visible only together with their actor: when the actor is removed or restored, and when
//! other users can see it than before.

use std::collections::HashSet;

use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{events::change_event, view};
use crate::{
    access::Visibility,
    actors::{Actor, ActorId, table},
    geography::areas::AreaId,
    kernel::{
        Result, Write,
        events::{Change, ChangeOperation, Visible},
        record::{self, End, Owner, Record},
        table::List,
    },
    relations::store as relations,
};

/// The largest number of actors in one query.
const QUERY_SIZE: usize = 10_000;

/// Records a change in the feed for every record that is shown only while its actor is not removed: its parts, relations and
/// systems. `op` is `Delete` when the actor is removed, and `Upsert` when it is restored.
///
/// # Errors
/// When the database does not answer.
pub async fn announce_dependents(actor: ActorId, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    for (record, column, removed_at) in owned_kinds() {
        // Other kinds stay visible when their actor is removed.
        if record.part_of.is_some() {
            announce_owned(record, column, Expr::col(column).eq(actor).and(Expr::col(removed_at).is_null()), None, op, w).await?;
        }
    }
    relations::announce(actor, None, op, w).await?;
    announce_systems(&[actor], None, op, w).await
}

/// Records a change in the feed for the records that other users can see after an actor was changed. The change of the actor
/// itself is not recorded here.
pub(super) async fn announce_visibility(before: &Actor, actor: &Actor, w: &Write<'_>) -> Result<()> {
    let was = before.fields.visibility;
    if was != actor.fields.visibility {
        relations::announce(actor.id, Some(was), ChangeOperation::Upsert, w).await?;
        announce_systems(&[actor.id], Some((was, actor.id)), ChangeOperation::Upsert, w).await?;
    }
    if before.fields.parent_id != actor.fields.parent_id {
        announce_new_parent(actor.id, before.fields.parent_id, w).await?;
    }
    Ok(())
}

/// Records a change in the feed for the records that other users can see after an actor got another parent (`from` is the former
/// parent). The change of the actor itself is not recorded here. The users of a parent see what has the visibility `actor` in all
/// its descendants. Removed records are included: users of the former parent who have not read the removal yet would miss it.
///
/// # Errors
/// When the database does not answer.
pub async fn announce_new_parent(actor: ActorId, from: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let (present, removed): (Vec<_>, Vec<_>) = with_descendants(actor, w).await?.into_iter().partition(|row| row.deleted_at.is_none());
    let was = from.map(|from| Visibility::Actor.of(None, Some(from.uuid())));
    for (op, rows) in [(ChangeOperation::Upsert, present), (ChangeOperation::Delete, removed)] {
        let all: Vec<ActorId> = rows.iter().map(|row| row.id).collect();
        let mut narrow = Vec::new();
        for row in rows.into_iter().filter(|row| row.visibility == Visibility::Actor) {
            narrow.push(row.id);
            if row.id != actor {
                w.record(change_event(&view(row)?, None, op).visible_before(was.clone()));
            }
        }
        for actors in narrow.chunks(QUERY_SIZE) {
            relations::announce_new_parent(actors, from, w).await?;
            announce_systems(actors, from.map(|from| (Visibility::Actor, from)), op, w).await?;
        }
        for actors in all.chunks(QUERY_SIZE) {
            for (record, column, _) in owned_kinds() {
                let narrow = Expr::col(column).is_in(actors.iter().copied()).and(Expr::col("visibility").eq(Visibility::Actor));
                announce_owned(record, column, narrow, was.clone(), op, w).await?;
            }
        }
    }
    Ok(())
}

/// Returns the kinds of record that an actor owns and that have a visibility of their own. Each comes with the column that names
/// the actor and the column with the time of removal.
fn owned_kinds() -> impl Iterator<Item = (&'static Record, &'static str, &'static str)> {
    record::all().filter_map(|record| match (record.owner, record.end) {
        (Owner::Actor(column) | Owner::ActorAndForum(column, _), End::RemovedAt(removed_at)) if column != "id" => {
            Some((record, column, removed_at))
        }
        _ => None,
    })
}

/// Records a change in the feed for the owned records that match `which`; a removed record gets `Delete`.
async fn announce_owned(
    record: &'static Record,
    column: &'static str,
    which: Expr,
    was: Option<Visible>,
    op: ChangeOperation,
    w: &Write<'_>,
) -> Result<()> {
    let forum = if let Owner::ActorAndForum(_, forum) = record.owner { Some(forum) } else { None };
    let mut select = Query::select();
    select.columns(["id", "version", "visibility", column]).columns(forum).columns(record.areas.iter().copied());
    if let End::RemovedAt(removed_at) = record.end {
        select.expr_as(Expr::case(Expr::col(removed_at).is_null(), 0).finally(1), "removed");
    }
    select.from(record.table).and_where(which).order_by("id", sea_orm::Order::Asc);
    for row in w.tx.query_all(&select).await? {
        let op = if row.try_get::<i32>("", "removed")? == 1 { ChangeOperation::Delete } else { op };
        let forum = match forum {
            Some(forum) => row.try_get("", forum)?,
            None => None,
        };
        let visible = Visibility::named(&row.try_get::<String>("", "visibility")?).of(forum, Some(row.try_get("", column)?));
        let was = was.clone().map(|was| Visible { forum, ..was });
        let mut areas: Vec<AreaId> = Vec::new();
        for column in record.areas {
            if column.ends_with("_id") {
                areas.extend(row.try_get::<Option<AreaId>>("", column)?);
            } else {
                areas.extend(row.try_get::<List<AreaId>>("", column)?.0);
            }
        }
        let change = Change::new(record.kind, row.try_get("", "id")?, op, row.try_get("", "version")?, visible);
        w.record(change.in_areas(areas).visible_before(was));
    }
    Ok(())
}

/// Returns an actor and all its descendants, the actor first. Removed actors and their descendants are included.
async fn with_descendants(actor: ActorId, w: &Write<'_>) -> Result<Vec<table::Model>> {
    let mut found: Vec<table::Model> = table::Entity::find_by_id(actor).one(&w.tx).await?.into_iter().collect();
    let (mut next, mut met) = (vec![actor], HashSet::from([actor]));
    while !next.is_empty() {
        let mut below = Vec::new();
        for above in next.chunks(QUERY_SIZE) {
            let parts = table::Entity::find().filter(table::Column::ParentId.is_in(above.iter().copied()));
            below.extend(parts.order_by_asc(table::Column::Id).all(&w.tx).await?);
        }
        below.retain(|part| met.insert(part.id));
        next = below.iter().map(|part| part.id).collect();
        found.extend(below);
    }
    Ok(found)
}

/// Records a change in the feed for the systems of these actors, such as sources. Only signed-in users who can see the actor
/// can see them. `was` is the visibility and the owner of the actor before.
async fn announce_systems(actors: &[ActorId], was: Option<(Visibility, ActorId)>, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let narrowed = |visibility: Visibility, of: ActorId| {
        let visibility = if visibility == Visibility::Public { Visibility::Members } else { visibility };
        visibility.of(None, Some(of.uuid()))
    };
    for record in record::all() {
        let Owner::ActorForSignedIn(column) = record.owner else { continue };
        let select = Query::select()
            .columns([(record.table, "id"), (record.table, "version"), (record.table, column)])
            .column((table::Entity, table::Column::Visibility))
            .from(record.table)
            .inner_join(table::Entity, Expr::col((table::Entity, table::Column::Id)).equals((record.table, column)))
            .and_where(Expr::col((record.table, column)).is_in(actors.iter().copied()))
            .order_by((record.table, "id"), sea_orm::Order::Asc)
            .take();
        for row in w.tx.query_all(&select).await? {
            let visible = narrowed(Visibility::named(&row.try_get::<String>("", "visibility")?), row.try_get("", column)?);
            let change = Change::new(record.kind, row.try_get("", "id")?, op, row.try_get("", "version")?, visible);
            w.record(change.visible_before(was.map(|(visibility, of)| narrowed(visibility, of))));
        }
    }
    Ok(())
}

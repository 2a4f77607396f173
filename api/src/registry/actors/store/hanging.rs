//! What is seen as its actor is: the feed is told when it comes and goes with the actor, and when others see it.

use std::collections::HashSet;

use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{put, view};
use crate::{
    access::Visibility,
    geography::areas::AreaId,
    kernel::{
        Result, Write,
        events::{Change, ChangeOperation, Visible},
    },
    registry::{
        actors::{Actor, ActorId, table},
        relations::store as relations,
    },
};

/// Kinds of record that are an actor's own, and that each say themselves who sees them; their tables are called the same.
const OWN: [&str; 2] = ["mandate", "statement"];
/// How many actors one question asks for.
const ASKED: usize = 10_000;

/// Tells the feed of what is shown only as long as its actor is there.
///
/// # Errors
/// When the database does not answer.
pub async fn what_hangs_on(actor: ActorId, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    for kind in OWN {
        own(kind, Expr::col("actor_id").eq(actor).and(Expr::col("deleted_at").is_null()), None, op, w).await?;
    }
    relations::announce(actor, None, op, w).await?;
    sources(&[actor], None, op, w).await
}

/// Tells the feed of what others see since an actor has been changed, but of the actor itself.
pub(super) async fn seen_by_others(before: &Actor, actor: &Actor, w: &Write<'_>) -> Result<()> {
    let was = before.fields.visibility;
    if was != actor.fields.visibility {
        relations::announce(actor.id, Some(was), ChangeOperation::Upsert, w).await?;
        sources(&[actor.id], Some((was, actor.id)), ChangeOperation::Upsert, w).await?;
    }
    if before.fields.parent_id != actor.fields.parent_id {
        seen_elsewhere(actor.id, before.fields.parent_id, w).await?;
    }
    Ok(())
}

/// Tells the feed of what others see since an actor is part of another than before, but of the actor itself: who works for
/// what it is part of sees what is for its own people, and for those of all below it. Who saw it and has not read yet what
/// was removed reads no further in its name, and is told of that too.
///
/// # Errors
/// When the database does not answer.
pub async fn seen_elsewhere(actor: ActorId, from: Option<ActorId>, w: &Write<'_>) -> Result<()> {
    let (present, removed): (Vec<_>, Vec<_>) = with_all_below(actor, w).await?.into_iter().partition(|row| row.deleted_at.is_none());
    let was = from.map(|from| Visibility::Actor.of(None, Some(from.uuid())));
    for (op, rows) in [(ChangeOperation::Upsert, present), (ChangeOperation::Delete, removed)] {
        let all: Vec<ActorId> = rows.iter().map(|row| row.id).collect();
        let mut narrow = Vec::new();
        for row in rows.into_iter().filter(|row| row.visibility == Visibility::Actor) {
            narrow.push(row.id);
            if row.id != actor {
                w.record(put::change(&view(row), None, op).after(was.clone()));
            }
        }
        for actors in narrow.chunks(ASKED) {
            relations::announce_own(actors, from, w).await?;
            sources(actors, from.map(|from| (Visibility::Actor, from)), op, w).await?;
        }
        for actors in all.chunks(ASKED) {
            let narrow = Expr::col("actor_id").is_in(actors.iter().copied()).and(Expr::col("visibility").eq(Visibility::Actor));
            for kind in OWN {
                own(kind, narrow.clone(), was.clone(), op, w).await?;
            }
        }
    }
    Ok(())
}

/// Tells the feed of actors' own records; those that are removed are gone.
async fn own(kind: &'static str, which: Expr, was: Option<Visible>, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let columns = ["id", "version", "actor_id", "visibility", "area_id", "deleted_at"];
    let select = Query::select().columns(columns).from(kind).and_where(which).order_by("id", sea_orm::Order::Asc).take();
    for row in w.tx.query_all(&select).await? {
        let removed = row.try_get::<Option<ChronoDateTimeUtc>>("", "deleted_at")?.is_some();
        let op = if removed { ChangeOperation::Delete } else { op };
        let visible = Visibility::named(&row.try_get::<String>("", "visibility")?).of(None, Some(row.try_get("", "actor_id")?));
        let change = Change::new(kind, row.try_get("", "id")?, op, row.try_get("", "version")?, visible);
        w.record(change.within([row.try_get::<AreaId>("", "area_id")?]).after(was.clone()));
    }
    Ok(())
}

/// An actor with all below it, itself first. What is below one that is removed is below it all the same.
async fn with_all_below(actor: ActorId, w: &Write<'_>) -> Result<Vec<table::Model>> {
    let mut found: Vec<table::Model> = table::Entity::find_by_id(actor).one(&w.tx).await?.into_iter().collect();
    let (mut next, mut met) = (vec![actor], HashSet::from([actor]));
    while !next.is_empty() {
        let mut below = Vec::new();
        for above in next.chunks(ASKED) {
            let parts = table::Entity::find().filter(table::Column::ParentId.is_in(above.iter().copied()));
            below.extend(parts.order_by_asc(table::Column::Id).all(&w.tx).await?);
        }
        below.retain(|part| met.insert(part.id));
        next = below.iter().map(|part| part.id).collect();
        found.extend(below);
    }
    Ok(found)
}

/// Tells the feed of actors' sources, which are for those who are signed in and may see the actor; `was` is who saw it
/// before. Sources are of a room above this, so their table is asked by its name.
async fn sources(actors: &[ActorId], was: Option<(Visibility, ActorId)>, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let select = Query::select()
        .columns([("source", "id"), ("source", "version"), ("source", "actor_id")])
        .column((table::Entity, table::Column::Visibility))
        .from("source")
        .inner_join(table::Entity, Expr::col((table::Entity, table::Column::Id)).equals(("source", "actor_id")))
        .and_where(Expr::col(("source", "actor_id")).is_in(actors.iter().copied()))
        .order_by(("source", "id"), sea_orm::Order::Asc)
        .take();
    let narrowed = |visibility: Visibility, of: ActorId| {
        let visibility = if visibility == Visibility::Public { Visibility::Members } else { visibility };
        visibility.of(None, Some(of.uuid()))
    };
    for row in w.tx.query_all(&select).await? {
        let visible = narrowed(Visibility::named(&row.try_get::<String>("", "visibility")?), row.try_get("", "actor_id")?);
        let change = Change::new("source", row.try_get("", "id")?, op, row.try_get("", "version")?, visible);
        w.record(change.after(was.map(|(visibility, of)| narrowed(visibility, of))));
    }
    Ok(())
}

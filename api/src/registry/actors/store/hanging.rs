//! What is seen as its actor is: the feed is told when it comes and goes with the actor, and when others see it.

use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{put, view};
use crate::{
    access::Visibility,
    kernel::{
        Result, Write,
        events::{Change, ChangeOperation},
    },
    registry::{
        actors::{Actor, ActorId, table},
        mandates::store as mandates,
        relations::store as relations,
        statements::store as statements,
    },
};

/// Tells the feed of what is shown only as long as its actor is there.
///
/// # Errors
/// When the database does not answer.
pub async fn what_hangs_on(actor: ActorId, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    mandates::announce(actor, op, w).await?;
    statements::announce(actor, op, w).await?;
    relations::announce(actor, None, op, w).await?;
    sources(actor, None, op, w).await
}

/// Tells the feed of what others see since an actor has been changed, but of the actor itself.
pub(super) async fn seen_by_others(before: &Actor, actor: &Actor, w: &Write<'_>) -> Result<()> {
    let was = before.fields.visibility;
    if was != actor.fields.visibility {
        relations::announce(actor.id, Some(was), ChangeOperation::Upsert, w).await?;
        sources(actor.id, Some((was, actor.id)), ChangeOperation::Upsert, w).await?;
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
    for row in with_all_below(actor, w).await? {
        let op = if row.deleted_at.is_some() { ChangeOperation::Delete } else { ChangeOperation::Upsert };
        let one = view(row);
        if one.fields.visibility == Visibility::Actor {
            if one.id != actor {
                let was = from.map(|from| Visibility::Actor.of(None, Some(from.uuid())));
                w.record(put::change(&one, None, op).after(was));
            }
            relations::announce_own(one.id, from, op, w).await?;
            sources(one.id, from.map(|from| (Visibility::Actor, from)), op, w).await?;
        }
        mandates::announce_own(one.id, from, op, w).await?;
        statements::announce_own(one.id, from, op, w).await?;
    }
    Ok(())
}

/// An actor with all below it, itself first. What is below one that is removed is below it all the same.
async fn with_all_below(actor: ActorId, w: &Write<'_>) -> Result<Vec<table::Model>> {
    let mut found: Vec<table::Model> = table::Entity::find_by_id(actor).one(&w.tx).await?.into_iter().collect();
    let mut next = vec![actor];
    while !next.is_empty() {
        let parts = table::Entity::find().filter(table::Column::ParentId.is_in(next)).order_by_asc(table::Column::Id);
        let mut parts = parts.all(&w.tx).await?;
        parts.retain(|part| found.iter().all(|known| known.id != part.id));
        next = parts.iter().map(|part| part.id).collect();
        found.extend(parts);
    }
    Ok(found)
}

/// Tells the feed of an actor's sources, which are for those who are signed in and may see the actor; `was` is who saw it
/// before. Sources are of a room above this, so their table is asked by its name.
async fn sources(actor: ActorId, was: Option<(Visibility, ActorId)>, op: ChangeOperation, w: &Write<'_>) -> Result<()> {
    let select = Query::select()
        .columns([("source", "id"), ("source", "version")])
        .column((table::Entity, table::Column::Visibility))
        .from("source")
        .inner_join(table::Entity, Expr::col((table::Entity, table::Column::Id)).equals(("source", "actor_id")))
        .and_where(Expr::col(("source", "actor_id")).eq(actor))
        .order_by(("source", "id"), sea_orm::Order::Asc)
        .take();
    let narrowed = |visibility: Visibility, of: ActorId| {
        let visibility = if visibility == Visibility::Public { Visibility::Members } else { visibility };
        visibility.of(None, Some(of.uuid()))
    };
    for row in w.tx.query_all(&select).await? {
        let visible = narrowed(Visibility::named(&row.try_get::<String>("", "visibility")?), actor);
        let change = Change::new("source", row.try_get("", "id")?, op, row.try_get("", "version")?, visible);
        w.record(change.after(was.map(|(visibility, of)| narrowed(visibility, of))));
    }
    Ok(())
}

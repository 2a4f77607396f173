//! Finds the actors below an actor, and whether an actor is in use.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, entity::prelude::*};

use crate::{
    kernel::Result,
    merging::references::store as references,
    registry::actors::{ActorId, table as actor_table},
};

/// The maximum number of actors that one statement names.
const AT_ONCE: usize = 500;

/// Returns an actor with all actors below it, including those that are removed or merged, and the actors that the merged
/// ones were merged into.
async fn with_below(id: ActorId, db: &impl ConnectionTrait) -> Result<(BTreeSet<Uuid>, BTreeSet<Uuid>)> {
    let (mut below, mut became) = (BTreeSet::from([id.uuid()]), BTreeSet::new());
    let mut next = vec![id];
    while !next.is_empty() {
        let mut children: Vec<ActorId> = Vec::new();
        for parents in next.chunks(AT_ONCE) {
            let rows: Vec<(ActorId, Option<ActorId>)> = actor_table::Entity::find()
                .select_only()
                .column(actor_table::Column::Id)
                .column(actor_table::Column::MergedInto)
                .filter(actor_table::Column::ParentId.is_in(parents.iter().copied()))
                .into_tuple()
                .all(db)
                .await?;
            for (child, into) in rows {
                became.extend(into.map(ActorId::uuid));
                if below.insert(child.uuid()) {
                    children.push(child);
                }
            }
        }
        next = children;
    }
    Ok((below, became))
}

/// Returns whether an actor or one below it is in use, not counting the actors below `apart_from`. An actor is in use when
/// somebody works there, when an account is administered there, or when it has records that only its own people may see.
/// Such records count also after its people have left. Removed actors count, because they can be restored. Actors that were
/// merged into another one count through that one.
pub(in crate::merging) async fn is_in_use(actor: ActorId, apart_from: Option<ActorId>, db: &impl ConnectionTrait) -> Result<bool> {
    let (mut concerned, became) = with_below(actor, db).await?;
    concerned.extend(became);
    if let Some(other) = apart_from {
        let (apart, _) = with_below(other, db).await?;
        concerned.retain(|id| !apart.contains(id));
    }
    let concerned: Vec<Uuid> = concerned.into_iter().collect();
    for some in concerned.chunks(AT_ONCE) {
        if references::has_private_records(some, db).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

//! What lies below an actor, who works there, and what is theirs alone.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, entity::prelude::*};

use crate::{
    kernel::Result,
    merging::references::store as references,
    registry::actors::{ActorId, table as actor_table},
};

/// How many actors one statement names.
const AT_ONCE: usize = 500;

/// An actor with all below it, also those that are removed or have become part of others; and what the latter became part of.
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

/// Whether an actor or one below it is somebody's, but for those that lie below another: somebody works there or has an account
/// that is looked after there, or there is what is for its own people alone. That nobody works there any more makes nothing of
/// theirs anybody else's. Removed actors count, for they can be restored. So does what one has that became part of another, who
/// has it until that is undone.
pub(in crate::merging) async fn is_somebodys(actor: ActorId, apart_from: Option<ActorId>, db: &impl ConnectionTrait) -> Result<bool> {
    let (mut concerned, became) = with_below(actor, db).await?;
    concerned.extend(became);
    if let Some(other) = apart_from {
        let (apart, _) = with_below(other, db).await?;
        concerned.retain(|id| !apart.contains(id));
    }
    let concerned: Vec<Uuid> = concerned.into_iter().collect();
    for some in concerned.chunks(AT_ONCE) {
        if references::any_of_its_own(some, db).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

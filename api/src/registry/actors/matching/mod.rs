//! Which actors an incoming record may be: by their own identifiers, and by their names. Each question is one query,
//! however many records ask it.

use std::collections::HashMap;

use sea_orm::{Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QuerySelect, entity::prelude::*, sea_query::SimpleExpr};

use super::{Actor, ActorId, IdentifierScope, store, table};
use crate::{
    access::{Reach, Sight},
    geography::areas::{AreaId, store as areas},
    kernel::Result,
};

/// Whose own identifiers are, by scheme and value.
pub type Owners = HashMap<(String, String), ActorId>;

/// A living actor's name key with its seat.
pub type Named = HashMap<String, Vec<(ActorId, Option<AreaId>)>>;

/// The living actors with these ids, whoever may see them.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(ids: &[ActorId], db: &impl ConnectionTrait) -> Result<HashMap<ActorId, Actor>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let living = table::Entity::find().filter(table::Column::DeletedAt.is_null());
    let rows = living.filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, store::view(row))).collect())
}

/// The living actors that have these schemes and values as their own identifiers.
///
/// # Errors
/// When the database does not answer.
pub async fn owners(identifiers: &[(String, String)], db: &impl ConnectionTrait) -> Result<Owners> {
    if identifiers.is_empty() {
        return Ok(Owners::new());
    }
    let mut schemes: Vec<&str> = identifiers.iter().map(|(scheme, _)| scheme.as_str()).collect();
    schemes.sort_unstable();
    schemes.dedup();
    let rows: Vec<(String, String, ActorId)> = table::identifier::Entity::find()
        .select_only()
        .columns([table::identifier::Column::Scheme, table::identifier::Column::Value, table::identifier::Column::ActorId])
        .filter(table::identifier::Column::Scheme.is_in(schemes))
        .filter(table::identifier::Column::Value.is_in(identifiers.iter().map(|(_, value)| value.as_str())))
        .filter(table::identifier::Column::Scope.eq(IdentifierScope::Own))
        .filter(table::identifier::Column::Live.eq(true))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(scheme, value, actor)| ((scheme, value), actor)).collect())
}

/// The living actors with these name keys ([`super::rules::name_key`]), each with its seat, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn named(keys: &[String], db: &impl ConnectionTrait) -> Result<Named> {
    let mut found = Named::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let rows: Vec<(String, ActorId, Option<AreaId>)> = table::Entity::find()
        .select_only()
        .columns([table::Column::NameKey, table::Column::Id, table::Column::SeatAreaId])
        .filter(table::Column::DeletedAt.is_null())
        .filter(table::Column::NameKey.is_in(keys))
        .order_by_asc(table::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    for (key, actor, seat) in rows {
        found.entry(key).or_default().push((actor, seat));
    }
    Ok(found)
}

/// Whether the caller sees and may write the actor that a column names; asked of each row, as [`store::lives`].
pub fn is_reached(sight: &Sight, reach: &Reach, actor: impl ColumnTrait) -> SimpleExpr {
    let mut reached = Condition::any().add(table::Column::Id.is_in(reach.actors.iter().copied()));
    if !reach.areas.is_empty() {
        reached = reached.add(table::Column::SeatAreaId.in_subquery(areas::at_or_below_any(&reach.areas)));
    }
    if reach.everywhere {
        reached = Condition::all();
    }
    let found = store::seen_by_id(sight, actor).cond_where(reached).take();
    Expr::SubQuery(None, Box::new(found.into())).is_not_null()
}

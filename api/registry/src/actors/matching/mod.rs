//! Which actors an incoming record may be: by their own identifiers, and by their names. Each question is one query,
//! however many records ask it.

mod bodies;

use std::collections::{HashMap, HashSet};

use sea_orm::{Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QuerySelect, entity::prelude::*, sea_query::SimpleExpr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use bodies::{Bodies, may_be_taken, of_reference};

use super::{Actor, ActorId, Identifier, IdentifierScope, NewActor, rules::ORGANISATION_NUMBER, store, table};
use crate::{
    access::{Reach, Sight},
    geography::areas::{AreaId, store as areas},
    kernel::{Result, secrecy::Secrecy, table::List},
};

/// Whose own identifiers are, by scheme and value. Several have one where somebody gave it who could not know of the first.
pub type Owners = HashMap<(String, String), Vec<ActorId>>;

/// The living actors with each name key.
pub type Named = HashMap<String, Vec<Namesake>>;

/// A living actor that is called so.
#[derive(Clone, Debug)]
pub struct Namesake {
    pub actor_id: ActorId,
    pub seat: Option<AreaId>,
    /// Its own organisation numbers.
    pub numbers: Vec<String>,
}

impl Namesake {
    /// Whether it is another organisation than one with these numbers: both have one, and none is the same.
    #[must_use]
    pub fn is_another(&self, numbers: &[String]) -> bool {
        !self.numbers.is_empty() && !numbers.is_empty() && !self.numbers.iter().any(|number| numbers.contains(number))
    }
}

/// The organisation numbers that are an actor's own.
#[must_use]
pub fn organisation_numbers(identifiers: &[Identifier]) -> Vec<String> {
    let own = identifiers.iter().filter(|one| one.scheme == ORGANISATION_NUMBER && one.scope == IdentifierScope::Own);
    own.map(|one| one.value.clone()).collect()
}

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
        .order_by_asc(table::identifier::Column::Claimed)
        .order_by_asc(table::identifier::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let mut owners = Owners::new();
    for (scheme, value, actor) in rows {
        owners.entry((scheme, value)).or_default().push(actor);
    }
    Ok(owners)
}

/// Why an actor may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchReason {
    /// It has the same number or code as its own.
    SameIdentifier,
    /// It has the same name, legal form aside, and the same seat, or neither has one; or it may be taken for that public body,
    /// by a name, now or before, or by its kind and seat.
    SameName,
}

impl MatchReason {
    /// The members of an actor that it tells of.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::SameIdentifier => &["identifiers"],
            Self::SameName => &["name", "seatAreaId"],
        }
    }

    /// Whether it may be told that an actor with these members hidden is alike so, which would tell what they are.
    #[must_use]
    pub fn is_told(self, hidden: impl Fn(&str) -> bool) -> bool {
        !self.members().iter().any(|member| hidden(member))
    }
}

/// What a caller may be told of: that something is alike an actor which it may not see, or alike in what is hidden from it, is
/// told to nobody, neither by a refusal nor by what is left undone. The caller is answered as if that actor were not there.
#[derive(Debug)]
pub struct Telling<'a> {
    secrecy: Option<&'a Secrecy>,
    unseen: HashSet<ActorId>,
}

impl<'a> Telling<'a> {
    /// What may be told of these actors.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(
        actors: impl IntoIterator<Item = ActorId>,
        sight: &Sight,
        secrecy: Option<&'a Secrecy>,
        db: &impl ConnectionTrait,
    ) -> Result<Self> {
        let mut actors: Vec<ActorId> = actors.into_iter().collect();
        actors.sort_unstable();
        actors.dedup();
        let mut unseen = HashSet::new();
        for actors in actors.chunks(10_000).filter(|_| !sight.all) {
            unseen.extend(store::missing(sight, actors, db).await?);
        }
        Ok(Self { secrecy, unseen })
    }

    /// Takes in an actor as it has become.
    pub fn meet(&mut self, id: ActorId, fields: &NewActor, sight: &Sight) {
        if sight.sees(fields.visibility, None, Some(id.uuid())) {
            self.unseen.remove(&id);
        } else {
            self.unseen.insert(id);
        }
    }

    /// Whether the caller may be told that something is alike an actor so.
    #[must_use]
    pub fn tells(&self, reason: MatchReason, actor: ActorId) -> bool {
        !self.unseen.contains(&actor)
            && reason.is_told(|member| self.secrecy.is_some_and(|secrecy| secrecy.locked(actor.uuid()).contains_key(member)))
    }
}

/// The living actors with these name keys ([`super::rules::name_key`]), each with its seat and numbers, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn named(keys: &[String], db: &impl ConnectionTrait) -> Result<Named> {
    let mut found = Named::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let rows: Vec<(String, ActorId, Option<AreaId>, List<Identifier>)> = table::Entity::find()
        .select_only()
        .columns([table::Column::NameKey, table::Column::Id, table::Column::SeatAreaId, table::Column::Identifiers])
        .filter(table::Column::DeletedAt.is_null())
        .filter(table::Column::NameKey.is_in(keys))
        .order_by_asc(table::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    for (key, actor_id, seat, identifiers) in rows {
        found.entry(key).or_default().push(Namesake { actor_id, seat, numbers: organisation_numbers(&identifiers.0) });
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

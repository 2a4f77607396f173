//! Finds the actors that an incoming record may be, by own identifiers and by names. Each lookup is one query for any number of
//! records.

mod bodies;

use std::collections::{HashMap, HashSet};

use sea_orm::{Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QuerySelect, entity::prelude::*, sea_query::SimpleExpr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use bodies::{Bodies, from_reference_data, needs_body_check, note_caches};

use super::{Actor, ActorId, Identifier, IdentifierScope, NewActor, rules::ORGANISATION_NUMBER, store, table};
use crate::{
    access::{Reach, Sight},
    geography::areas::{AreaId, store as areas},
    kernel::{Result, secrecy::Secrecy},
};

/// The actors that have an identifier as their own, by scheme and value. Several actors have the same one when it was given by a
/// caller who could not see that another actor had it.
pub type Owners = HashMap<(String, String), Vec<ActorId>>;

/// The actors that are not removed, by name key.
pub type ByNameKey = HashMap<String, Vec<Namesake>>;

/// An actor that is not removed and has a certain name key.
#[derive(Clone, Debug)]
pub struct Namesake {
    pub actor_id: ActorId,
    /// The area of its seat.
    pub seat: Option<AreaId>,
    /// Its own organisation numbers.
    pub numbers: Vec<String>,
}

impl Namesake {
    /// Whether the actor must be another organisation than one with these numbers: both have numbers, and they have none in common.
    #[must_use]
    pub fn is_different(&self, numbers: &[String]) -> bool {
        !self.numbers.is_empty() && !numbers.is_empty() && !self.numbers.iter().any(|number| numbers.contains(number))
    }
}

/// Returns the values of the own organisation numbers among these identifiers.
#[must_use]
pub fn organisation_numbers(identifiers: &[Identifier]) -> Vec<String> {
    let own = identifiers.iter().filter(|one| one.scheme == ORGANISATION_NUMBER && one.scope == IdentifierScope::Own);
    own.map(|one| one.value.clone()).collect()
}

/// Returns the actors with these ids that are not removed, whoever asks.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(ids: &[ActorId], db: &impl ConnectionTrait) -> Result<HashMap<ActorId, Actor>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let living = table::Entity::find().filter(table::Column::DeletedAt.is_null());
    let rows = living.filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    rows.into_iter().map(|row| Ok((row.id, store::view(row)?))).collect()
}

/// Returns the actors that have these pairs of scheme and value as their own identifiers and are not removed. The result may
/// also contain other pairs of these schemes and values.
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

/// Why two actors may be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchReason {
    /// Both have the same number or code as their own.
    SameIdentifier,
    /// Both have the same name apart from the legal form, and the same seat or none. Or one of them may be mistaken for the
    /// other, a public body, by a present or former name or by its kind and seat.
    SameName,
}

impl MatchReason {
    /// The members of an actor that this reason reveals something about.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::SameIdentifier => &["identifiers"],
            Self::SameName => &["name", "seatAreaId"],
        }
    }

    /// Whether this reason may be shown for an actor with these hidden members. It may not when it would reveal one of them.
    #[must_use]
    pub fn is_visible(self, hidden: impl Fn(&str) -> bool) -> bool {
        !self.members().iter().any(|member| hidden(member))
    }
}

/// Decides which matches the caller may learn of. A match with an actor that the caller cannot see, or by a member that is hidden
/// from the caller, must not be revealed: neither by a refusal nor by something that is not done. The answer is the same as if that
/// actor did not exist.
#[derive(Debug)]
pub struct MatchVisibility<'a> {
    secrecy: Option<&'a Secrecy>,
    unseen: HashSet<ActorId>,
}

impl<'a> MatchVisibility<'a> {
    /// Loads which of these actors the caller can see.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(
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

    /// Adds an actor that was stored in the same call, or updates it.
    pub fn update(&mut self, id: ActorId, fields: &NewActor, sight: &Sight) {
        if sight.sees(fields.visibility, None, Some(id.uuid())) {
            self.unseen.remove(&id);
        } else {
            self.unseen.insert(id);
        }
    }

    /// Whether the caller may learn that something matches an actor for this reason.
    #[must_use]
    pub fn allows(&self, reason: MatchReason, actor: ActorId) -> bool {
        !self.unseen.contains(&actor)
            && reason.is_visible(|member| self.secrecy.is_some_and(|secrecy| secrecy.locked(actor.uuid()).contains_key(member)))
    }
}

/// Returns the actors with these name keys ([`super::rules::name_key`]) that are not removed, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn by_name_key(keys: &[String], db: &impl ConnectionTrait) -> Result<ByNameKey> {
    let mut found = ByNameKey::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let rows: Vec<(String, ActorId, Option<AreaId>, String)> = table::Entity::find()
        .select_only()
        .columns([table::Column::NameKey, table::Column::Id, table::Column::SeatAreaId, table::Column::Details])
        .filter(table::Column::DeletedAt.is_null())
        .filter(table::Column::NameKey.is_in(keys))
        .order_by_asc(table::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    for (key, actor_id, seat, details) in rows {
        let numbers = organisation_numbers(&table::Details::read(&details)?.identifiers);
        found.entry(key).or_default().push(Namesake { actor_id, seat, numbers });
    }
    Ok(found)
}

/// Returns the SQL condition that the caller can see the actor named by a column, and that the reach covers its seat or the actor
/// itself. It is a scalar subquery, like [`store::is_not_removed`].
pub fn is_within_reach(sight: &Sight, reach: &Reach, actor: impl ColumnTrait) -> SimpleExpr {
    let mut reached = Condition::any().add(table::Column::Id.is_in(reach.actors.iter().copied()));
    if !reach.areas.is_empty() {
        reached = reached.add(table::Column::SeatAreaId.in_subquery(areas::at_or_below_any(&reach.areas)));
    }
    if reach.everywhere {
        reached = Condition::all();
    }
    let found = store::select_visible_id(sight, actor).cond_where(reached).take();
    Expr::SubQuery(None, Box::new(found.into())).is_not_null()
}

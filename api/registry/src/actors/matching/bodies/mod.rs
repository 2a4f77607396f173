//! Public bodies: municipalities, regions and authorities. An actor that could be mistaken for one of them is found here.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use moka::sync::Cache;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, Statement, entity::prelude::*};

use crate::{
    actors::{ActorId, ActorKind, FormerName, NewActor, rules, table},
    geography::areas::AreaId,
    kernel::{Problem, Result, measures::Caches},
};

/// The kinds of public bodies.
const KINDS: [ActorKind; 5] =
    [ActorKind::Municipality, ActorKind::Region, ActorKind::CountyBoard, ActorKind::MunicipalAssociation, ActorKind::Agency];
/// The kinds of which there is only one with a given seat.
const ONE_PER_SEAT: [ActorKind; 3] = [ActorKind::Municipality, ActorKind::Region, ActorKind::CountyBoard];

/// The public bodies, by the mark that the database had when they were read. The mark is another after each change of one of them, in
/// every database.
static BODIES: LazyLock<Cache<String, Arc<Bodies>>> = LazyLock::new(|| Cache::new(4));

/// The public bodies of the reference data that are not removed, by their keys. Only actors of a pack count: there are some
/// hundreds of them, found by an index, while anybody can register any number of actors of these kinds.
#[derive(Debug, Default)]
pub struct Bodies {
    /// By [`rules::public_body_key`] of each present and former name.
    named: HashMap<String, Vec<ActorId>>,
    /// By kind and seat, for the kinds in [`ONE_PER_SEAT`].
    seated: HashMap<(String, AreaId), Vec<ActorId>>,
}

impl Bodies {
    /// Returns all public bodies. They are read only when one of them has changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(db: &impl ConnectionTrait) -> Result<Arc<Self>> {
        let mark = Statement::from_string(db.get_database_backend(), "SELECT value FROM installation WHERE name = 'public_bodies'");
        let mark = db.query_one_raw(mark).await?.ok_or_else(|| Problem::internal(&"the mark of the public bodies is missing"))?;
        let mark: String = mark.try_get("", "value")?;
        if let Some(bodies) = BODIES.get(&mark) {
            return Ok(bodies);
        }
        let bodies = Arc::new(Self::read(db).await?);
        BODIES.insert(mark, Arc::clone(&bodies));
        Ok(bodies)
    }

    async fn read(db: &impl ConnectionTrait) -> Result<Self> {
        type Row = (ActorId, ActorKind, String, String, Option<AreaId>);
        let rows: Vec<Row> = table::Entity::find()
            .select_only()
            .columns([table::Column::Id, table::Column::Kind, table::Column::Name, table::Column::Details, table::Column::SeatAreaId])
            .filter(table::Column::Pack.is_not_null())
            .filter(table::Column::DeletedAt.is_null())
            .into_tuple()
            .all(db)
            .await?;
        let mut bodies = Self::default();
        // The kind is filtered here: in SQL the database might search by kind, among all actors of that kind.
        for (id, kind, name, details, seat) in rows.into_iter().filter(|row| KINDS.contains(&row.1)) {
            let details = table::Details::read(&details)?;
            for key in body_keys(&name, &details.other_names, &details.former_names) {
                bodies.named.entry(key).or_default().push(id);
            }
            if let (true, Some(seat)) = (ONE_PER_SEAT.contains(&kind), seat) {
                bodies.seated.entry((kind.to_value(), seat)).or_default().push(id);
            }
        }
        Ok(bodies)
    }

    /// Returns the public bodies that an actor may be mistaken for because of something new in it: a present or former name, or
    /// its kind and seat when a public body of that kind has that seat. The actor `id` itself is left out.
    #[must_use]
    pub fn resembled_by(&self, id: Option<ActorId>, new: &NewActor, before: Option<&NewActor>) -> Vec<ActorId> {
        let had = before.map(keys_of).unwrap_or_default();
        let mut found: BTreeSet<ActorId> = keys_of(new).difference(&had).filter_map(|key| self.named.get(key)).flatten().copied().collect();
        let claim = |actor: &NewActor| actor.seat_area_id.filter(|_| ONE_PER_SEAT.contains(&actor.kind)).map(|seat| (actor.kind, seat));
        if let Some((kind, seat)) = claim(new).filter(|claimed| before.and_then(claim).as_ref() != Some(claimed)) {
            found.extend(self.seated.get(&(kind.to_value(), seat)).into_iter().flatten());
        }
        found.into_iter().filter(|other| Some(*other) != id).collect()
    }
}

/// Whether a change touches anything by which an actor may be mistaken for a public body: names, kind or seat.
#[must_use]
pub fn needs_body_check(new: &NewActor, before: Option<&NewActor>) -> bool {
    before.is_none_or(|before| {
        new.name != before.name
            || new.other_names != before.other_names
            || new.former_names != before.former_names
            || (new.kind, new.seat_area_id) != (before.kind, before.seat_area_id)
    })
}

fn keys_of(actor: &NewActor) -> BTreeSet<String> {
    body_keys(&actor.name, &actor.other_names, &actor.former_names)
}

fn body_keys(name: &str, others: &[String], former: &[FormerName]) -> BTreeSet<String> {
    let former = former.iter().map(|former| former.name.as_str());
    [name].into_iter().chain(others.iter().map(String::as_str)).chain(former).filter_map(rules::public_body_key).collect()
}

/// Tells how many times the public bodies are held: once for each mark of late.
pub fn note_caches(caches: &Caches) {
    caches.note("public_bodies", &BODIES);
}

/// Returns those of these actors that came with the reference data (a pack) of the installation.
///
/// # Errors
/// When the database does not answer.
pub async fn from_reference_data(actors: &[ActorId], db: &impl ConnectionTrait) -> Result<HashSet<ActorId>> {
    let rows: Vec<ActorId> = table::Entity::find()
        .select_only()
        .column(table::Column::Id)
        .filter(table::Column::Id.is_in(actors.iter().copied()))
        .filter(table::Column::Pack.is_not_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

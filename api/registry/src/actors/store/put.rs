//! Stores actors. All writes go through [`put_many`], which stores new actors in a few statements however many they are.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{
    ActiveValue, ActiveValue::Set, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*, sea_query::Expr,
};

use super::{
    KIND,
    events::{change_event, history_version},
    hanging, parent_not_found,
};
use crate::{
    access::Sight,
    actors::{
        Actor, ActorId, IdentifierScope, NewActor,
        matching::{MatchReason, MatchVisibility},
        rules, table,
    },
    geography::areas::{AreaId, store as areas},
    kernel::{
        Fault, Problem, Result, Write,
        events::ChangeOperation,
        history::{self},
        problem::Kind,
        say, search,
        secrecy::Secrecy,
        text,
    },
    likenesses::store as likenesses,
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
    relations::store::{self as relations, ParentChange},
};

/// The largest number of values in one query.
const QUERY_SIZE: usize = 10_000;
/// The number of actors that one statement inserts. `SQLite` takes at most 32,766 values in a statement.
const INSERT_SIZE: usize = 500;

/// An actor as it is to be stored.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The id of the actor, a new one (`w.new_id()`) when the actor is new. No two drafts of a call may have the same id.
    pub id: ActorId,
    /// The actor as it is now, read in the same transaction; `None` when it is new.
    pub before: Option<Actor>,
    /// The fields that the actor is to have.
    pub fields: NewActor,
}

/// An actor that passed all checks and is to be stored.
struct Admitted {
    /// The index of the draft.
    at: usize,
    before: Option<Actor>,
    actor: Actor,
    /// The code of the municipality of the seat; not set when the areas are as before.
    municipality: ActiveValue<Option<String>>,
    /// Those of its own numbers that another actor has too, when the caller cannot see that.
    claimed: Vec<Number>,
}

/// The scheme and the value of an identifier.
pub(crate) type Number = (String, String);

/// Registers an actor.
///
/// # Errors
/// When the fields are invalid (422, with all faults), or the caller can see that another actor has one of its numbers (409).
pub async fn insert(new: NewActor, sight: &Sight, w: &Write<'_>) -> Result<Actor> {
    put_one(Draft { id: w.new_id(), before: None, fields: new }, sight, w).await
}

/// Changes an actor.
///
/// # Errors
/// As [`insert`], and when somebody else has changed the actor first (412).
pub async fn update(actor: &Actor, new: NewActor, sight: &Sight, w: &Write<'_>) -> Result<Actor> {
    put_one(Draft { id: actor.id, before: Some(actor.clone()), fields: new }, sight, w).await
}

async fn put_one(draft: Draft, sight: &Sight, w: &Write<'_>) -> Result<Actor> {
    put_many(vec![draft], sight, w).await?.pop().unwrap_or_else(|| Err(Problem::not_found()))
}

/// Checks and stores many actors. Returns one outcome per draft, in their order: the stored actor, or the reason why it was
/// refused. A refused draft does not affect the others. A draft may name an earlier draft of the call as its parent. Of two drafts
/// with the same own number the later is refused. An unchanged actor is not written. The permission of the caller is not checked.
///
/// A number counts as free when the actor that has it, or its identifiers, are hidden from the caller. Then both actors have the
/// number, and a likeness tells those who can see both (`registry::likenesses`). The same holds for names.
///
/// # Errors
/// When the database does not answer.
pub async fn put_many(drafts: Vec<Draft>, sight: &Sight, w: &Write<'_>) -> Result<Vec<Result<Actor>>> {
    let mut known = Lookups::load(&drafts, sight, w).await?;
    let mut outcomes = Vec::with_capacity(drafts.len());
    let mut admitted = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        outcomes.push(match known.admit(at, draft, w) {
            Ok(Admitted { before: Some(before), actor, .. }) if before.fields == actor.fields => Ok(before),
            Ok(draft) => {
                let actor = draft.actor.clone();
                admitted.push(draft);
                Ok(actor)
            }
            Err(problem) => Err(problem),
        });
    }
    for (at, problem) in write_rows(&mut admitted, w).await? {
        outcomes[at] = Err(problem);
    }
    write_areas(&admitted, w).await?;
    write_identifiers(&admitted, w).await?;
    let new_words =
        |draft: &&Admitted| draft.before.as_ref().is_none_or(|before| search_text(&before.fields) != search_text(&draft.actor.fields));
    let words: Vec<_> = admitted.iter().filter(new_words).map(|draft| (draft.actor.id, search_text(&draft.actor.fields))).collect();
    search::put_many(KIND, &words, w).await?;
    let mut versions = Vec::with_capacity(admitted.len());
    let mut moved = Vec::new();
    for Admitted { before, actor, .. } in &admitted {
        if actor.fields.parent_id != before.as_ref().and_then(|before| before.fields.parent_id) {
            // The users of an actor also have rights over its administrations.
            w.access_changed();
            moved.push(ParentChange { actor, before: before.as_ref() });
        }
        // An actor that is older than the history gets its earlier version stored too.
        versions.extend(before.iter().map(|before| history_version(before, ChangeOperation::Upsert, true)));
        versions.push(history_version(actor, ChangeOperation::Upsert, false));
        w.record(change_event(actor, before.as_ref(), ChangeOperation::Upsert));
        if let Some(before) = before {
            hanging::announce_visibility(before, actor, w).await?;
        }
    }
    history::insert(&versions, w)?;
    relations::update_part_of(&moved, w).await?;
    let stored: Vec<_> = admitted.iter().map(|Admitted { before, actor, .. }| (actor, before.as_ref())).collect();
    likenesses::find_and_store(&stored, &known.taken, w).await?;
    Ok(outcomes)
}

/// Returns the text of an actor that `q` searches in.
pub(in crate::actors) fn search_text(actor: &NewActor) -> String {
    let mut texts = vec![actor.name.as_str(), actor.focus.as_deref().unwrap_or_default()];
    texts.extend(actor.other_names.iter().map(String::as_str));
    texts.extend(actor.former_names.iter().map(|former| former.name.as_str()));
    texts.extend(actor.identifiers.iter().map(|identifier| identifier.value.as_str()));
    texts.join(" ")
}

/// The data that drafts are checked against. It is loaded once for all drafts, and updated after each admitted draft.
struct Lookups<'a> {
    /// The paths of the areas of all drafts whose areas have changed.
    paths: HashMap<AreaId, String>,
    /// The codes of policy domains, unless no draft gives a new one.
    domains: Option<Vec<String>>,
    /// The actors that are not removed and are, or may become, ancestors of a draft, each with its parent.
    above: HashMap<ActorId, Option<ActorId>>,
    /// The actors that have these identifiers as their own.
    taken: TakenNumbers,
    /// Which of those actors the caller may learn of.
    match_visibility: MatchVisibility<'a>,
    sight: &'a Sight,
}

impl<'a> Lookups<'a> {
    async fn load(drafts: &[Draft], sight: &'a Sight, w: &'a Write<'_>) -> Result<Self> {
        let mut areas: Vec<AreaId> = Vec::new();
        let (mut numbers, mut any_domain) = (HashSet::new(), false);
        for Draft { before, fields, .. } in drafts {
            let before = before.as_ref().map(|before| &before.fields);
            if is_elsewhere(fields, before) {
                areas.extend(fields.areas_served.iter().chain(&fields.seat_area_id));
            }
            any_domain |= before.is_none_or(|before| before.policy_domains != fields.policy_domains) && !fields.policy_domains.is_empty();
            if before.is_none_or(|before| before.identifiers != fields.identifiers) {
                let identifiers = rules::checked_identifiers(&fields.identifiers).unwrap_or_default();
                let own = identifiers.into_iter().filter(|one| one.scope == IdentifierScope::Own);
                numbers.extend(own.map(|one| (one.scheme, one.value)));
            }
        }
        areas.sort_unstable();
        areas.dedup();
        let taken = find_taken(&numbers, w).await?;
        let match_visibility =
            MatchVisibility::load(taken.values().flatten().map(|(owner, _)| *owner), sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
        Ok(Self {
            paths: areas::paths(&areas, &w.tx).await?,
            domains: if any_domain { Some(codelists::all_codes(POLICY_DOMAIN, &w.tx).await?) } else { None },
            above: load_ancestors(drafts, w).await?,
            taken,
            match_visibility,
            sight,
        })
    }

    /// Normalises a draft and checks it with everything that it refers to.
    fn admit(&mut self, at: usize, draft: Draft, w: &Write<'_>) -> Result<Admitted> {
        let Draft { id, before, mut fields } = draft;
        fields.sector = Some(fields.sector.unwrap_or_else(|| rules::usual_sector(fields.kind)));
        if let Some(before) = &before {
            fields.former_names = rules::former_names(&before.fields, &fields, w.today());
        }
        let mut faults = rules::faults(&fields);
        faults.extend(rules::future_name_faults(&fields, before.as_ref().map(|before| &before.fields), w.today()));
        match rules::checked_identifiers(&fields.identifiers) {
            Ok(identifiers) => fields.identifiers = identifiers,
            Err(found) => faults.extend(found),
        }
        let was_part_of = before.as_ref().and_then(|before| before.fields.parent_id);
        if let Some(parent) = fields.parent_id.filter(|parent| was_part_of != Some(*parent)) {
            faults.extend(self.parent_fault(id, parent, w.call.asked.secrecy.as_ref().filter(|_| before.is_some())));
        }
        let elsewhere = is_elsewhere(&fields, before.as_ref().map(|before| &before.fields));
        if elsewhere {
            faults.extend(fields.seat_area_id.filter(|area| !self.paths.contains_key(area)).map(|_| areas::not_found_fault("/seatAreaId")));
            let served = fields.areas_served.iter().enumerate().filter(|(_, area)| !self.paths.contains_key(area));
            faults.extend(served.map(|(at, _)| areas::not_found_fault(format!("/areasServed/{at}"))));
        }
        fields.areas_served.sort_unstable();
        fields.areas_served.dedup();
        if let Some(known) = &self.domains {
            faults.extend(codelists::faults_of_unknown(known, POLICY_DOMAIN, &fields.policy_domains, "/policyDomains"));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let claimed = self.claimed_numbers(id, before.as_ref(), &fields)?;
        self.above.insert(id, fields.parent_id);
        for owners in self.taken.values_mut() {
            owners.retain(|(owner, _)| *owner != id);
        }
        for (_, number) in own_numbers(&fields) {
            let claim = claimed.contains(&number);
            self.taken.entry(number).or_default().push((id, claim));
        }
        self.match_visibility.update(id, &fields, self.sight);
        let seat = fields.seat_area_id.and_then(|seat| self.paths.get(&seat));
        let municipality =
            if elsewhere { Set(seat.and_then(|path| areas::municipality_of(path)).map(ToOwned::to_owned)) } else { ActiveValue::NotSet };
        let actor = Actor {
            id,
            version: before.as_ref().map_or(1, |before| before.version + 1),
            fields,
            created_at: before.as_ref().map_or(w.now, |before| before.created_at),
            updated_at: w.now,
            merged_into: before.as_ref().and_then(|before| before.merged_into),
            expanded: None,
        };
        Ok(Admitted { at, before, actor, municipality, claimed })
    }

    /// Returns the fault when the parent does not exist, or is the actor itself or one of its descendants. When an ancestor of the
    /// parent is hidden from the caller, the answer must not reveal whether it is the actor, so the change is refused for secrecy.
    /// A new actor has no descendants, so `secrecy` is `None` for it.
    fn parent_fault(&self, id: ActorId, parent: ActorId, secrecy: Option<&Secrecy>) -> Option<Fault> {
        let mut next = Some(parent);
        // The loop is bounded by the number of actors, in case the stored data has a circle.
        for _ in 0..=self.above.len() {
            let at = next?;
            if at == id {
                return Some(Fault::at_pointer(
                    "/parentId",
                    "circle",
                    say!(
                        "Aktören kan inte höra till sig själv eller till en aktör som är en del av den.",
                        "An actor cannot be part of itself or of an actor that is part of it."
                    ),
                ));
            }
            match self.above.get(&at) {
                None => return (at == parent).then(parent_not_found),
                Some(_) if secrecy.is_some_and(|secrecy| secrecy.hides(at.uuid(), "parentId")) => return Some(secret_parent_fault()),
                Some(above) => next = *above,
            }
        }
        None
    }

    /// Returns those of an actor's own numbers that another actor has too, when the caller may not learn of that actor. Numbers
    /// that the actor had before are not checked again.
    ///
    /// # Errors
    /// When another actor that the caller may learn of has one of the numbers (409, naming that actor).
    fn claimed_numbers(&self, id: ActorId, before: Option<&Actor>, fields: &NewActor) -> Result<Vec<Number>> {
        let mut refused: Option<Problem> = None;
        let mut claimed = Vec::new();
        let kept: Vec<Number> = before.iter().flat_map(|before| own_numbers(&before.fields)).map(|(_, number)| number).collect();
        for (at, number) in own_numbers(fields) {
            let owners = self.taken.get(&number).map(Vec::as_slice).unwrap_or_default();
            if kept.contains(&number) {
                claimed.extend(owners.contains(&(id, true)).then_some(number));
                continue;
            }
            let mut others = owners.iter().map(|(owner, _)| *owner).filter(|owner| *owner != id).peekable();
            if others.peek().is_none() {
                continue;
            }
            let Some(owner) = others.find(|owner| self.match_visibility.allows(MatchReason::SameIdentifier, *owner)) else {
                claimed.push(number);
                continue;
            };
            let problem = refused.get_or_insert_with(|| {
Problem::conflict(say!(
"Numret i identifiers/{at} är redan en annan aktörs eget. Är det samma aktör, använd den; är det en lokal del av den, ange scope parent.",
"The number in identifiers/{at} is another actor's own already. If it is the same actor, use that; if this is a local branch of it, give scope parent."
))
.with_record("/actors", owner)
});
            problem.faults.push(Fault::at_pointer(
                format!("/identifiers/{at}"),
                "taken",
                say!("Numret är upptaget.", "The number is taken."),
            ));
        }
        refused.map_or(Ok(claimed), Err)
    }
}

fn secret_parent_fault() -> Fault {
    Fault::at_pointer(
        "/parentId",
        "secrecy",
        say!(
            "Vad aktören i parentId hör till är sekretessmarkerat, så det går inte att pröva om den är en del av den här. Be den som får se det att göra ändringen.",
            "What the actor in parentId is part of is under secrecy, so it cannot be checked that it is not a part of this one. Ask who may see that to make the change."
        ),
    )
}

/// Returns the identifiers that are an actor's own, each with its index in `identifiers`.
pub(in crate::actors) fn own_numbers(fields: &NewActor) -> impl Iterator<Item = (usize, Number)> {
    let identifiers = fields.identifiers.iter().enumerate().filter(|(_, identifier)| identifier.scope == IdentifierScope::Own);
    identifiers.map(|(at, identifier)| (at, (identifier.scheme.clone(), identifier.value.clone())))
}

/// Returns the new parents of the drafts, each with its own parent; removed actors are left out. When an actor that exists gets
/// another parent, all ancestors are returned and locked, so that two changes at once cannot make a circle together. A new actor
/// cannot close a circle.
async fn load_ancestors(drafts: &[Draft], w: &Write<'_>) -> Result<HashMap<ActorId, Option<ActorId>>> {
    let (mut next, mut moves) = (HashSet::new(), false);
    for Draft { before, fields, .. } in drafts {
        let was = before.as_ref().and_then(|before| before.fields.parent_id);
        if let Some(parent) = fields.parent_id.filter(|parent| was != Some(*parent)) {
            next.insert(parent);
            moves |= before.is_some();
        }
    }
    let mut above = HashMap::new();
    while !next.is_empty() {
        let asked: Vec<ActorId> = next.drain().collect();
        for asked in asked.chunks(QUERY_SIZE) {
            let rows = table::Entity::find()
                .filter(table::Column::Id.is_in(asked.iter().copied()))
                .filter(table::Column::DeletedAt.is_null())
                .order_by_asc(table::Column::Id)
                .apply_if(moves.then_some(()), |select, ()| select.lock_exclusive())
                .all(&w.tx)
                .await?;
            above.extend(rows.into_iter().map(|row| (row.id, row.parent_id)));
        }
        if moves {
            next = above.values().flatten().copied().filter(|parent| !above.contains_key(parent)).collect();
            next.retain(|parent| !asked.contains(parent));
        }
    }
    Ok(above)
}

/// The actors that have a number as their own, each with the column `claimed` (another had the number before).
pub(crate) type TakenNumbers = HashMap<Number, Vec<(ActorId, bool)>>;

/// Returns the actors that have these numbers as their own, by number. Unclaimed ones come first, then the oldest.
pub(super) async fn find_taken(numbers: &HashSet<Number>, w: &Write<'_>) -> Result<TakenNumbers> {
    let mut taken = TakenNumbers::new();
    let schemes: BTreeSet<&str> = numbers.iter().map(|(scheme, _)| scheme.as_str()).collect();
    let values: Vec<&str> = numbers.iter().map(|(_, value)| value.as_str()).collect();
    for values in values.chunks(QUERY_SIZE) {
        let rows = table::identifier::Entity::find()
            .filter(table::identifier::Column::Scheme.is_in(schemes.iter().copied()))
            .filter(table::identifier::Column::Value.is_in(values.iter().copied()))
            .filter(table::identifier::Column::Scope.eq(IdentifierScope::Own))
            .filter(table::identifier::Column::Live.eq(true))
            .order_by_asc(table::identifier::Column::Claimed)
            .order_by_asc(table::identifier::Column::Id)
            .all(&w.tx)
            .await?;
        for row in rows {
            taken.entry((row.scheme, row.value)).or_default().push((row.actor_id, row.claimed));
        }
    }
    Ok(taken)
}

/// Whether an actor's seat or the areas that it serves are others than before.
fn is_elsewhere(fields: &NewActor, before: Option<&NewActor>) -> bool {
    before.is_none_or(|before| before.seat_area_id != fields.seat_area_id || before.areas_served != fields.areas_served)
}

/// Marks an actor's own numbers as claimed: another actor has them already, and the writer could not see that.
pub(in crate::actors) async fn mark_claimed(actor: ActorId, numbers: &[Number], w: &Write<'_>) -> Result<()> {
    for (scheme, value) in numbers {
        table::identifier::Entity::update_many()
            .set(table::identifier::ActiveModel { claimed: Set(true), ..Default::default() })
            .filter(table::identifier::Column::ActorId.eq(actor))
            .filter(table::identifier::Column::Scheme.eq(scheme.as_str()))
            .filter(table::identifier::Column::Value.eq(value.as_str()))
            .exec(&w.tx)
            .await?;
    }
    Ok(())
}

fn row(actor: &Actor, municipality: &ActiveValue<Option<String>>) -> table::ActiveModel {
    let fields = actor.fields.clone();
    table::ActiveModel {
        id: Set(actor.id),
        version: Set(actor.version),
        created_at: Set(actor.created_at),
        updated_at: Set(actor.updated_at),
        kind: Set(fields.kind),
        sector: Set(fields.sector.unwrap_or_else(|| rules::usual_sector(fields.kind))),
        name_fold: Set(text::fold(&fields.name)),
        name_sort: Set(text::sort_key(&fields.name)),
        name_key: Set(rules::name_key(&fields.name)),
        name: Set(fields.name),
        other_names: Set(fields.other_names.into()),
        former_names: Set(fields.former_names.into()),
        parent_id: Set(fields.parent_id),
        municipality_code: municipality.clone(),
        seat_area_id: Set(fields.seat_area_id),
        areas_served: Set(fields.areas_served.into()),
        identifiers: Set(fields.identifiers.into()),
        policy_domains: Set(fields.policy_domains.into()),
        target_groups: Set(fields.target_groups.into()),
        focus: Set(fields.focus),
        working_methods: Set(fields.working_methods.into()),
        languages: Set(fields.languages.into()),
        website: Set(fields.website),
        contact_points: Set(fields.contact_points.into()),
        founded: Set(fields.founded),
        dissolved: Set(fields.dissolved),
        status: Set(fields.status),
        visibility: Set(fields.visibility),
        pack: sea_orm::NotSet,
        pack_version: sea_orm::NotSet,
        deleted_at: sea_orm::NotSet,
        merged_into: sea_orm::NotSet,
    }
}

/// Writes the rows of the actors. Actors that somebody else has changed first are taken out of `admitted`, and returned as a
/// problem (412) with the index of the draft.
async fn write_rows(admitted: &mut Vec<Admitted>, w: &Write<'_>) -> Result<Vec<(usize, Problem)>> {
    let mut late: Vec<(usize, Problem)> = Vec::new();
    for Admitted { at, before, actor, municipality, .. } in admitted.iter() {
        let Some(before) = before else { continue };
        let row = row(actor, municipality);
        match w.replace::<table::Entity>(row, table::Column::Id.eq(actor.id), table::Column::Version, before.version).await {
            Ok(()) => {}
            Err(problem) if problem.kind == Kind::PreconditionFailed => late.push((*at, problem)),
            Err(problem) => return Err(problem),
        }
    }
    admitted.retain(|draft| late.iter().all(|(at, _)| *at != draft.at));
    let new: Vec<_> = admitted.iter().filter(|draft| draft.before.is_none()).map(|draft| row(&draft.actor, &draft.municipality)).collect();
    for rows in new.chunks(INSERT_SIZE) {
        w.tx.insert_later::<table::Entity>(rows.to_vec());
    }
    Ok(late)
}

async fn write_areas(admitted: &[Admitted], w: &Write<'_>) -> Result<()> {
    let other =
        |draft: &&Admitted| draft.before.as_ref().is_none_or(|before| before.fields.areas_served != draft.actor.fields.areas_served);
    let (mut old, mut rows) = (Vec::new(), Vec::new());
    for Admitted { before, actor, .. } in admitted.iter().filter(other) {
        old.extend(before.as_ref().map(|_| actor.id));
        let areas = actor.fields.areas_served.iter();
        rows.extend(areas.map(|area| table::served::ActiveModel { actor_id: Set(actor.id), area_id: Set(*area) }));
    }
    for old in old.chunks(QUERY_SIZE) {
        table::served::Entity::delete_many().filter(is_any_of(table::served::Column::ActorId, old)).exec(&w.tx).await?;
    }
    for rows in rows.chunks(QUERY_SIZE) {
        w.tx.insert_later::<table::served::Entity>(rows.to_vec());
    }
    Ok(())
}

async fn write_identifiers(admitted: &[Admitted], w: &Write<'_>) -> Result<()> {
    let other = |draft: &&Admitted| draft.before.as_ref().is_none_or(|before| before.fields.identifiers != draft.actor.fields.identifiers);
    let (mut old, mut rows) = (Vec::new(), Vec::new());
    for Admitted { before, actor, claimed, .. } in admitted.iter().filter(other) {
        old.extend(before.as_ref().map(|_| actor.id));
        rows.extend(actor.fields.identifiers.iter().map(|identifier| table::identifier::ActiveModel {
            id: Set(w.new_id()),
            actor_id: Set(actor.id),
            scheme: Set(identifier.scheme.clone()),
            value: Set(identifier.value.clone()),
            scope: Set(identifier.scope),
            live: Set(true),
            claimed: Set(claimed.iter().any(|(scheme, value)| *scheme == identifier.scheme && *value == identifier.value)),
        }));
    }
    // Delete all old numbers before inserting new ones, since a number may move from one actor to another.
    for old in old.chunks(QUERY_SIZE) {
        table::identifier::Entity::delete_many().filter(is_any_of(table::identifier::Column::ActorId, old)).exec(&w.tx).await?;
    }
    for rows in rows.chunks(QUERY_SIZE / 2) {
        w.tx.insert_later::<table::identifier::Entity>(rows.to_vec());
    }
    Ok(())
}

fn is_any_of(column: impl ColumnTrait, actors: &[ActorId]) -> Expr {
    column.is_in(actors.iter().copied())
}

//! Drafts of actors: what they are checked against, and the checks.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{
    ActiveValue::{self, Set},
    EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
};

use super::parent_not_found;
use crate::{
    access::Sight,
    actors::{
        Actor, ActorId, IdentifierScope, NewActor,
        matching::{MatchReason, MatchVisibility},
        rules, table,
    },
    geography::areas::{AreaId, store as areas},
    kernel::{Fault, Problem, Result, Write, say, secrecy::Secrecy},
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
};

/// The largest number of values in one query.
pub(super) const QUERY_SIZE: usize = 10_000;
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
pub(super) struct Admitted {
    /// The index of the draft.
    pub(super) at: usize,
    pub(super) before: Option<Actor>,
    pub(super) actor: Actor,
    /// The code of the municipality of the seat; not set when the areas are as before.
    pub(super) municipality: ActiveValue<Option<String>>,
    /// Those of its own numbers that another actor has too, when the caller cannot see that.
    pub(super) claimed: Vec<Number>,
}

/// The scheme and the value of an identifier.
pub(crate) type Number = (String, String);

/// The data that drafts are checked against. It is loaded once for all drafts, and updated after each admitted draft.
pub(super) struct Lookups<'a> {
    /// The paths of the areas of all drafts whose areas have changed.
    paths: HashMap<AreaId, String>,
    /// The codes of policy domains, unless no draft gives a new one.
    domains: Option<Vec<String>>,
    /// The actors that are not removed and are, or may become, ancestors of a draft, each with its parent.
    above: HashMap<ActorId, Option<ActorId>>,
    /// The actors that have these identifiers as their own.
    pub(super) taken: TakenNumbers,
    /// Which of those actors the caller may learn of.
    match_visibility: MatchVisibility<'a>,
    sight: &'a Sight,
}

impl<'a> Lookups<'a> {
    pub(super) async fn load(drafts: &[Draft], sight: &'a Sight, w: &'a Write<'_>) -> Result<Self> {
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
    pub(super) fn admit(&mut self, at: usize, draft: Draft, w: &Write<'_>) -> Result<Admitted> {
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

/// Returns the identifiers that are an actor's own, each with its index in `identifiers`.
pub(in crate::actors) fn own_numbers(fields: &NewActor) -> impl Iterator<Item = (usize, Number)> {
    let identifiers = fields.identifiers.iter().enumerate().filter(|(_, identifier)| identifier.scope == IdentifierScope::Own);
    identifiers.map(|(at, identifier)| (at, (identifier.scheme.clone(), identifier.value.clone())))
}

//! Synchronisation: applies the records of one source in one transaction. The number of queries is constant, plus a few for
//! each record with a new name, seat or number. Every record gets an outcome. No record is merged into an existing actor
//! unless a person has decided so.

mod join;
mod withhold;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use serde_json::Value;

use super::{
    Source,
    rules::{self, Plan, RESPONSIBILITY, Record, Unwritten, UnwrittenReason, hidden_members, members_of},
    store,
};
use crate::{
    access::{Reach, Sight},
    kernel::{
        Fault, Problem, Result, Write,
        contract::Contract,
        extract,
        hash::{canonical_object, sha256_hex},
        problem::Kind,
        say,
        secrecy::Secrecy,
    },
    links::{Link, Members, store as links},
    matches::{
        MatchDecision, MatchReason,
        rules::{self as likeness, Likeness},
        store::{self as matches, Held},
    },
    registry::actors::{
        Actor, ActorId, NewActor,
        matching::{self, Bodies, MatchVisibility, Namesake},
        rules as actor_rules,
        store::{self as actors, Draft},
    },
};

pub use super::outcome::{Incoming, Outcome, SyncResult};

/// The source and the caller of a synchronisation. The caller's right to synchronise the source has been checked before.
#[derive(Clone, Copy, Debug)]
pub struct Syncing<'a> {
    pub source: &'a Source,
    pub sight: &'a Sight,
    pub reach: &'a Reach,
    pub contract: &'a Contract,
}

/// A record that is not linked to an actor yet.
struct Fresh {
    at: usize,
    external_id: String,
    digest: String,
    /// The link of the record, when the record is held.
    link: Option<Link>,
    given: Record,
    new: NewActor,
    /// The key of its name.
    name_key: String,
    /// The public bodies that it may be mistaken for.
    bodies: Vec<ActorId>,
    /// The names of members that the source did not give.
    defaults: Vec<String>,
    /// Whether the external id is the organisation number.
    by_number: bool,
}

/// A record whose actor exists.
pub(super) struct Changing {
    at: usize,
    digest: String,
    pub link: Link,
    pub actor: Rc<Actor>,
    /// The members of the actor.
    pub current: Record,
    given: Record,
    pub plan: Plan,
    /// Whether the record was not linked before: its number has just shown which actor it is.
    joins: bool,
}

/// Applies records of one source, at most 500 at a time. The outcomes are in the order of the records.
///
/// # Errors
/// When the database does not answer. A faulty record is no error here; it gets its own outcome.
pub async fn apply(records: Vec<Incoming>, by: &Syncing<'_>, w: &Write<'_>) -> Result<Vec<Outcome>> {
    store::lock(by.source.id, w).await?;
    let ids: Vec<&str> = records.iter().map(|record| record.external_id.as_str()).collect();
    let mut known = links::by_external_ids(by.source.id, &ids, &w.tx).await?;
    let of_links: Vec<ActorId> = known.values().filter_map(|link| link.actor_id).collect();
    let linked: HashMap<ActorId, Rc<Actor>> =
        matching::by_ids(&of_links, &w.tx).await?.into_iter().map(|(id, actor)| (id, Rc::new(actor))).collect();
    let mut outcomes: Vec<Option<Outcome>> = records.iter().map(|_| None).collect();
    let (mut changing, mut fresh, mut met) = (Vec::new(), Vec::new(), HashSet::new());
    for (at, record) in records.into_iter().enumerate() {
        let external_id = record.external_id.clone();
        let read = match id_fault(&external_id, &mut met) {
            Some(fault) => Err(Problem::invalid(vec![fault])),
            None => match known.remove(&external_id) {
                Some(Link { actor_id: Some(id), .. }) if !linked.contains_key(&id) => Err(actor_removed(id)),
                // Two records may be linked to the same actor, so it is not taken out.
                Some(link) => match link.actor_id.and_then(|id| linked.get(&id)) {
                    Some(actor) => read_linked(at, record, link, actor, by, w).map(|one| changing.push(one)),
                    None => read_unlinked(at, record, Some(link), by).map(|one| fresh.push(one)),
                },
                None => read_unlinked(at, record, None, by).map(|one| fresh.push(one)),
            },
        };
        if let Err(problem) = read {
            outcomes[at] = Some(Outcome::refused(&external_id, problem));
        }
    }
    write_changes(changing, &mut outcomes, by, w).await?;
    create(fresh, &mut outcomes, by, w).await?;
    Ok(outcomes.into_iter().flatten().collect())
}

fn id_fault(external_id: &str, met: &mut HashSet<String>) -> Option<Fault> {
    rules::external_id_fault(external_id).or_else(|| {
        (!met.insert(external_id.to_owned())).then(|| {
            Fault::at_pointer(
                "/externalId",
                "repeated",
                say!(
                    "Posten med detta id står tidigare i samma inläsning; den första gäller.",
                    "A record with this id stands earlier in the same call; the first holds."
                ),
            )
        })
    })
}

fn actor_removed(actor: ActorId) -> Problem {
    let mut problem = Problem::conflict(say!(
        "Aktören som posten är kopplad till är borttagen här. Ta bort kopplingen med DELETE, om posten ska bli en ny aktör.",
        "The actor that the record is linked to has been removed here. Remove the link with DELETE if the record is to become a new actor."
    ));
    problem.faults.push(Fault::at_pointer(
        "/externalId",
        "actor-removed",
        say!("Aktören {actor} är borttagen.", "The actor {actor} has been removed."),
    ));
    problem
}

/// Lays the given members over an actor, checks the result against the contract, and returns it in the form in which it is
/// stored.
fn apply_given(over: Option<(&NewActor, &Record)>, given: &Record, contract: &Contract) -> Result<NewActor> {
    let under = over.map_or_else(Record::new, |(_, members)| members.clone());
    let whole = Value::Object(rules::overlay(under, given));
    contract.check("NewActor", &whole)?;
    let mut new: NewActor = extract::typed(whole)?;
    new.identifiers = actor_rules::checked_identifiers(&new.identifiers).map_err(Problem::invalid)?;
    rules::keep_scopes(&mut new.identifiers, over.map_or(&[], |(actor, _)| &actor.identifiers));
    new.areas_served.sort_unstable();
    new.areas_served.dedup();
    new.sector = Some(new.sector.unwrap_or_else(|| actor_rules::usual_sector(new.kind)));
    Ok(new)
}

fn digest(fields: &Record) -> String {
    sha256_hex(canonical_object(fields).as_bytes())
}

/// Returns the members that the source itself gave, without the defaults.
fn given_by_source(mut fields: Record, defaults: &[String]) -> Record {
    fields.retain(|member, _| !defaults.contains(member));
    fields
}

/// Reads a record that is unknown or held.
fn read_unlinked(at: usize, record: Incoming, link: Option<Link>, by: &Syncing<'_>) -> Result<Fresh> {
    let new = apply_given(None, &record.fields, by.contract)?;
    let given = rules::select_members(&record.fields, &members_of(&new)?);
    Ok(Fresh {
        at,
        external_id: record.external_id,
        digest: digest(&given_by_source(record.fields, &record.defaults)),
        link,
        given,
        name_key: actor_rules::name_key(&new.name),
        new,
        bodies: Vec::new(),
        defaults: record.defaults,
        by_number: record.by_number,
    })
}

/// Reads a record that is linked to an actor.
fn read_linked(at: usize, record: Incoming, link: Link, actor: &Rc<Actor>, by: &Syncing<'_>, w: &Write<'_>) -> Result<Changing> {
    let current = members_of(&actor.fields)?;
    // The digests of older links also cover the default members. Accept such a digest too.
    let with_defaults = if record.defaults.is_empty() { None } else { Some(digest(&record.fields)) };
    let said = given_by_source(record.fields, &record.defaults);
    let digest = with_defaults.filter(|digest| *digest == link.digest).unwrap_or_else(|| digest(&said));
    let given = if digest == link.digest {
        link.members.given.clone()
    } else {
        rules::select_members(&said, &members_of(&apply_given(Some((&actor.fields, &current)), &said, by.contract)?)?)
    };
    let plan = make_plan(by.source, &given, &link, actor.id, &current, w.call.asked.secrecy.as_ref());
    Ok(Changing { at, digest, link, actor: Rc::clone(actor), current, given, plan, joins: false })
}

/// Returns the members of a stored record that are not written to its actor, although everything that may be written has
/// been.
pub(crate) fn left_alone(source: &Source, given: &Record, link: &Link, actor: &Actor, secrecy: Option<&Secrecy>) -> Result<Vec<Unwritten>> {
    let current = members_of(&actor.fields)?;
    let mut plan = make_plan(source, given, link, actor.id, &current, secrecy);
    plan.withhold(&["name", "otherNames", "formerNames", "kind", "identifiers"], UnwrittenReason::LooksLikeAnother, &current);
    plan.withhold(&RESPONSIBILITY, UnwrittenReason::NotAllowed, &current);
    Ok(plan.left_alone)
}

/// Makes the plan for a record, from the members that the source gave, those that it last wrote, and those that the actor has.
fn make_plan(source: &Source, given: &Record, link: &Link, actor: ActorId, current: &Record, secrecy: Option<&Secrecy>) -> Plan {
    rules::plan(&source.fields.owned_fields, given, &link.members.base, current, &hidden_members(actor, secrecy))
}

/// Writes the changed actors and updates their links.
async fn write_changes(mut changing: Vec<Changing>, outcomes: &mut [Option<Outcome>], by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    let mut links_to_store = LinksToStore::default();
    while !changing.is_empty() {
        let (mut writing, mut drafts, mut later, mut touched) = (Vec::new(), Vec::new(), Vec::new(), HashSet::new());
        for mut one in changing {
            withhold::parent_and_seat(&mut one, by, w).await?;
            withhold::likenesses(&mut one, by, w).await?;
            if one.plan.write.is_empty() {
                let at = one.at;
                outcomes[at] = Some(plan_link(one, None, &mut links_to_store, by, w)?);
            } else if !touched.insert(one.actor.id) {
                // Another record is linked to the same actor. It is planned again after that one has been written.
                later.push(one);
            } else {
                match changed_fields(&one, by, w).await {
                    Ok(fields) => {
                        drafts.push(Draft { id: one.actor.id, before: Some(Actor::clone(&one.actor)), fields });
                        writing.push(one);
                    }
                    Err(problem) if problem.kind.status() < 500 => {
                        outcomes[one.at] = Some(Outcome::refused(&one.link.external_id, problem));
                    }
                    Err(problem) => return Err(problem),
                }
            }
        }
        let mut written = HashMap::new();
        for (one, actor) in writing.into_iter().zip(store_actors(drafts, by, w).await?) {
            let at = one.at;
            outcomes[at] = Some(match actor {
                Ok(actor) => {
                    let actor = Rc::new(actor);
                    written.insert(actor.id, Rc::clone(&actor));
                    plan_link(one, Some(actor), &mut links_to_store, by, w)?
                }
                Err(problem) => Outcome::refused(&one.link.external_id, problem),
            });
        }
        for one in &mut later {
            if let Some(actor) = written.get(&one.actor.id) {
                one.actor = Rc::clone(actor);
                one.current = members_of(&actor.fields)?;
                one.plan = make_plan(by.source, &one.given, &one.link, actor.id, &one.current, w.call.asked.secrecy.as_ref());
            }
        }
        changing = later;
    }
    links::insert(&links_of(&links_to_store.new, outcomes), by.source, w);
    links::update_all(&links_of(&links_to_store.changed, outcomes), by.source, w).await
}

/// Returns the links of the outcomes with these indexes.
fn links_of<'a>(indexes: &[usize], outcomes: &'a [Option<Outcome>]) -> Vec<&'a Link> {
    indexes.iter().filter_map(|at| outcomes[*at].as_ref()?.link.as_ref()).collect()
}

impl Changing {
    /// Returns the fields that the actor has after the plan.
    pub fn planned_fields(&self) -> Result<NewActor> {
        extract::typed(Value::Object(rules::overlay(self.current.clone(), &self.plan.write)))
    }
}

/// Returns the actor's fields after the change, and checks that the caller may set its parent.
async fn changed_fields(one: &Changing, by: &Syncing<'_>, w: &Write<'_>) -> Result<NewActor> {
    let fields: NewActor = one.planned_fields()?;
    actors::may_set_parent(by.sight, by.reach, Some(&one.actor), &fields, &w.tx).await?;
    Ok(fields)
}

/// Stores actors. When another transaction has changed one of them in the meantime, the whole transaction is retried.
async fn store_actors(drafts: Vec<Draft>, by: &Syncing<'_>, w: &Write<'_>) -> Result<Vec<Result<Actor>>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut stored = Vec::with_capacity(drafts.len());
    for one in actors::put_many(drafts, by.sight, w).await? {
        stored.push(match one {
            Ok(actor) => Ok(actor),
            Err(problem) if problem.retry || problem.kind == Kind::PreconditionFailed => return Err(Problem { retry: true, ..problem }),
            Err(problem) if problem.kind.status() >= 500 => return Err(problem),
            Err(problem) => Err(problem),
        });
    }
    Ok(stored)
}

/// The indexes of the records whose links are stored together.
#[derive(Default)]
struct LinksToStore {
    new: Vec<usize>,
    changed: Vec<usize>,
}

/// Notes in the link what the source gave, to be stored unless nothing has changed. Returns the outcome of the record.
fn plan_link(one: Changing, written: Option<Rc<Actor>>, store: &mut LinksToStore, by: &Syncing<'_>, w: &Write<'_>) -> Result<Outcome> {
    let changed = written.as_ref().is_some_and(|actor| actor.version != one.actor.version);
    let Changing { at, mut link, mut given, digest, joins, current: before, plan: Plan { write, mut wrote, left_alone }, .. } = one;
    let stored = written.as_ref().map(|actor| members_of(&actor.fields)).transpose()?.unwrap_or_default();
    let actor = written.unwrap_or(one.actor);
    for (member, value) in stored {
        let base = wrote.get(&member).or_else(|| link.members.base.get(&member));
        // Use the form in which the registry stored the value. Members that change as a consequence, such as a former name,
        // count as written by the source too.
        let follows = base == before.get(&member) && before.get(&member) != Some(&value);
        // Of a list that was united with the present one, the source has written only its own part.
        if write.get(&member).is_some_and(|written| base != Some(written)) {
            continue;
        }
        if write.contains_key(&member) {
            given.insert(member.clone(), value.clone());
        }
        if write.contains_key(&member) || follows {
            wrote.insert(member, value);
        }
    }
    wrote.retain(|member, value| link.members.base.get(member) != Some(value));
    let learnt = !wrote.is_empty() || link.members.given != given || link.digest != digest || link.absent_since.is_some();
    let result = if changed || (learnt && !joins) { SyncResult::Updated } else { SyncResult::Unchanged };
    link.members.base.extend(wrote);
    link.members.given = given;
    link = Link { digest, absent_since: None, ..link };
    if link.version == 0 {
        link.version = 1;
        store.new.push(at);
    } else if joins || learnt {
        link = links::next_version(link, w);
        store.changed.push(at);
    }
    // Differences between the record and the actor are shown only to callers who may see the actor.
    let seen = by.sight.sees(actor.fields.visibility, None, Some(actor.id.uuid()));
    let left_alone = if seen { left_alone } else { Vec::new() };
    Ok(Outcome { left_alone, ..Outcome::new(result, link, Some(Rc::unwrap_or_clone(actor))) })
}

/// Creates actors from new records, and holds the records that may be actors which already exist. An actor that the caller
/// may not know of never keeps a record from being created. Callers who can see both see later that they are alike.
async fn create(mut fresh: Vec<Fresh>, outcomes: &mut [Option<Outcome>], by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    let numbers: Vec<_> = fresh.iter().flat_map(|one| likeness::own_identifiers(&one.new.identifiers)).collect();
    let mut owners = matching::owners(&numbers, &w.tx).await?;
    let keys: BTreeSet<String> = fresh.iter().map(|one| one.name_key.clone()).collect();
    let mut named = matching::by_name_key(&keys.into_iter().collect::<Vec<_>>(), &w.tx).await?;
    let parents: Vec<ActorId> = fresh.iter().filter_map(|one| one.new.parent_id).collect();
    let family = links::linked_actors(by.source.id, &parents, &w.tx).await?;
    let bodies = Bodies::load(&w.tx).await?;
    for one in &mut fresh {
        one.bodies = bodies.resembled_by(None, &one.new, None);
    }
    let known = owners.values().flatten().copied().chain(named.values().flatten().map(|one| one.actor_id));
    let known = known.chain(fresh.iter().flat_map(|one| one.bodies.iter().copied()));
    let mut telling = MatchVisibility::load(known, by.sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
    let (mut held, mut same) = (Vec::new(), Vec::new());
    while !fresh.is_empty() {
        let (mut wave, mut later, mut numbers, mut keys) = (Vec::new(), Vec::new(), HashSet::new(), HashSet::new());
        for one in fresh {
            let tells_number = |actor| telling.allows(MatchReason::SameIdentifier, actor);
            let (new, key) = (&one.new, &one.name_key);
            let mut like = likeness::candidates(&new.identifiers, key, new.seat_area_id, &owners, &named, tells_number);
            likeness::add_bodies(&mut like, &one.bodies);
            let like: Vec<_> = like.into_iter().filter_map(|like| like.for_caller(&telling)).collect();
            let own = likeness::own_identifiers(&one.new.identifiers);
            if let Some(actor) = one.certain_match(&like) {
                same.push((one, actor, like));
            } else if !like.is_empty() {
                held.push((one, like));
            } else if own.iter().any(|number| numbers.contains(number)) || keys.contains(&(one.name_key.clone(), one.new.seat_area_id)) {
                // The record is alike one in this wave, so it waits until that one is stored.
                later.push(one);
            } else {
                match check_parent(&one.new, &family, by, w).await {
                    Ok(()) => {
                        numbers.extend(own);
                        keys.insert((one.name_key.clone(), one.new.seat_area_id));
                        wave.push(one);
                    }
                    Err(problem) if problem.kind.status() < 500 => outcomes[one.at] = Some(Outcome::refused(&one.external_id, problem)),
                    Err(problem) => return Err(problem),
                }
            }
        }
        let drafts = wave.iter().map(|one| Draft { id: w.new_id(), before: None, fields: one.new.clone() }).collect();
        let stored = store_actors(drafts, by, w).await?;
        let mut created = Vec::new();
        for (one, stored) in wave.into_iter().zip(stored) {
            match stored {
                Ok(actor) => {
                    for number in likeness::own_identifiers(&actor.fields.identifiers) {
                        owners.entry(number).or_default().push(actor.id);
                    }
                    telling.update(actor.id, &actor.fields, by.sight);
                    let numbers = matching::organisation_numbers(&actor.fields.identifiers);
                    let namesake = Namesake { actor_id: actor.id, seat: actor.fields.seat_area_id, numbers };
                    named.entry(one.name_key.clone()).or_default().push(namesake);
                    created.push((one, actor));
                }
                Err(problem) => outcomes[one.at] = Some(Outcome::refused(&one.external_id, problem)),
            }
        }
        link_created(created, outcomes, by, w).await?;
        fresh = later;
    }
    held.extend(join::join(same, outcomes, by, w).await?);
    hold_records(held, outcomes, by, w).await
}

/// Checks that a new actor may have the parent that it names: the source's own actor, an actor that the source has records
/// of, or any actor that the caller could choose as a parent anyway.
async fn check_parent(new: &NewActor, family: &HashSet<ActorId>, by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    let own = |parent: ActorId| by.source.fields.actor_id == Some(parent) || family.contains(&parent);
    if new.parent_id.is_some_and(own) { Ok(()) } else { actors::may_set_parent(by.sight, by.reach, None, new, &w.tx).await }
}

/// Links records to the actors that were created from them.
async fn link_created(created: Vec<(Fresh, Actor)>, outcomes: &mut [Option<Outcome>], by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    let mut new = Vec::new();
    for (one, actor) in created {
        let stored = members_of(&actor.fields)?;
        let given = rules::select_members(&one.given, &stored);
        let link = match one.link {
            None => {
                let link = Link {
                    id: w.new_id(),
                    version: 1,
                    created_at: w.now,
                    updated_at: w.now,
                    source_id: by.source.id,
                    external_id: one.external_id,
                    actor_id: Some(actor.id),
                    match_id: None,
                    members: Members { given, base: stored },
                    digest: one.digest,
                    absent_since: None,
                };
                new.push(one.at);
                link
            }
            Some(link) => {
                // No candidate is left, so nobody needs to decide any more.
                if let Some(id) = link.match_id {
                    matches::close_automatically(id, MatchDecision::Different, &actor, by.source, w).await?;
                }
                let (members, digest) = (Members { given, base: stored }, one.digest);
                let free = Link { actor_id: Some(actor.id), match_id: None, members, digest, absent_since: None, ..link };
                links::update(free, by.source, w).await?
            }
        };
        outcomes[one.at] = Some(Outcome::new(SyncResult::Created, link, Some(actor)));
    }
    links::insert(&links_of(&new, outcomes), by.source, w);
    Ok(())
}

/// Holds records for a person's decision. The outcome of each names the candidates that the caller may know of.
async fn hold_records(held: Vec<(Fresh, Vec<Likeness>)>, outcomes: &mut [Option<Outcome>], by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    if held.is_empty() {
        return Ok(());
    }
    let places: Vec<usize> = held.iter().map(|(one, _)| one.at).collect();
    let seen: Vec<_> = held.iter().map(|(_, like)| like.clone()).collect();
    let held = held.into_iter().map(|(one, candidates)| Held {
        external_id: one.external_id,
        digest: one.digest,
        given: one.given,
        link: one.link,
        candidates,
    });
    let links = matches::hold(held.collect(), by.source, w).await?;
    for ((at, candidates), link) in places.into_iter().zip(seen).zip(links) {
        outcomes[at] = Some(Outcome { candidates, ..Outcome::new(SyncResult::Held, link, None) });
    }
    Ok(())
}

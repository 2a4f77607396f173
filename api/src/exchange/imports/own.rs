//! Rows of files of our own: those with an id change that actor, the others become new ones.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Entry};

use serde_json::{Value, json};

use super::{
    helpers,
    record::Record,
    work::{Done, Importer},
};
use crate::{
    access::{Reach, Sight},
    exchange::{
        matches::{MatchReason, rules as likeness},
        sources::{
            rules as members,
            rules::{self as records, UnwrittenReason},
        },
    },
    geography::areas::AreaId,
    intake::types::ImportOutcome,
    kernel::{Fault, Problem, Result, Write, contract::Contract, extract, problem::Kind, say},
    registry::actors::{
        Actor, ActorId, NewActor, matching, rules,
        store::{self as actors, Draft},
    },
};

/// A row that may be written.
struct Allowed {
    before: Option<Actor>,
    fields: NewActor,
    outcome: Done,
}

/// On whose behalf rows are written.
#[derive(Clone, Copy)]
struct By<'a> {
    sight: &'a Sight,
    reach: &'a Reach,
    contract: &'a Contract,
}

/// Writes what rows say. The outcomes are in the order of the rows.
///
/// # Errors
/// When the database does not answer. What is wrong with a row is its own outcome.
pub(super) async fn apply(rows: Vec<Record>, importer: &Importer<'_>, reach: &Reach, w: &Write<'_>) -> Result<Vec<Done>> {
    let contract = importer.contract;
    let by = By { sight: &importer.acting.caller.sight, reach, contract };
    let ids: Vec<ActorId> = rows.iter().filter_map(|row| row.id).map(Into::into).collect();
    let mut present = matching::by_ids(&ids, &w.tx).await?;
    let unseen: HashSet<ActorId> = actors::missing(by.sight, &ids, &w.tx).await?.into_iter().collect();
    present.retain(|id, _| !unseen.contains(id));
    let fresh: Vec<_> = rows.iter().map(|row| row.id.is_none().then(|| new(row, contract))).collect();
    let known = Present::of(fresh.iter().flatten().flatten(), by, w).await?;
    let mut done: Vec<Option<Done>> = rows.iter().map(|_| None).collect();
    let mut drafts: Vec<(usize, Draft, Done)> = Vec::new();
    let (mut called, mut alike) = (HashMap::new(), Vec::new());
    for (at, (row, fresh)) in rows.into_iter().zip(fresh).enumerate() {
        let drafted = match (row.id.map(ActorId::from), fresh) {
            (_, Some(Err(problem))) => Err(problem),
            (_, Some(Ok(fields))) => {
                if let Some(met) = known.met(&row, &fields, by, w).await? {
                    done[at] = Some(met);
                    continue;
                }
                if let Some(key) = called_so(&fields) {
                    match called.entry(key) {
                        Entry::Occupied(first) => {
                            // It meets what becomes of the row before it, as it would were that in a file of its own.
                            alike.push((at, *first.get(), row));
                            continue;
                        }
                        Entry::Vacant(free) => drop(free.insert(at)),
                    }
                }
                Ok(Allowed { before: None, fields, outcome: Done::of(ImportOutcome::Created) })
            }
            (id, None) => match id.and_then(|id| present.remove(&id)) {
                None => Err(missing()),
                Some(actor) => changed(&row, &actor, contract, w).map(|(fields, left_alone)| Allowed {
                    before: Some(actor),
                    fields,
                    outcome: Done { left_alone, ..Done::of(ImportOutcome::Updated) },
                }),
            },
        };
        let allowed = match drafted {
            Ok(Allowed { before, fields, outcome }) => match may(before.as_ref(), &fields, by, w).await {
                Ok(()) => Ok((before, fields, outcome)),
                Err(problem) => Err(problem),
            },
            Err(problem) => Err(problem),
        };
        match allowed {
            Ok((before, fields, outcome)) => {
                let id = before.as_ref().map_or_else(|| w.new_id(), |before| before.id);
                let schemes = fields.identifiers.iter().map(|identifier| identifier.scheme.clone()).collect();
                drafts.push((at, Draft { id, before, fields }, Done { schemes, ..outcome }));
            }
            Err(problem) if problem.kind.status() < 500 => done[at] = Some(Done::refused(problem)),
            Err(problem) => return Err(problem),
        }
    }
    let before: Vec<_> = drafts.iter().map(|(_, draft, _)| draft.before.as_ref().map(|before| before.version)).collect();
    let (places, drafts): (Vec<_>, Vec<_>) = drafts.into_iter().map(|(at, draft, outcome)| ((at, outcome), draft)).unzip();
    let written = if drafts.is_empty() { Vec::new() } else { actors::put_many(drafts, by.sight, w).await? };
    for (((at, outcome), before), written) in places.into_iter().zip(before).zip(written) {
        done[at] = Some(match written {
            Ok(actor) => {
                let outcome_of = if before == Some(actor.version) { ImportOutcome::Unchanged } else { outcome.outcome };
                Done { outcome: outcome_of, actor: Some(actor.id), ..outcome }
            }
            Err(problem) if problem.kind == Kind::PreconditionFailed => Done::refused(stale()),
            Err(problem) => Done { schemes: outcome.schemes, ..Done::refused(problem) },
        });
    }
    for (at, first, row) in alike {
        let created = done[first].as_ref().filter(|done| done.outcome == ImportOutcome::Created).and_then(|done| done.actor);
        done[at] = match created {
            Some(actor) => Some(Done::like(actor)),
            None => Box::pin(apply(vec![row], importer, reach, w)).await?.pop(),
        };
    }
    Ok(done.into_iter().flatten().collect())
}

/// The name and seat by which a row without a number is taken for another.
fn called_so(fields: &NewActor) -> Option<(String, Option<AreaId>)> {
    let key = rules::name_key(&fields.name);
    (!key.is_empty() && likeness::own_identifiers(&fields.identifiers).is_empty()).then_some((key, fields.seat_area_id))
}

/// The actors that rows without an id may be, as far as the caller sees what they are known by.
struct Present {
    owners: matching::Owners,
    named: matching::Named,
    actors: HashMap<ActorId, Actor>,
}

impl Present {
    /// Looks up what the rows need, with a number of questions that does not grow with them.
    async fn of(fresh: impl Iterator<Item = &NewActor>, by: By<'_>, w: &Write<'_>) -> Result<Self> {
        let (mut numbers, mut keys) = (Vec::new(), BTreeSet::new());
        for fields in fresh {
            match number_of(fields) {
                Some(number) => numbers.push(number),
                None => drop(keys.insert(rules::name_key(&fields.name))),
            }
        }
        let owners = matching::owners(&numbers, &w.tx).await?;
        let named = matching::named(&keys.into_iter().collect::<Vec<_>>(), &w.tx).await?;
        let mut ids: Vec<ActorId> = owners.values().flatten().copied().chain(named.values().flatten().map(|one| one.actor_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut actors = matching::by_ids(&ids, &w.tx).await?;
        for unseen in actors::missing(by.sight, &ids, &w.tx).await? {
            actors.remove(&unseen);
        }
        Ok(Self { owners, named, actors })
    }

    /// What becomes of a row that is an actor which is there already; nothing for one that is new or refused in any case.
    async fn met(&self, row: &Record, fields: &NewActor, by: By<'_>, w: &Write<'_>) -> Result<Option<Done>> {
        let secrecy = w.call.secrecy.as_ref();
        if let Some(number) = number_of(fields) {
            let mut owners = self.owners.get(&number).into_iter().flatten().filter_map(|owner| self.actors.get(owner));
            let told = |owner: &&Actor| likeness::may_show(MatchReason::SameIdentifier, &members::hidden_members(owner.id, secrecy));
            let Some(owner) = owners.find(told) else { return Ok(None) };
            match actors::may_write(by.reach, &owner.fields, Some(owner.id), &w.tx).await {
                Ok(()) => {}
                Err(problem) if problem.kind.status() < 500 => return Ok(None),
                Err(problem) => return Err(problem),
            }
            // What the call says of a new actor says nothing of one that is there.
            let mut row = row.clone();
            row.fields.retain(|member, _| !row.defaults.contains(member));
            let Ok((fields, left_alone)) = changed(&row, owner, by.contract, w) else { return Ok(None) };
            let same = as_stored(fields) == owner.fields;
            return Ok(same.then(|| Done { actor: Some(owner.id), left_alone, ..Done::of(ImportOutcome::Unchanged) }));
        }
        if !likeness::own_identifiers(&fields.identifiers).is_empty() {
            return Ok(None);
        }
        let key = rules::name_key(&fields.name);
        let namesakes = self.named.get(&key).filter(|_| !key.is_empty()).into_iter().flatten();
        let like = namesakes
            .filter(|one| one.seat == fields.seat_area_id)
            .map(|one| one.actor_id)
            .find(|id| self.actors.contains_key(id) && likeness::may_show(MatchReason::SameName, &members::hidden_members(*id, secrecy)));
        Ok(like.map(Done::like))
    }
}

/// The organisation number that is an actor's own, as it is stored.
fn number_of(fields: &NewActor) -> Option<(String, String)> {
    let identifiers = rules::identifiers(&fields.identifiers).ok()?;
    likeness::own_identifiers(&identifiers).into_iter().find(|(scheme, _)| scheme == rules::ORGANISATION_NUMBER)
}

/// An actor in the form in which it is stored.
fn as_stored(mut fields: NewActor) -> NewActor {
    if let Ok(identifiers) = rules::identifiers(&fields.identifiers) {
        fields.identifiers = identifiers;
    }
    fields.areas_served.sort_unstable();
    fields.areas_served.dedup();
    fields.sector = Some(fields.sector.unwrap_or_else(|| rules::usual_sector(fields.kind)));
    fields
}

/// A new actor.
fn new(row: &Record, contract: &Contract) -> Result<NewActor> {
    typed(whole(row), contract)
}

/// All that a row of a new actor says.
pub(super) fn whole(row: &Record) -> records::Record {
    let mut fields = records::over(&records::Record::new(), &row.fields);
    helpers::lay(&mut fields, &row.helpers, &records::Record::new());
    number(&mut fields, &row.numbers, &[]);
    fields
}

fn typed(fields: records::Record, contract: &Contract) -> Result<NewActor> {
    let whole = Value::Object(fields);
    contract.check("NewActor", &whole)?;
    extract::typed(whole)
}

/// Adds identifiers that stand in columns of their own, each in place of the one of its scheme.
fn number(fields: &mut records::Record, numbers: &[Value], kept: &[Value]) {
    if numbers.is_empty() {
        return;
    }
    let listed = fields.get("identifiers").and_then(Value::as_array).cloned();
    let mut all = listed.unwrap_or_else(|| kept.to_vec());
    for number in numbers {
        match all.iter_mut().find(|known| known["scheme"] == number["scheme"]) {
            Some(known) => known["value"] = number["value"].clone(),
            None => all.push(number.clone()),
        }
    }
    fields.insert("identifiers".to_owned(), json!(all));
}

/// An actor as a row says that it is to become, and what the row may not change.
fn changed(row: &Record, actor: &Actor, contract: &Contract, w: &Write<'_>) -> Result<(NewActor, Vec<(String, UnwrittenReason)>)> {
    let under = members::members_of(&actor.fields)?;
    let hidden = members::hidden_members(actor.id, w.call.secrecy.as_ref());
    let mut given = row.fields.clone();
    helpers::lay(&mut given, &row.helpers, &under);
    let kept = under.get("identifiers").and_then(Value::as_array).cloned().unwrap_or_default();
    number(&mut given, &row.numbers, &kept);
    let mut left: Vec<_> = row.redacted.iter().map(|member| (member.clone(), UnwrittenReason::UnderSecrecy)).collect();
    given.retain(|member, _| {
        let hides = hidden.contains(member);
        if hides {
            left.push((member.clone(), UnwrittenReason::UnderSecrecy));
        }
        !hides
    });
    let fields = typed(records::over(&under, &given), contract)?;
    // What says the same as stands there is in step, whatever version it was made of.
    let same = members::members_of(&fields)? == under;
    if !same && row.version.is_some_and(|version| version != actor.version) {
        return Err(stale());
    }
    Ok((fields, left))
}

async fn may(before: Option<&Actor>, fields: &NewActor, By { sight, reach, .. }: By<'_>, w: &Write<'_>) -> Result<()> {
    if let Some(before) = before {
        actors::may_write(reach, &before.fields, Some(before.id), &w.tx).await?;
    }
    actors::may_write(reach, fields, before.map(|before| before.id), &w.tx).await?;
    actors::may_join(sight, reach, before, fields, &w.tx).await
}

fn missing() -> Problem {
    Problem::invalid(vec![Fault::at(
        "/id",
        "not-found",
        say!(
            "Det finns ingen aktör med detta id, eller ingen som du får se. Ta bort värdet i id om raden ska bli en ny aktör.",
            "There is no actor with this id, or none that you may see. Remove the value of id if the row is to become a new actor."
        ),
    )])
}

fn stale() -> Problem {
    Problem::invalid(vec![Fault::at(
        "/version",
        "stale",
        say!(
            "Aktören har ändrats sedan filen gjordes. Exportera den på nytt, gör om ändringen och läs in igen.",
            "The actor has been changed since the file was made. Export it anew, redo the change and import again."
        ),
    )])
}

//! Writes the rows of files without a source: rows with an id change that actor, the others become new actors.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Entry};

use serde_json::{Value, json};

use super::{helpers, importer::Importer, outcome::RowOutcome, record::Record};
use crate::{
    access::{Reach, Sight},
    geography::areas::AreaId,
    intake::types::ImportOutcome,
    kernel::{Fault, Problem, Result, Write, contract::Contract, extract, problem::Kind, say},
    matches::{MatchReason, rules as likeness},
    registry::actors::{
        Actor, ActorId, NewActor, matching, rules,
        store::{self as actors, Draft},
    },
    sources::{
        rules as members,
        rules::{self as records, UnwrittenReason},
    },
};

/// A row whose values are valid, before permissions are checked.
struct ValidRow {
    before: Option<Actor>,
    fields: NewActor,
    outcome: RowOutcome,
}

/// The caller on whose behalf rows are written.
#[derive(Clone, Copy)]
struct Context<'a> {
    sight: &'a Sight,
    reach: &'a Reach,
    contract: &'a Contract,
}

/// Writes rows. The outcomes are in the order of the rows.
///
/// # Errors
/// When the database does not answer. A faulty row is no error here; it gets its own outcome.
pub(super) async fn apply(rows: Vec<Record>, importer: &Importer<'_>, reach: &Reach, w: &Write<'_>) -> Result<Vec<RowOutcome>> {
    let contract = importer.contract;
    let by = Context { sight: &importer.acting.caller.sight, reach, contract };
    let ids: Vec<ActorId> = rows.iter().filter_map(|row| row.id).map(Into::into).collect();
    let mut present = matching::by_ids(&ids, &w.tx).await?;
    let unseen: HashSet<ActorId> = actors::missing(by.sight, &ids, &w.tx).await?.into_iter().collect();
    present.retain(|id, _| !unseen.contains(id));
    let fresh: Vec<_> = rows.iter().map(|row| row.id.is_none().then(|| new_actor(row, contract))).collect();
    let known = ExistingActors::load(fresh.iter().flatten().flatten(), by, w).await?;
    let mut done: Vec<Option<RowOutcome>> = rows.iter().map(|_| None).collect();
    let mut drafts: Vec<(usize, Draft, RowOutcome)> = Vec::new();
    let (mut called, mut alike) = (HashMap::new(), Vec::new());
    for (at, (row, fresh)) in rows.into_iter().zip(fresh).enumerate() {
        let drafted = match (row.id.map(ActorId::from), fresh) {
            (_, Some(Err(problem))) => Err(problem),
            (_, Some(Ok(fields))) => {
                if let Some(outcome) = known.match_row(&row, &fields, by, w).await? {
                    done[at] = Some(outcome);
                    continue;
                }
                if let Some(key) = name_and_seat(&fields) {
                    match called.entry(key) {
                        Entry::Occupied(first) => {
                            // It is compared with the actor of the earlier row, as if that row had been in a file of its
                            // own.
                            alike.push((at, *first.get(), row));
                            continue;
                        }
                        Entry::Vacant(free) => drop(free.insert(at)),
                    }
                }
                Ok(ValidRow { before: None, fields, outcome: RowOutcome::new(ImportOutcome::Created) })
            }
            (id, None) => match id.and_then(|id| present.remove(&id)) {
                None => Err(unknown_id()),
                Some(actor) => changed_actor(&row, &actor, contract, w).map(|(fields, left_alone)| ValidRow {
                    before: Some(actor),
                    fields,
                    outcome: RowOutcome { left_alone, ..RowOutcome::new(ImportOutcome::Updated) },
                }),
            },
        };
        let allowed = match drafted {
            Ok(ValidRow { before, fields, outcome }) => match check_permission(before.as_ref(), &fields, by, w).await {
                Ok(()) => Ok((before, fields, outcome)),
                Err(problem) => Err(problem),
            },
            Err(problem) => Err(problem),
        };
        match allowed {
            Ok((before, fields, outcome)) => {
                let id = before.as_ref().map_or_else(|| w.new_id(), |before| before.id);
                let schemes = fields.identifiers.iter().map(|identifier| identifier.scheme.clone()).collect();
                drafts.push((at, Draft { id, before, fields }, RowOutcome { schemes, ..outcome }));
            }
            Err(problem) if problem.kind.status() < 500 => done[at] = Some(RowOutcome::refused(problem)),
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
                RowOutcome { outcome: outcome_of, actor: Some(actor.id), ..outcome }
            }
            Err(problem) if problem.kind == Kind::PreconditionFailed => RowOutcome::refused(stale()),
            Err(problem) => RowOutcome { schemes: outcome.schemes, ..RowOutcome::refused(problem) },
        });
    }
    for (at, first, row) in alike {
        let created = done[first].as_ref().filter(|done| done.outcome == ImportOutcome::Created).and_then(|done| done.actor);
        done[at] = match created {
            Some(actor) => Some(RowOutcome::duplicate_of(actor)),
            None => Box::pin(apply(vec![row], importer, reach, w)).await?.pop(),
        };
    }
    Ok(done.into_iter().flatten().collect())
}

/// Returns the key by which rows without an organisation number are compared: the name key and the seat.
fn name_and_seat(fields: &NewActor) -> Option<(String, Option<AreaId>)> {
    let key = rules::name_key(&fields.name);
    (!key.is_empty() && likeness::own_identifiers(&fields.identifiers).is_empty()).then_some((key, fields.seat_area_id))
}

/// The actors that rows without an id may be, as far as the caller may see them.
struct ExistingActors {
    owners: matching::Owners,
    named: matching::ByNameKey,
    actors: HashMap<ActorId, Actor>,
}

impl ExistingActors {
    /// Looks up the actors for the rows. The number of queries does not depend on the number of rows.
    async fn load(fresh: impl Iterator<Item = &NewActor>, by: Context<'_>, w: &Write<'_>) -> Result<Self> {
        let (mut numbers, mut keys) = (Vec::new(), BTreeSet::new());
        for fields in fresh {
            match number_of(fields) {
                Some(number) => numbers.push(number),
                None => drop(keys.insert(rules::name_key(&fields.name))),
            }
        }
        let owners = matching::owners(&numbers, &w.tx).await?;
        let named = matching::by_name_key(&keys.into_iter().collect::<Vec<_>>(), &w.tx).await?;
        let mut ids: Vec<ActorId> = owners.values().flatten().copied().chain(named.values().flatten().map(|one| one.actor_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut actors = matching::by_ids(&ids, &w.tx).await?;
        for unseen in actors::missing(by.sight, &ids, &w.tx).await? {
            actors.remove(&unseen);
        }
        Ok(Self { owners, named, actors })
    }

    /// Returns the outcome of a row that is an existing actor, or `None` for a row that is new or will be refused anyway.
    async fn match_row(&self, row: &Record, fields: &NewActor, by: Context<'_>, w: &Write<'_>) -> Result<Option<RowOutcome>> {
        let secrecy = w.call.asked.secrecy.as_ref();
        if let Some(number) = number_of(fields) {
            let mut owners = self.owners.get(&number).into_iter().flatten().filter_map(|owner| self.actors.get(owner));
            let told = |owner: &&Actor| likeness::may_show(MatchReason::SameIdentifier, &members::hidden_members(owner.id, secrecy));
            let Some(owner) = owners.find(told) else { return Ok(None) };
            match actors::may_write(by.reach, &owner.fields, Some(owner.id), &w.tx).await {
                Ok(()) => {}
                Err(problem) if problem.kind.status() < 500 => return Ok(None),
                Err(problem) => return Err(problem),
            }
            // The request's default values are meant for new actors only.
            let mut row = row.clone();
            row.fields.retain(|member, _| !row.defaults.contains(member));
            let Ok((fields, left_alone)) = changed_actor(&row, owner, by.contract, w) else { return Ok(None) };
            let same = as_stored(fields) == owner.fields;
            return Ok(same.then(|| RowOutcome { actor: Some(owner.id), left_alone, ..RowOutcome::new(ImportOutcome::Unchanged) }));
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
        Ok(like.map(RowOutcome::duplicate_of))
    }
}

/// Returns the organisation number that is an actor's own, as scheme and value, in the form in which it is stored.
fn number_of(fields: &NewActor) -> Option<(String, String)> {
    let identifiers = rules::checked_identifiers(&fields.identifiers).ok()?;
    likeness::own_identifiers(&identifiers).into_iter().find(|(scheme, _)| scheme == rules::ORGANISATION_NUMBER)
}

/// Returns an actor in the form in which it is stored.
fn as_stored(mut fields: NewActor) -> NewActor {
    if let Ok(identifiers) = rules::checked_identifiers(&fields.identifiers) {
        fields.identifiers = identifiers;
    }
    fields.areas_served.sort_unstable();
    fields.areas_served.dedup();
    fields.sector = Some(fields.sector.unwrap_or_else(|| rules::usual_sector(fields.kind)));
    fields
}

/// Returns the actor of a row without an id.
fn new_actor(row: &Record, contract: &Contract) -> Result<NewActor> {
    checked_actor(whole_record(row), contract)
}

/// Returns all members that a row of a new actor gives.
pub(super) fn whole_record(row: &Record) -> records::Record {
    let mut fields = records::overlay(records::Record::new(), &row.fields);
    helpers::overlay_helpers(&mut fields, &row.helpers, &records::Record::new());
    add_numbers(&mut fields, &row.numbers, &[]);
    fields
}

fn checked_actor(fields: records::Record, contract: &Contract) -> Result<NewActor> {
    let whole = Value::Object(fields);
    contract.check("NewActor", &whole)?;
    extract::typed(whole)
}

/// Adds identifiers from columns of their own. Each replaces the one of its scheme.
fn add_numbers(fields: &mut records::Record, numbers: &[Value], kept: &[Value]) {
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

/// Returns an actor after the changes of a row, and the members that the row may not change.
fn changed_actor(row: &Record, actor: &Actor, contract: &Contract, w: &Write<'_>) -> Result<(NewActor, Vec<(String, UnwrittenReason)>)> {
    let under = members::members_of(&actor.fields)?;
    let hidden = members::hidden_members(actor.id, w.call.asked.secrecy.as_ref());
    let mut given = row.fields.clone();
    helpers::overlay_helpers(&mut given, &row.helpers, &under);
    let kept = under.get("identifiers").and_then(Value::as_array).cloned().unwrap_or_default();
    add_numbers(&mut given, &row.numbers, &kept);
    let mut left: Vec<_> = row.redacted.iter().map(|member| (member.clone(), UnwrittenReason::UnderSecrecy)).collect();
    given.retain(|member, _| {
        let hides = hidden.contains(member);
        if hides {
            left.push((member.clone(), UnwrittenReason::UnderSecrecy));
        }
        !hides
    });
    let fields = checked_actor(records::overlay(under.clone(), &given), contract)?;
    // A row that changes nothing is accepted whatever version it was made from.
    let same = members::members_of(&fields)? == under;
    if !same && row.version.is_some_and(|version| version != actor.version) {
        return Err(stale());
    }
    Ok((fields, left))
}

async fn check_permission(
    before: Option<&Actor>,
    fields: &NewActor,
    Context { sight, reach, .. }: Context<'_>,
    w: &Write<'_>,
) -> Result<()> {
    if let Some(before) = before {
        actors::may_write(reach, &before.fields, Some(before.id), &w.tx).await?;
    }
    actors::may_write(reach, fields, before.map(|before| before.id), &w.tx).await?;
    actors::may_set_parent(sight, reach, before, fields, &w.tx).await
}

fn unknown_id() -> Problem {
    Problem::invalid(vec![Fault::at_pointer(
        "/id",
        "not-found",
        say!(
            "Det finns ingen aktör med detta id, eller ingen som du får se. Ta bort värdet i id om raden ska bli en ny aktör.",
            "There is no actor with this id, or none that you may see. Remove the value of id if the row is to become a new actor."
        ),
    )])
}

fn stale() -> Problem {
    Problem::invalid(vec![Fault::at_pointer(
        "/version",
        "stale",
        say!(
            "Aktören har ändrats sedan filen gjordes. Exportera den på nytt, gör om ändringen och läs in igen.",
            "The actor has been changed since the file was made. Export it anew, redo the change and import again."
        ),
    )])
}

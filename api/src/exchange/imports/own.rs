//! Rows of files of our own: those with an id change that actor, the others become new ones.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{ImportOutcome, record::Record, work::Done, worker::Errand};
use crate::{
    access::Reach,
    exchange::sources::{
        rules::{self as records, UnwrittenReason},
        sync,
    },
    kernel::{Fault, Problem, Result, Write, contract::Contract, extract, problem::Kind, say},
    registry::actors::{
        Actor, ActorId, NewActor, matching,
        store::{self as actors, Draft},
    },
};

/// Writes what rows say. The outcomes are in the order of the rows.
///
/// # Errors
/// When the database does not answer. What is wrong with a row is its own outcome.
pub(super) async fn apply(rows: Vec<Record>, errand: &Errand, reach: &Reach, contract: &Contract, w: &Write<'_>) -> Result<Vec<Done>> {
    let sight = &errand.acting.caller.sight;
    let ids: Vec<ActorId> = rows.iter().filter_map(|row| row.id).map(Into::into).collect();
    let mut present = matching::by_ids(&ids, &w.tx).await?;
    let unseen: HashSet<ActorId> = actors::missing(sight, &ids, &w.tx).await?.into_iter().collect();
    present.retain(|id, _| !unseen.contains(id));
    let mut done: Vec<Option<Done>> = rows.iter().map(|_| None).collect();
    let mut drafts: Vec<(usize, Draft, Done)> = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        let drafted = match row.id.map(ActorId::from) {
            None => new(&row, contract).map(|fields| (None, fields, Done::of(ImportOutcome::Created))),
            Some(id) => match present.remove(&id) {
                None => Err(missing()),
                Some(actor) => changed(&row, &actor, contract, w)
                    .map(|(fields, left)| (Some(actor), fields, Done { left_alone: left, ..Done::of(ImportOutcome::Updated) })),
            },
        };
        let allowed = match drafted {
            Ok((before, fields, outcome)) => match may(before.as_ref(), &fields, errand, reach, w).await {
                Ok(()) => Ok((before, fields, outcome)),
                Err(problem) => Err(problem),
            },
            Err(problem) => Err(problem),
        };
        match allowed {
            Ok((before, fields, outcome)) => {
                let id = before.as_ref().map_or_else(|| w.new_id(), |before| before.id);
                drafts.push((at, Draft { id, before, fields }, outcome));
            }
            Err(problem) if problem.kind.status() < 500 => done[at] = Some(Done::refused(problem)),
            Err(problem) => return Err(problem),
        }
    }
    let before: Vec<_> = drafts.iter().map(|(_, draft, _)| draft.before.as_ref().map(|before| before.version)).collect();
    let (places, drafts): (Vec<_>, Vec<_>) = drafts.into_iter().map(|(at, draft, outcome)| ((at, outcome), draft)).unzip();
    let written = if drafts.is_empty() { Vec::new() } else { actors::put_many(drafts, w).await? };
    for (((at, outcome), before), written) in places.into_iter().zip(before).zip(written) {
        done[at] = Some(match written {
            Ok(actor) => {
                let outcome_of = if before == Some(actor.version) { ImportOutcome::Unchanged } else { outcome.outcome };
                Done { outcome: outcome_of, actor: Some(actor.id), ..outcome }
            }
            Err(problem) if problem.kind == Kind::PreconditionFailed => Done::refused(stale()),
            Err(problem) => Done::refused(actors::hiding(sight, problem, w).await),
        });
    }
    Ok(done.into_iter().flatten().collect())
}

/// A new actor.
fn new(row: &Record, contract: &Contract) -> Result<NewActor> {
    let mut fields = records::over(&records::Record::new(), &row.fields);
    number(&mut fields, &row.numbers, &[]);
    typed(fields, contract)
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
    let under = sync::members_of(&actor.fields)?;
    let hidden = sync::hidden(actor.id, w.call.secrecy.as_ref());
    let mut given = row.fields.clone();
    let kept = under.get("identifiers").and_then(Value::as_array).cloned().unwrap_or_default();
    number(&mut given, &row.numbers, &kept);
    let mut left = Vec::new();
    given.retain(|member, _| {
        let hides = hidden.contains(member);
        if hides {
            left.push((member.clone(), UnwrittenReason::UnderSecrecy));
        }
        !hides
    });
    let fields = typed(records::over(&under, &given), contract)?;
    // What says the same as stands there is in step, whatever version it was made of.
    let same = sync::members_of(&fields)? == under;
    if !same && row.version.is_some_and(|version| version != actor.version) {
        return Err(stale());
    }
    Ok((fields, left))
}

async fn may(before: Option<&Actor>, fields: &NewActor, errand: &Errand, reach: &Reach, w: &Write<'_>) -> Result<()> {
    if let Some(before) = before {
        actors::may_write(reach, &before.fields, Some(before.id), &w.tx).await?;
    }
    actors::may_write(reach, fields, before.map(|before| before.id), &w.tx).await?;
    actors::may_join(&errand.acting.caller.sight, reach, before.map(|before| &before.fields), fields, &w.tx).await
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

//! The outcomes of rows, with messages that help somebody who has the file open in a spreadsheet.

use std::collections::HashSet;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    access::{Sight, policy::Permission},
    columns,
    intake::types::ImportOutcome,
    kernel::{Fault, Problem, Result, Write, language::Text, problem::Kind, say, secrecy::HIDDEN},
    matches::{MatchReason, rules as likeness},
    registry::actors::{ActorId, matching, rules, store as actors},
    sources::{rules as members, rules::UnwrittenReason},
};

/// The code of the fault that another actor has a number.
const TAKEN: &str = "taken";

/// The outcome of a row.
#[derive(Clone, Debug)]
pub(super) struct RowOutcome {
    pub outcome: ImportOutcome,
    pub actor: Option<ActorId>,
    pub match_id: Option<Uuid>,
    pub faults: Vec<Fault>,
    /// The cells that could not be read and were left out.
    pub aside: Vec<Fault>,
    pub left_alone: Vec<(String, UnwrittenReason)>,
    /// The schemes of the row's identifiers, in their order. The pointers of the faults index them.
    pub schemes: Vec<String>,
    /// The existing actor because of which the row was refused.
    pub in_the_way: Option<ActorId>,
}

impl RowOutcome {
    pub(super) const fn new(outcome: ImportOutcome) -> Self {
        Self {
            outcome,
            actor: None,
            match_id: None,
            faults: Vec::new(),
            aside: Vec::new(),
            left_alone: Vec::new(),
            schemes: Vec::new(),
            in_the_way: None,
        }
    }

    pub(super) fn refused(problem: Problem) -> Self {
        let in_the_way = problem.in_the_way.map(Into::into);
        let outside = problem.kind == Kind::Forbidden && problem.required_permission == Some(Permission::WriteImports.key());
        let mut faults = problem.faults;
        if outside {
            faults = vec![Fault::at_pointer("", problem.kind.slug(), outside_reach())];
        } else if faults.is_empty() {
            faults.push(Fault::at_pointer("", problem.kind.slug(), problem.detail.unwrap_or_else(|| problem.kind.help())));
        }
        // One fault about a taken number is enough.
        let mut told = false;
        faults.retain(|fault| fault.code != TAKEN || !std::mem::replace(&mut told, true));
        for fault in faults.iter_mut().filter(|fault| fault.code == TAKEN) {
            fault.detail = taken_by_another();
        }
        Self { faults, in_the_way, ..Self::new(ImportOutcome::Refused) }
    }

    /// Returns the outcome of a row that has the same name and seat as an existing actor.
    pub(super) fn duplicate_of(actor: ActorId) -> Self {
        let detail = say!(
            "Samma namn står på en tidigare rad i filen. Behåll en av dem, eller skriv deras organisationsnummer.",
            "The same name stands in an earlier row of the file. Keep one of them, or write their organisation numbers."
        );
        let faults = vec![Fault::at_pointer("/name", "likely-duplicate", detail)];
        Self { faults, in_the_way: Some(actor), ..Self::new(ImportOutcome::Refused) }
    }
}

/// Names, in the faults of refused rows, the actor that is the reason, where the caller may know it. Actors that only a dry
/// run created are not named.
pub(super) async fn name_owners(done: &mut [Option<RowOutcome>], dry_run: bool, sight: &Sight, w: &Write<'_>) -> Result<()> {
    let made: HashSet<ActorId> = if dry_run {
        let created = done.iter().flatten().filter(|done| done.outcome == ImportOutcome::Created);
        created.filter_map(|done| done.actor).collect()
    } else {
        HashSet::new()
    };
    let mut ids: Vec<ActorId> = done.iter().flatten().filter_map(|done| done.in_the_way).filter(|id| !made.contains(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut owners = matching::by_ids(&ids, &w.tx).await?;
    for unseen in actors::missing(sight, &ids, &w.tx).await? {
        owners.remove(&unseen);
    }
    for done in done.iter_mut().flatten() {
        let Some(owner) = done.in_the_way.and_then(|id| owners.get(&id)) else { continue };
        let hidden = members::hidden_members(owner.id, w.call.asked.secrecy.as_ref());
        let name = if hidden.contains("name") { HIDDEN } else { &owner.fields.name };
        let id = owner.id;
        for fault in &mut done.faults {
            if fault.code == TAKEN && likeness::may_show(MatchReason::SameIdentifier, &hidden) {
                let at = fault.pointer.split('/').nth(2).and_then(|at| at.parse::<usize>().ok());
                let organisation = at.and_then(|at| done.schemes.get(at)).is_none_or(|scheme| scheme == rules::ORGANISATION_NUMBER);
                fault.detail = taken_by(organisation, name, id);
            } else if fault.code == "likely-duplicate" {
                fault.detail = say!(
                    "{name} finns redan (id {id}). Är det samma aktör: skriv dess id i kolumnen Id. Är det en annan: registrera den för sig.",
                    "{name} is there already (id {id}). If it is the same actor: write its id in the column id. If it is another: register it by itself."
                );
            }
        }
    }
    Ok(())
}

fn taken_by(organisation: bool, name: &str, id: ActorId) -> Text {
    let (sv, en) = if organisation { ("Organisationsnumret", "The organisation number") } else { ("Numret", "The number") };
    say!(
        "{sv} tillhör redan {name} (id {id}). Är det samma aktör: skriv dess id i kolumnen Id. Är raden en lokal del av den: registrera den som del av aktören.",
        "{en} belongs to {name} already (id {id}). If it is the same actor: write its id in the column id. If the row is a local branch of it: register it as a part of the actor."
    )
}

fn taken_by_another() -> Text {
    say!(
        "Numret tillhör redan en annan aktör, eller står på en tidigare rad i filen.",
        "The number belongs to another actor already, or stands in an earlier row of the file."
    )
}

fn outside_reach() -> Text {
    say!(
        "Raden ligger utanför ditt område, eller saknar kommun. Fyll i kolumnen Kommun, eller be en administratör läsa in raden.",
        "The row is outside your area, or has no municipality. Fill in the column municipality, or ask an administrator to import the row."
    )
}

/// Returns the schemes of a record's identifiers, in their order.
pub(super) fn schemes(fields: &Map<String, Value>) -> Vec<String> {
    let identifiers = fields.get("identifiers").and_then(Value::as_array).into_iter().flatten();
    identifiers.map(|identifier| identifier["scheme"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Returns the column of its own that holds identifiers of a scheme.
pub(super) fn column_of(scheme: &str) -> Option<&'static str> {
    Some(match scheme {
        rules::ORGANISATION_NUMBER => columns::ORGANISATION_NUMBER,
        "kolada_id" => columns::KOLADA_ID,
        "municipality_code" => columns::MUNICIPALITY,
        "county_code" => columns::COUNTY,
        _ => return None,
    })
}

//! What comes of records that a source sends.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::rules::{Record, Unwritten};
use crate::{
    kernel::{Fault, Problem, language::Language, personal_number},
    links::Link,
    matches::{MatchId, rules::Likeness},
    registry::actors::Actor,
};

/// A record as a source gives it: members that are absent are not given, null clears.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incoming {
    /// The record's id in the source.
    pub external_id: String,
    /// Members of an actor, as they stand in a body.
    pub fields: Record,
    /// Members that are not the source's word but what a new actor gets when the source says nothing.
    pub defaults: Vec<String>,
    /// Whether its id is the organisation's own number: the source has none of its own, and the number is the key.
    pub by_number: bool,
}

impl Incoming {
    /// What the source itself says.
    pub(super) fn said(&self) -> Record {
        self.fields
            .iter()
            .filter(|(member, _)| !self.defaults.contains(member))
            .map(|(member, value)| (member.clone(), value.clone()))
            .collect()
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncResult {
    /// A new actor was created.
    Created,
    /// The actor, or what is kept of the record, was changed.
    Updated,
    /// Nothing was written.
    Unchanged,
    /// The record waits for a person's decision, for it may be an actor that is there already.
    Held,
    /// The record has faults, and nothing was written.
    Refused,
}

/// What became of a record, with all that there is to say of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The record's id in the source; a personal identity number in it is masked.
    pub external_id: String,
    pub result: SyncResult,
    /// The link as it is now; nothing when the record was refused.
    pub link: Option<Link>,
    /// The actor as it is now.
    pub actor: Option<Actor>,
    pub left_alone: Vec<Unwritten>,
    /// Those actors that a held record may be and that the caller may see.
    pub candidates: Vec<Likeness>,
    /// Why the record was refused.
    pub problem: Option<Problem>,
}

impl Outcome {
    pub(super) fn refused(external_id: &str, problem: Problem) -> Self {
        let external_id = personal_number::mask(external_id).into_owned();
        let (result, problem) = (SyncResult::Refused, Some(problem));
        Self { external_id, result, link: None, actor: None, left_alone: Vec::new(), candidates: Vec::new(), problem }
    }

    pub(super) fn of(result: SyncResult, link: Link, actor: Option<Actor>) -> Self {
        let external_id = link.external_id.clone();
        Self { external_id, result, link: Some(link), actor, left_alone: Vec::new(), candidates: Vec::new(), problem: None }
    }

    /// The match that a held record waits in.
    #[must_use]
    pub fn match_id(&self) -> Option<MatchId> {
        self.link.as_ref().and_then(|link| link.match_id)
    }

    /// The faults of a refused record; a refusal that has none of its own is one of the whole record.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        match &self.problem {
            Some(problem) if problem.faults.is_empty() => {
                vec![Fault::at("", problem.kind.slug(), problem.detail.clone().unwrap_or_else(|| problem.kind.help()))]
            }
            Some(problem) => problem.faults.clone(),
            None => Vec::new(),
        }
    }

    /// The outcome as it is told, with stable codes.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        let faults: Vec<_> = self.faults().iter().map(|fault| fault.body(language)).collect();
        json!({
            "externalId": self.external_id,
            "result": self.result,
            "actorId": self.link.as_ref().and_then(|link| link.actor_id),
            "matchId": self.match_id(),
            "candidates": self.candidates.iter().map(|candidate| candidate.actor_id).collect::<Vec<_>>(),
            "leftAlone": self.left_alone,
            "errors": faults,
        })
    }
}

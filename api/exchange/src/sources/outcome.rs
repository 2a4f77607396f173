//! The records that a source sends, and their outcomes.

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

/// A record as a source gives it. Members that are absent are not given; null clears a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incoming {
    /// The record's id in the source.
    pub external_id: String,
    /// The given members of an actor, in the form of a request body.
    pub fields: Record,
    /// The names of members that the source did not give: default values for a new actor.
    pub defaults: Vec<String>,
    /// Whether the external id is the organisation number, because the source has no ids of its own.
    pub by_number: bool,
}

/// The outcome of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncResult {
    /// A new actor was created.
    Created,
    /// The actor, or the stored data about the record, was changed.
    Updated,
    /// Nothing was written.
    Unchanged,
    /// The record waits for a person's decision, because it may be an actor that already exists.
    Held,
    /// The record has faults, and nothing was written.
    Refused,
}

/// The outcome of one record with its details.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The record's id in the source. A personal identity number in it is masked.
    pub external_id: String,
    pub result: SyncResult,
    /// The link as it is now; `None` when the record was refused.
    pub link: Option<Link>,
    /// The actor as it is now.
    pub actor: Option<Actor>,
    pub left_alone: Vec<Unwritten>,
    /// For a held record: the actors that it may be, as far as the caller may see them.
    pub candidates: Vec<Likeness>,
    /// The reason why the record was refused.
    pub problem: Option<Problem>,
}

impl Outcome {
    pub(super) fn refused(external_id: &str, problem: Problem) -> Self {
        let external_id = personal_number::mask(external_id).into_owned();
        let (result, problem) = (SyncResult::Refused, Some(problem));
        Self { external_id, result, link: None, actor: None, left_alone: Vec::new(), candidates: Vec::new(), problem }
    }

    pub(super) fn new(result: SyncResult, link: Link, actor: Option<Actor>) -> Self {
        let external_id = link.external_id.clone();
        Self { external_id, result, link: Some(link), actor, left_alone: Vec::new(), candidates: Vec::new(), problem: None }
    }

    /// Returns the match in which a held record waits.
    #[must_use]
    pub fn match_id(&self) -> Option<MatchId> {
        self.link.as_ref().and_then(|link| link.match_id)
    }

    /// Returns the faults of a refused record. A refusal without faults of its own gives one fault for the whole record
    /// (pointer `""`).
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        match &self.problem {
            Some(problem) if problem.faults.is_empty() => {
                vec![Fault::at_pointer("", problem.kind.slug(), problem.detail.clone().unwrap_or_else(|| problem.kind.help()))]
            }
            Some(problem) => problem.faults.clone(),
            None => Vec::new(),
        }
    }

    /// Returns the outcome as JSON, with stable codes.
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

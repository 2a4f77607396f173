//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    kernel::{Fault, Id, Problem, Result, personal_number, text},
    matches::MatchId,
    registry::actors::{Actor, ActorId},
    sources::rules::{self, Unwritten},
};

/// The id of a link.
pub type LinkId = Id<SourceActor>;

/// A record of a source, and the actor that it is (koppling).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceActor {
    pub id: LinkId,
    /// Grows by one with each change of the link; the actor has a version of its own.
    pub version: i64,
    /// The record's id in the source.
    #[schema(max_length = 200, example = "4711")]
    pub external_id: String,
    /// The actor that the record is; null while it is held.
    pub actor_id: Option<ActorId>,
    /// The actor as it is now; null while the record is held, and where the caller may not see it.
    pub actor: Option<Actor>,
    /// The match that the record waits in for a person's decision; null otherwise.
    pub match_id: Option<MatchId>,
    /// What the source gave and what is not written, for it is another's. Empty where the caller may not see the actor.
    pub left_alone: Vec<Unwritten>,
    /// Since when the source has not had the record; null when it has it.
    pub absent_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a source has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FullSync {
    /// The ids of all records that the source has. What is not among them is marked as gone from the source.
    #[schema(max_items = 200_000, example = json!(["4711", "4712"]))]
    pub external_ids: Vec<String>,
}

/// What a full synchronisation has come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FullSyncReport {
    /// Records that are known here and that the source has.
    pub present: i64,
    /// Records that have now been marked as gone from the source.
    pub marked: i64,
    /// Records that the source has again.
    pub unmarked: i64,
    /// Ids that are not known here; send those records.
    pub unknown: i64,
}

/// Which records of a source to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct LinkFilter {
    /// Records that are gone from the source, or those that are not.
    #[param(nullable = false)]
    pub absent: Option<bool>,
    /// The record with this id in the source.
    #[param(nullable = false, max_length = 200)]
    pub external_id: Option<String>,
}

/// The id of a record that may be here from before ids were refused that no address leads to. Who sends the address as it is
/// written, `%2E%2E` as such, still reads and removes it.
pub(super) fn known(external_id: &str) -> Result<String> {
    if rules::is_dots(external_id) { Ok(external_id.to_owned()) } else { readable(external_id) }
}

/// The id of another system, as it stood in the address, if it can be kept.
pub(super) fn readable(external_id: &str) -> Result<String> {
    // As bodies and imports have it, so that one id is one record however its letters were composed.
    let external_id = text::composed(external_id);
    let Some(fault) = rules::external_id_fault(&external_id) else { return Ok(external_id) };
    Err(Problem::parameters(vec![match fault.code {
        personal_number::CODE => personal_number::fault_of_parameter("externalId"),
        code => Fault::of_parameter("externalId", code, fault.detail),
    }]))
}

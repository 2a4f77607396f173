//! The types of this resource: the representations, the filter and the id.

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

/// A record of a source with the actor that it is linked to (koppling).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceActor {
    pub id: LinkId,
    /// The version of the link. It grows by one with each change; the actor has its own version.
    pub version: i64,
    /// The record's id in the source.
    #[schema(max_length = 200, example = "4711")]
    pub external_id: String,
    /// The id of the actor that the record is; null while the record is held.
    pub actor_id: Option<ActorId>,
    /// The actor as it is now; null while the record is held, and when the caller may not see the actor.
    pub actor: Option<Actor>,
    /// The id of the match in which the record waits for a decision; null otherwise.
    pub match_id: Option<MatchId>,
    /// The members that the source gave and that are not written, with the reason. Empty when the caller may not see the
    /// actor.
    pub left_alone: Vec<Unwritten>,
    /// The time since which the record is missing in the source; null while the source has it.
    pub absent_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// All records that a source has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FullSync {
    /// The ids of all records that the source has. Known records that are not among them are marked as absent.
    #[schema(max_items = 200_000, example = json!(["4711", "4712"]))]
    pub external_ids: Vec<String>,
}

/// The result of a full synchronisation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FullSyncReport {
    /// The number of known records that the source has.
    pub present: i64,
    /// The number of records that were marked as absent.
    pub marked: i64,
    /// The number of records that are no longer absent.
    pub unmarked: i64,
    /// The number of ids without a known record. Send those records.
    pub unknown: i64,
}

/// The filter of the list of a source's records.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct LinkFilter {
    /// `true`: only records that are absent from the source. `false`: only records that are not.
    #[param(nullable = false)]
    pub absent: Option<bool>,
    /// Only the record with this id in the source.
    #[param(nullable = false, max_length = 200)]
    pub external_id: Option<String>,
}

/// Checks the external id of a stored record. Dot segments are allowed here, because records with such ids may have been
/// stored before they were refused. A client that sends the path unnormalised, with `%2E%2E`, can still read and remove
/// them.
pub(super) fn parse_known_external_id(external_id: &str) -> Result<String> {
    if rules::is_dot_segment(external_id) { Ok(external_id.to_owned()) } else { parse_external_id(external_id) }
}

/// Checks the external id in a path, and returns it in composed Unicode form.
pub(super) fn parse_external_id(external_id: &str) -> Result<String> {
    // Bodies and imports are composed in the same way, so one id is one record however its letters were encoded.
    let external_id = text::composed(external_id);
    let Some(fault) = rules::external_id_fault(&external_id) else { return Ok(external_id) };
    Err(Problem::parameters(vec![match fault.code {
        personal_number::CODE => personal_number::fault_of_parameter("externalId"),
        code => Fault::of_parameter("externalId", code, fault.detail),
    }]))
}

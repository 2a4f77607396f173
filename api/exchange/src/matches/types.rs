//! The types of this resource: the representations, the filter, the enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::MatchReason;
use crate::{
    kernel::{Id, extract::blank_is_none},
    registry::actors::{Actor, ActorId},
    sources::SourceId,
};

/// The id of a match.
pub type MatchId = Id<Match>;

/// The status of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MatchStatus {
    /// It waits for a decision.
    Open,
    /// It has been decided.
    Decided,
    /// The decision was undone; it waits for another one.
    Undone,
}

/// The decision on a held record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MatchDecision {
    /// The same as an existing actor.
    Same,
    /// Different from all existing actors.
    Different,
}

/// A record of a source that may be an actor which already exists (träff).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    pub id: MatchId,
    /// The version of the match. It grows by one with each change.
    pub version: i64,
    /// The id of the source of the record.
    pub source_id: SourceId,
    /// The record's id in the source.
    #[schema(max_length = 200, example = "4711")]
    pub external_id: String,
    pub status: MatchStatus,
    /// The reasons why the record is held.
    pub reasons: Vec<MatchReason>,
    /// The record as the source last gave it: members of an actor.
    #[schema(value_type = Object)]
    pub incoming: Value,
    /// The actors that the record may be, as far as the caller may see them. Those with the same number come first.
    pub candidates: Vec<MatchCandidate>,
    /// The decision; null while there is none.
    pub decision: Option<MatchDecision>,
    /// The id of the actor that the record was decided to be, or that was created from it.
    pub actor_id: Option<ActorId>,
    /// The reason for the decision.
    pub note: Option<String>,
    /// The name of the user who decided; null while there is no decision, and when the match was closed automatically.
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// The name of the user who undid the last decision; null otherwise.
    pub undone_by: Option<String>,
    pub undone_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An actor that a record may be.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatchCandidate {
    pub actor: Actor,
    /// The reasons why the record may be this actor.
    pub reasons: Vec<MatchReason>,
    /// The members in which the record differs from the actor.
    pub changes: Vec<MatchChange>,
}

/// A member in which a record differs from an actor.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatchChange {
    #[schema(example = "website")]
    pub member: String,
    /// The present value; null also when the caller may not see it.
    pub current: Value,
    /// The value that the source gave.
    pub given: Value,
    /// Whether the value is written when the record is decided to be this actor without `take`. That is so when the source
    /// owns the member and the present value is empty or a list that gets more items. Other members are written only when
    /// the decision names them in `take`.
    pub written: bool,
}

/// A decision of what a record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMatchDecision {
    pub decision: MatchDecision,
    /// For `same`: the candidate that the record is.
    pub actor_id: Option<ActorId>,
    /// For `same`: the members that are taken from the record although the actor has another value. All other members that
    /// have a value keep it, and lists are united.
    #[serde(default)]
    #[schema(max_items = 40, example = json!(["website"]))]
    pub take: Vec<String>,
    /// The reason for the decision, for later readers.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// The filter of the list of matches.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct MatchFilter {
    /// Only matches with one of these statuses. `open` and `undone` wait for a decision.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub status: Option<Vec<MatchStatus>>,
    /// Only matches of this source's records.
    #[param(nullable = false)]
    pub source_id: Option<SourceId>,
    /// Only matches with a candidate that the caller may see and that is alike for this reason.
    #[param(nullable = false, inline)]
    pub reason: Option<MatchReason>,
}

/// A member that a decision wrote, with its values before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub member: String,
    pub before: Value,
    pub after: Value,
}

//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// Where a match stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MatchStatus {
    /// Waits for a decision.
    Open,
    /// Decided.
    Decided,
    /// Was decided, and the decision was taken back: waits for another.
    Undone,
}

/// What a record was decided to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MatchDecision {
    /// The same as an actor that was there.
    Same,
    /// Another than all that were there.
    Different,
}

/// A record of a source that may be an actor that is there already (träff).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    pub id: MatchId,
    /// Grows by one with each change.
    pub version: i64,
    /// The source that the record is of.
    pub source_id: SourceId,
    /// The record's id in the source.
    #[schema(max_length = 200, example = "4711")]
    pub external_id: String,
    pub status: MatchStatus,
    /// Why the record is held.
    pub reasons: Vec<MatchReason>,
    /// The record as the source last gave it: members of an actor.
    #[schema(value_type = Object)]
    pub incoming: Value,
    /// The actors that it may be and that the caller may see, those with the same number first.
    pub candidates: Vec<MatchCandidate>,
    /// What it was decided to be; null until then.
    pub decision: Option<MatchDecision>,
    /// The actor that it was decided to be, or that was created of it.
    pub actor_id: Option<ActorId>,
    /// Why it was decided so.
    pub note: Option<String>,
    /// Who decided; null until then, and when no candidate was left to decide on.
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Who took the last decision back; null otherwise.
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
    /// What is alike.
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
    /// What stands there; null also where the caller may not see it.
    pub current: Value,
    /// What the source gave.
    pub given: Value,
    /// Whether it is written when the record is decided to be this actor and nothing more is said: the source owns the member, and
    /// it is empty or a list that gets more. Others are written when they stand in `take` of the decision.
    pub written: bool,
}

/// What a record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMatchDecision {
    pub decision: MatchDecision,
    /// The candidate that it is, for `same`.
    pub actor_id: Option<ActorId>,
    /// For `same`: members that are taken from the record though something else stands there. All others that are filled stay, and
    /// lists are united.
    #[serde(default)]
    #[schema(max_items = 40, example = json!(["website"]))]
    pub take: Vec<String>,
    /// Why, for who comes after.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Which matches to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct MatchFilter {
    /// Matches that stand so. `open` and `undone` wait for a decision.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub status: Option<Vec<MatchStatus>>,
    /// Matches of this source's records.
    #[param(nullable = false)]
    pub source_id: Option<SourceId>,
    /// Matches in which some candidate that the caller sees is alike so.
    #[param(nullable = false, inline)]
    pub reason: Option<MatchReason>,
}

/// A member that a decision wrote, with what stood there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub member: String,
    pub before: Value,
    pub after: Value,
}

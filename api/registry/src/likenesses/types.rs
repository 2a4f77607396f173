//! The types of this resource: request and response bodies, filters, enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    actors::{Actor, matching::MatchReason},
    kernel::Id,
};

/// The id of a likeness.
pub type LikenessId = Id<Likeness>;

/// Two actors that may be the same organisation (likhet).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Likeness {
    pub id: LikenessId,
    /// Grows by one with each change.
    pub version: i64,
    /// The actor that was registered first.
    pub actor: Actor,
    /// The actor that was registered later.
    pub other_actor: Actor,
    /// The similarities, as they were when they were found.
    pub reasons: Vec<MatchReason>,
    /// The name of the user who stated that the two are different; null until then.
    pub dismissed_by: Option<String>,
    pub dismissed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of likenesses.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct LikenessFilter {
    /// `true` for dismissed likenesses, `false` for those that wait for a decision.
    #[param(nullable = false)]
    pub dismissed: Option<bool>,
}

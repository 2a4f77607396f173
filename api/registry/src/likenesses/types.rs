//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    actors::{Actor, matching::MatchReason},
    kernel::Id,
};

/// The id of a likeness.
pub type LikenessId = Id<Likeness>;

/// Two actors that may be one (likhet).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Likeness {
    pub id: LikenessId,
    /// Grows by one with each change.
    pub version: i64,
    /// The actor that was registered first.
    pub actor: Actor,
    /// The other.
    pub other_actor: Actor,
    /// What is alike, or was when it was found.
    pub reasons: Vec<MatchReason>,
    /// Who said that they are two; null until then.
    pub dismissed_by: Option<String>,
    pub dismissed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which likenesses to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct LikenessFilter {
    /// Those that somebody has said are two, or those that wait for somebody to say what they are.
    #[param(nullable = false)]
    pub dismissed: Option<bool>,
}

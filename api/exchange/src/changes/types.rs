//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use crate::{
    geography::areas::AreaId,
    kernel::events::{ChangeOperation, Place},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A change of one record (ändring).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Grows strictly from one change to the next.
    pub position: i64,
    /// Tells the change from another at the same position.
    #[serde(skip)]
    pub(super) mark: u64,
    /// The kind of record, such as `actor`.
    #[serde(rename = "type")]
    #[schema(example = "actor")]
    pub kind: String,
    /// The record.
    pub id: Uuid,
    pub op: ChangeOperation,
    /// The record's version after the change.
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The user who changed it; null for the installation itself.
    pub changed_by: Option<Uuid>,
    /// The record that it became part of, for `merge`.
    pub merged_into: Option<Uuid>,
}

impl Change {
    /// Where it stands in the feed.
    pub(super) const fn place(&self) -> Place {
        Place { position: self.position, mark: self.mark }
    }
}

/// A piece of the feed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePage {
    pub items: Vec<Change>,
    /// Where to go on, now or later; always there.
    pub next_cursor: String,
    /// Whether there is more to read at once.
    pub has_more: bool,
}

/// Where in the feed to read, and which changes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Following {
    /// `nextCursor` of the piece before, or `changeCursor` of a list; from the oldest change that is kept when left out.
    #[param(nullable = false, max_length = 500)]
    pub cursor: Option<String>,
    /// Changes of these kinds of record only, such as `actor,mandate`.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub types: Option<Vec<String>>,
    /// Changes of records that concern this area or any below it, or did before the change.
    #[param(nullable = false)]
    pub area: Option<AreaId>,
    /// How many changes at most.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 200, default = 20, required = false, value_type = i32)]
    pub limit: u64,
    /// How many seconds to wait for a change when there is none.
    #[serde(default)]
    #[param(minimum = 0, maximum = 30, default = 0, required = false, value_type = i32)]
    pub wait: u64,
}

const fn twenty() -> u64 {
    crate::kernel::page::DEFAULT_LIMIT
}

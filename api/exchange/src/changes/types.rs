//! The types of this resource: the representations, the query parameters and the page.

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
    /// The position in the feed. It grows strictly from one change to the next.
    pub position: i64,
    /// Distinguishes the change from another change at the same position; see `kernel::events::Place`.
    #[serde(skip)]
    pub(super) mark: u64,
    /// The kind of record, such as `actor`.
    #[serde(rename = "type")]
    #[schema(example = "actor")]
    pub kind: String,
    /// The id of the record.
    pub id: Uuid,
    pub op: ChangeOperation,
    /// The record's version after the change.
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The user who changed the record; null when the installation itself did, or when the caller may not know.
    pub changed_by: Option<Uuid>,
    /// For `merge`: the id of the record that this one was merged into.
    pub merged_into: Option<Uuid>,
}

impl Change {
    /// Returns the place of the change in the feed.
    pub(super) const fn place(&self) -> Place {
        Place { position: self.position, mark: self.mark }
    }
}

/// A page of the feed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePage {
    pub items: Vec<Change>,
    /// The cursor to continue from, now or later. It is always present.
    pub next_cursor: String,
    /// Whether more can be read at once, without waiting.
    pub has_more: bool,
}

/// The query parameters of the feed: where to read from, and which changes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct FollowQuery {
    /// The `nextCursor` of the page before, or the `changeCursor` of a list. When left out, reading starts at the oldest
    /// change that is kept.
    #[param(nullable = false, max_length = 500)]
    pub cursor: Option<String>,
    /// Only changes of these kinds of record, such as `actor,mandate`.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub types: Option<Vec<String>>,
    /// Only changes of records that concern this area or an area below it, or that did before the change.
    #[param(nullable = false)]
    pub area: Option<AreaId>,
    /// The maximum number of changes in the page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 200, default = 20, required = false, value_type = i32)]
    pub limit: u64,
    /// The number of seconds to wait for a change when there is none.
    #[serde(default)]
    #[param(minimum = 0, maximum = 30, default = 0, required = false, value_type = i32)]
    pub wait: u64,
}

const fn twenty() -> u64 {
    crate::kernel::page::DEFAULT_LIMIT
}

//! Merges (sammanslagningar): two records of one actor become one without anything being lost. What refers to the one follows
//! into the other; the old address leads on; and a merge can be undone.

mod api;
pub mod plan;
pub mod references;
pub mod rules;
pub(in crate::exchange) mod store;
mod table;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use api::{AccessGain, Merge, MergePreview, NewMerge, routes};

use crate::kernel::Id;

/// The id of a merge.
pub type MergeId = Id<Merge>;

/// What happens to a record that refers to the merged actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeOutcome {
    /// It becomes the survivor's.
    Moves,
    /// It stays with the merged actor, for the survivor has one of the same: a membership of the same forum, a ballot in the
    /// same round, a word on the same assessment, a source of the same name.
    Stays,
    /// It would follow, but the caller may not let it, so the merge is refused.
    OutOfReach,
}

/// What comes of a member of the merged actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergedHow {
    /// The survivor has its own, which stays.
    Kept,
    /// The survivor had none and gets it.
    Filled,
    /// The survivor gets what it did not have.
    United,
    /// The same, as far as the list has room.
    Shortened,
    /// It does not come along, for it is under secrecy or more people see the survivor.
    Withheld,
}

/// Why something is not as it was before the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftAloneReason {
    /// It has been changed since the merge.
    Changed,
    /// It has been removed since the merge.
    Removed,
    /// It would make an actor part of itself.
    Circle,
    /// Another actor has it as its own now.
    Taken,
    /// It is under secrecy, and who undid the merge is not cleared for it. Said of each such member, changed or not.
    UnderSecrecy,
}

/// A record that refers to the merged actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeRecord {
    /// The kind of record, as in the feed of changes.
    #[schema(example = "mandate")]
    pub kind: String,
    pub id: Uuid,
    pub outcome: MergeOutcome,
}

/// How many records of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeCount {
    #[schema(example = "mandate")]
    pub kind: String,
    pub moves: i64,
    pub stays: i64,
    /// Also those that the caller may not see.
    pub out_of_reach: i64,
}

/// What came of a member of the merged actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeMember {
    #[schema(example = "website")]
    pub member: String,
    pub how: MergedHow,
}

/// Something that undoing a merge left as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftAlone {
    #[schema(example = "mandate")]
    pub kind: String,
    pub id: Uuid,
    /// The member of the record, where it is not the whole of it.
    pub member: Option<String>,
    pub reason: LeftAloneReason,
}

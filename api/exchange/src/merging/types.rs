//! The types of this resource: the representations, the query parameters, the enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    access::{policy::Role, users::UserId},
    kernel::{Id, extract::blank_is_none},
    registry::actors::{Actor, ActorId},
};

/// The id of a merge.
pub type MergeId = Id<Merge>;

/// The effect of a merge on a record that refers to the merged actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeOutcome {
    /// It moves to the survivor.
    Moves,
    /// It stays with the merged actor, because the survivor has an equal one, such as a membership of the same forum, a
    /// ballot in the same round, an endorsement of the same assessment or a source of the same name.
    Stays,
    /// It would move, but the caller may not move it. The merge is refused.
    OutOfReach,
}

/// The effect of a merge on a member of the merged actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergedHow {
    /// The survivor has a value of its own, which stays.
    Kept,
    /// The survivor had no value and gets this one.
    Filled,
    /// The survivor's list gets the items that it did not have.
    United,
    /// The survivor's list gets items until it has its maximum length.
    Shortened,
    /// It is not taken over, because it is under secrecy or because more people can see the survivor.
    Withheld,
}

/// The reason why something was not restored when the merge was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftAloneReason {
    /// It has been changed since the merge.
    Changed,
    /// It has been removed since the merge.
    Removed,
    /// Restoring it would make an actor part of itself.
    Circle,
    /// Another actor has the identifier as its own by now.
    Taken,
    /// The member is under secrecy, and the user who undid the merge is not cleared for it. All such members are listed,
    /// whether they had changed or not.
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

/// The numbers of records of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeCount {
    #[schema(example = "mandate")]
    pub kind: String,
    pub moves: i64,
    pub stays: i64,
    /// Includes records that the caller may not see.
    pub out_of_reach: i64,
}

/// The effect of a merge on one member of the merged actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeMember {
    #[schema(example = "website")]
    pub member: String,
    pub how: MergedHow,
}

/// Something that was not restored when the merge was undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftAlone {
    #[schema(example = "mandate")]
    pub kind: String,
    pub id: Uuid,
    /// The member of the record; null when the whole record was not restored.
    pub member: Option<String>,
    pub reason: LeftAloneReason,
}

/// A request to merge an actor into another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMerge {
    /// The actor that remains, the survivor.
    pub into: ActorId,
    /// The reason for the merge, for later readers.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// A merge of two actors (sammanslagning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merge {
    pub id: MergeId,
    /// The version of the merge. It grows by one with each change.
    pub version: i64,
    /// The actor that was merged into the other one.
    pub merged_actor_id: ActorId,
    /// The actor that remains, the survivor.
    pub into: ActorId,
    pub note: Option<String>,
    /// The user who merged the actors.
    pub by: Option<UserId>,
    pub at: DateTime<Utc>,
    /// The numbers of records that moved to the survivor and that stayed, by kind.
    pub moved: Vec<MergeCount>,
    /// The records that stayed with the merged actor, as far as the caller may see them.
    pub stayed: Vec<MergeRecord>,
    /// The effects on the members of the merged actor that differed.
    pub members: Vec<MergeMember>,
    /// The time when the merge was undone; null while it holds.
    pub undone_at: Option<DateTime<Utc>>,
    /// The user who undid the merge.
    pub undone_by: Option<UserId>,
    /// The records and members that were not restored when the merge was undone, because they had changed since, as far as
    /// the caller may see them.
    pub left_alone: Vec<LeftAlone>,
}

/// Grants that would reach further because of a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessGain {
    /// The role of the grants.
    pub role: Role,
    /// One of the two actors. The grants are for it or for an actor above it.
    pub at: ActorId,
    /// The other actor, whose records the grants would also apply to.
    pub over: ActorId,
    /// The number of such grants.
    pub grants: i64,
}

/// The effects that a merge would have.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergePreview {
    pub merged_actor_id: ActorId,
    /// The actor that remains, as it would be after the merge.
    pub survivor: Actor,
    /// The effects on the members of the merged actor that differ.
    pub members: Vec<MergeMember>,
    /// The numbers of records concerned, by kind.
    pub counts: Vec<MergeCount>,
    /// The records concerned, as far as the caller may see them.
    pub records: Vec<MergeRecord>,
    /// The grants that would reach further.
    pub access: Vec<AccessGain>,
    /// Whether the caller may move all of the records. If not, the merge is refused (403).
    pub allowed: bool,
}

/// The query parameters of the preview.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewQuery {
    /// The actor that would remain.
    #[param(nullable = false, required = true)]
    pub into: Option<ActorId>,
}

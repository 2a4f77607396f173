//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// What one actor is to become part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMerge {
    /// The actor that lives on.
    pub into: ActorId,
    /// Why they are one, for whoever asks later.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Two actors that have become one (sammanslagning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merge {
    pub id: MergeId,
    /// Grows by one with each change.
    pub version: i64,
    /// The actor that is part of the other.
    pub merged_actor_id: ActorId,
    /// The actor that lives on.
    pub into: ActorId,
    pub note: Option<String>,
    /// The user who merged them.
    pub by: Option<UserId>,
    pub at: DateTime<Utc>,
    /// How many records became the survivor's, and how many stayed, by kind.
    pub moved: Vec<MergeCount>,
    /// The records that stayed with the merged actor, as far as the caller may see them.
    pub stayed: Vec<MergeRecord>,
    /// What came of the members of the merged actor that differed.
    pub members: Vec<MergeMember>,
    /// When it was undone; null while it holds.
    pub undone_at: Option<DateTime<Utc>>,
    /// The user who undid it.
    pub undone_by: Option<UserId>,
    /// What undoing it did not give back, since it had been changed in the meantime, as far as the caller may see it.
    pub left_alone: Vec<LeftAlone>,
}

/// People who get rights by a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessGain {
    /// The role that they hold.
    pub role: Role,
    /// The actor that they hold it for, or that is part of the one that they hold it for.
    pub at: ActorId,
    /// The actor over whose records they get it too.
    pub over: ActorId,
    /// How many such grants there are.
    pub grants: i64,
}

/// What a merge would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergePreview {
    pub merged_actor_id: ActorId,
    /// The actor that lives on, as it would become.
    pub survivor: Actor,
    /// What would come of the members of the merged actor that differ.
    pub members: Vec<MergeMember>,
    /// How many records are concerned, by kind.
    pub counts: Vec<MergeCount>,
    /// The records concerned, as far as the caller may see them.
    pub records: Vec<MergeRecord>,
    /// Who would get rights that they do not have.
    pub access: Vec<AccessGain>,
    /// Whether the caller may let all of it follow. If not, the merge is refused (403).
    pub allowed: bool,
}

/// What one actor would become part of.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct IntoWhich {
    /// The actor that would live on; must be given.
    #[param(nullable = false)]
    pub into: Option<ActorId>,
}

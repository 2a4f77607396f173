//! The types of this resource: the response body and its enumeration.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::registry::actors::ActorName;

/// The kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// An actor is invited to a forum and has not answered.
    Invitation,
    /// An actor has not voted in an open round.
    Ballot,
    /// An actor has not taken a position on an assessment that is in review or agreed.
    Word,
    /// The text of an assessment has changed since an actor took a position on it.
    OutdatedWord,
    /// A membership ends soon.
    MembershipEnds,
    /// A mandate ends soon.
    MandateEnds,
    /// A personal token ends soon.
    TokenEnds,
    /// A role that the caller holds ends soon.
    GrantEnds,
}

impl TaskKind {
    /// Returns the operation that completes the task: its `operationId`, its method and its path. The path has the placeholders
    /// `{id}`, `{within}` (the forum) and `{actor}`.
    pub(super) const fn operation(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Invitation => ("acceptInvitation", "POST", "/forums/{within}/members/{id}/accept"),
            Self::Ballot => ("castBallot", "PUT", "/rounds/{id}/ballots/{actor}"),
            Self::Word | Self::OutdatedWord => ("endorseAssessment", "PUT", "/assessments/{id}/endorsements/{actor}"),
            Self::MembershipEnds => ("getMember", "GET", "/forums/{within}/members/{id}"),
            Self::MandateEnds => ("updateMandate", "PATCH", "/mandates/{id}"),
            Self::TokenEnds => ("createPersonalToken", "POST", "/me/tokens"),
            Self::GrantEnds => ("getMe", "GET", "/me"),
        }
    }
}

/// The record that a task is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskSubject {
    pub id: Uuid,
    /// A short text for the record, such as its name or question.
    pub label: String,
}

/// The call that completes a task.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskOperation {
    /// The `operationId` in the contract.
    #[schema(example = "castBallot")]
    pub operation_id: String,
    #[schema(example = "PUT")]
    pub method: String,
    /// The path below the root of the API.
    #[schema(example = "/rounds/01890a5d-ac96-774b-bcce-b302099a8057/ballots/01890a5d-ac96-774b-bcce-b302099a8058")]
    pub path: String,
}

/// One task of the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub kind: TaskKind,
    /// A text that says what to do, in the language of the request.
    #[schema(example = "Rösta i prioriteringen")]
    pub title: String,
    /// The forum, round, assessment, mandate, token or grant that the task is about.
    pub subject: TaskSubject,
    /// The actor in whose name the caller does the task; null when it concerns only the caller.
    pub actor: Option<ActorName>,
    /// The last day on which the task can be done; null when there is no such day.
    pub due: Option<NaiveDate>,
    pub operation: TaskOperation,
}

/// The tasks of the caller (att göra).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tasks {
    /// Tasks with a last day come first, ordered by that day. The others follow, ordered by kind and then by age, oldest first.
    pub items: Vec<Task>,
    /// Whether there are more tasks of some kind than the 100 that are shown of each kind.
    pub more: bool,
}

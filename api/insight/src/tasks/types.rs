//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::registry::actors::ActorName;

/// What kind of task it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// An actor is invited to a forum and has not answered.
    Invitation,
    /// An actor has not voted in an open round.
    Ballot,
    /// An actor has said no word on an assessment in review.
    Word,
    /// The text of an assessment has changed since an actor said its word.
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
    /// The operation that does it: its id in the contract, its method and its address.
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

/// What a task is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskSubject {
    pub id: Uuid,
    /// What it is called or asks, in short.
    pub label: String,
}

/// The call that does a task.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskOperation {
    /// Its `operationId` in the contract.
    #[schema(example = "castBallot")]
    pub operation_id: String,
    #[schema(example = "PUT")]
    pub method: String,
    /// Its address below the root of the API.
    #[schema(example = "/rounds/01890a5d-ac96-774b-bcce-b302099a8057/ballots/01890a5d-ac96-774b-bcce-b302099a8058")]
    pub path: String,
}

/// Something that waits for the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub kind: TaskKind,
    /// What to do, in the language of the call.
    #[schema(example = "Rösta i prioriteringen")]
    pub title: String,
    /// The forum, round, assessment, mandate, token or grant that it is about.
    pub subject: TaskSubject,
    /// The actor for which the caller does it; null when it is for the caller itself.
    pub actor: Option<ActorName>,
    /// The last day on which it can be done as things stand; null when there is none.
    pub due: Option<NaiveDate>,
    pub operation: TaskOperation,
}

/// What waits for the caller (att göra).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tasks {
    /// What has a last day comes first, the nearest before the others; then by kind, the oldest first.
    pub items: Vec<Task>,
    /// Whether there are more of a kind than are shown, which is 100 of each.
    pub more: bool,
}

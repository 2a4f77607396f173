//! Tasks (att göra): what waits for the caller, in whatever room, with the operation that does it.

mod api;
mod waiting;

use serde::Serialize;
use utoipa::ToSchema;

pub use api::routes;

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
    const fn operation(self) -> (&'static str, &'static str, &'static str) {
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

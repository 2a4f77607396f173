//! Legal holds (undantag från gallring): what must stay as it is, for a court, an audit or a request for documents. Nothing
//! under a hold is erased or disposed of.

mod api;
pub mod store;
mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{LegalHold, NewLegalHold, routes};

use crate::kernel::Id;

/// The id of a hold.
pub type LegalHoldId = Id<LegalHold>;

/// What kind of record is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = HeldRecordKind)]
pub enum RecordKind {
    /// A user, with all that is stored about that person.
    User,
    /// An actor.
    Actor,
    /// A forum.
    Forum,
    /// A shared situation assessment.
    Assessment,
    /// A published revision of one.
    Revision,
    /// An intervention.
    Intervention,
    /// A round of prioritisation.
    Round,
    /// A decision.
    Decision,
}

impl RecordKind {
    /// The table that the record is in.
    const fn table(self) -> &'static str {
        match self {
            Self::User => "user_account",
            Self::Actor => "actor",
            Self::Forum => "forum",
            Self::Assessment => "assessment",
            Self::Revision => "revision",
            Self::Intervention => "intervention",
            Self::Round => "round",
            Self::Decision => "decision",
        }
    }
}

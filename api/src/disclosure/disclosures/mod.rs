//! Disclosures (utlämnanden): that somebody asked for a record, what was decided, and just what was handed out, with what
//! is under secrecy masked. Nobody's name is asked for: who asks for a public document may be anonymous and need not say
//! why (Freedom of the Press Act, chapter 2, section 18).

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{NewRecordDisclosure, RecordDisclosure, routes};

use crate::kernel::Id;

/// The id of a disclosure.
pub type DisclosureId = Id<RecordDisclosure>;

/// What was decided when a record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = DisclosureDecision)]
pub enum Outcome {
    /// Handed out (utlämnad).
    Disclosed,
    /// Handed out without what is under secrecy (utlämnad i delar).
    DisclosedInPart,
    /// Not handed out (avslag).
    Refused,
}

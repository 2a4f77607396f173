//! The journal (diarium): what has come in, gone out and been drawn up, each with a number that is given once, in order,
//! and never changes. Entries are not removed.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{JournalEntry, NewJournalEntry, routes};

use crate::kernel::Id;

/// The id of an entry.
pub type EntryId = Id<JournalEntry>;

/// Which way a document went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = JournalDirection)]
pub enum Direction {
    /// It came in (inkommen).
    Incoming,
    /// It went out (utgående).
    Outgoing,
    /// It was drawn up here (upprättad).
    DrawnUp,
}

//! The records that can be under secrecy, be disclosed, or be registered in the journal, found by kind and id.

pub mod store;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::Reach,
    kernel::{Result, events::Visible},
};

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = DisclosableKind)]
pub enum RecordKind {
    /// Aktör.
    Actor,
    /// Mandat.
    Mandate,
    /// Behov, utmaning, kompetens eller resurs.
    Statement,
    /// Forum.
    Forum,
    /// Lägesbild.
    Assessment,
    /// Iakttagelse.
    Finding,
    /// Orsak.
    Cause,
    /// Insats.
    Intervention,
    /// Prioritering.
    Round,
    /// Beslut.
    Decision,
    /// Utgåva.
    Revision,
    /// Diariepost.
    JournalEntry,
}

impl RecordKind {
    /// The kind's name in the change feed and in the contract's schemas.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Mandate => "mandate",
            Self::Statement => "statement",
            Self::Forum => "forum",
            Self::Assessment => "assessment",
            Self::Finding => "finding",
            Self::Cause => "cause",
            Self::Intervention => "intervention",
            Self::Round => "round",
            Self::Decision => "decision",
            Self::Revision => "revision",
            Self::JournalEntry => "journal_entry",
        }
    }
}

/// A record as it is answered, with who owns it.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: RecordKind,
    pub id: Uuid,
    pub version: i64,
    /// The record as its own address answers it.
    pub json: Value,
    pub forum: Option<Uuid>,
    pub actor: Option<Uuid>,
    /// The paths of the areas that it belongs to.
    pub areas: Vec<String>,
    pub visible: Visible,
}

impl Record {
    /// Checks that the caller may do this with the record: for its actor, its forum, or an area that it belongs to.
    ///
    /// # Errors
    /// When the caller may not.
    pub fn require(&self, reach: &Reach) -> Result<()> {
        let areas: Vec<&str> = self.areas.iter().map(String::as_str).collect();
        reach.require(&areas, self.actor, self.forum)
    }
}

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

/// A kind of record that can be disclosed, put under secrecy, or named by a journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = DisclosableKind)]
pub enum RecordKind {
    /// Actor (aktör).
    Actor,
    /// Mandate (mandat).
    Mandate,
    /// Statement (behov, utmaning, kompetens eller resurs).
    Statement,
    /// Forum (forum).
    Forum,
    /// Assessment (lägesbild).
    Assessment,
    /// Finding (iakttagelse).
    Finding,
    /// Cause (orsak).
    Cause,
    /// Intervention (insats).
    Intervention,
    /// Round of priorities (prioritering).
    Round,
    /// Decision (beslut).
    Decision,
    /// Revision of an assessment (utgåva).
    Revision,
    /// Journal entry (diariepost).
    JournalEntry,
}

impl RecordKind {
    /// Returns the name of the kind in the change feed, in snake case. In camel case it is the name of its schema in the contract.
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

/// A record as its own address answers it, with its owners.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: RecordKind,
    pub id: Uuid,
    pub version: i64,
    /// The JSON body of the record.
    pub json: Value,
    /// The owning forum.
    pub forum: Option<Uuid>,
    /// The owning actor.
    pub actor: Option<Uuid>,
    /// The paths of the areas that the record belongs to: those of the forum, or the seat of the actor.
    pub areas: Vec<String>,
    /// Who can see the record, for changes in the feed.
    pub visible: Visible,
}

impl Record {
    /// Checks that the reach covers the record: its actor, its forum, or an area that it belongs to.
    ///
    /// # Errors
    /// When it does not (403).
    pub fn require(&self, reach: &Reach) -> Result<()> {
        let areas: Vec<&str> = self.areas.iter().map(String::as_str).collect();
        reach.require(&areas, self.actor, self.forum)
    }
}

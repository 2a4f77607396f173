//! The table of disclosures.

use sea_orm::entity::prelude::*;

use super::{DisclosureId, Outcome};
use crate::{
    kernel::{secrecy::Redaction, table::List},
    records::RecordKind,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "disclosure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DisclosureId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    pub requested_on: ChronoDate,
    pub decision: Outcome,
    pub note: Option<String>,
    pub content: Option<String>,
    pub digest: Option<String>,
    pub form: Option<i32>,
    pub redacted: List<Redaction>,
    pub forum_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    /// The paths of the areas that the record belonged to, each with a bar in front: `|00/01/|00/01/0127/`.
    pub areas: String,
    pub decided_by_name: String,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

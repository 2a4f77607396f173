//! The table of statements.

use sea_orm::entity::prelude::*;

use super::{StatementId, StatementKind, Sufficiency};
use crate::{access::Visibility, actors::ActorId, geography::areas::AreaId, kernel::table::List};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "statement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StatementId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub kind: StatementKind,
    pub actor_id: ActorId,
    pub text: String,
    pub policy_domain: String,
    pub area_id: AreaId,
    pub target_groups: List<String>,
    pub sufficiency: Sufficiency,
    pub plan: Option<String>,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub visibility: Visibility,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

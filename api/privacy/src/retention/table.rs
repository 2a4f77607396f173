//! Runs of disposal.

use sea_orm::entity::prelude::*;

use super::{RetentionRunId, RuleOutcome};
use crate::{access::users::UserId, kernel::table::List};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "retention_run")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RetentionRunId,
    pub started_at: ChronoDateTimeUtc,
    pub started_by: Option<UserId>,
    pub dry_run: bool,
    pub rules: List<RuleOutcome>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

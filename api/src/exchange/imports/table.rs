//! Jobs of importing, the rows that wait, and what became of each row.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    ImportJobId, ImportOutcome, ImportStatus,
    mapping::{ImportColumn, LeftOutColumn, RowFault},
};
use crate::{
    access::policy::Role,
    exchange::sources::{SourceId, rules::UnwrittenReason},
    kernel::table::List,
    registry::actors::{ActorId, ActorKind},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ImportJobId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub status: ImportStatus,
    pub user_id: Option<Uuid>,
    pub scopes: Option<List<String>>,
    pub withheld: List<Role>,
    pub source_id: Option<SourceId>,
    pub kind: Option<ActorKind>,
    pub is_full: bool,
    pub dry_run: bool,
    pub columns: List<ImportColumn>,
    pub left_out: List<LeftOutColumn>,
    pub total: i64,
    pub processed: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub held: i64,
    pub refused: i64,
    pub absent: i64,
    pub reason_sv: Option<String>,
    pub reason_en: Option<String>,
    pub started_at: Option<ChronoDateTimeUtc>,
    pub finished_at: Option<ChronoDateTimeUtc>,
    pub holder: Option<Uuid>,
    pub held_until: Option<ChronoDateTimeUtc>,
    pub tries: i32,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Rows that have been read and wait, some hundred in each. They come before their job does, so that a large file is stored in
/// short transactions; those that never get one are removed after a day.
pub mod piece {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_piece")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_job_id: ImportJobId,
        /// How many rows of the file stand before it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub first_row: i64,
        pub rows: String,
        pub created_at: ChronoDateTimeUtc,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A member that a row did not change, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The member.
    pub member: String,
    /// Why.
    pub reason: UnwrittenReason,
}

/// What became of rows.
pub mod row {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_row")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_job_id: ImportJobId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub outcome: ImportOutcome,
        pub external_id: Option<String>,
        pub actor_id: Option<ActorId>,
        pub match_id: Option<Uuid>,
        pub errors: List<RowFault>,
        pub left_alone: List<Kept>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

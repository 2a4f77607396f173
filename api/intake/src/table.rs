//! Jobs of importing, the rows that wait, and what became of each row.

use sea_orm::entity::prelude::*;

use super::{
    headings::{ImportColumn, LeftOutColumn},
    types::{ImportOutcome, ImportStatus, JobId, Kept, RowFault},
};
use crate::{access::policy::Role, kernel::table::List};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub status: ImportStatus,
    pub user_id: Option<Uuid>,
    pub scopes: Option<List<String>>,
    pub withheld: List<Role>,
    /// The name of the target that its rows are for.
    pub target: String,
    /// What the call said besides the file, in the target's own form.
    pub options: Json,
    /// Whether its rows are kept until it ends, because the target needs them once more.
    pub keeps_rows: bool,
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
        pub import_job_id: JobId,
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

/// What became of rows.
pub mod row {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_row")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_job_id: JobId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub outcome: ImportOutcome,
        pub external_id: Option<String>,
        /// The record that the row became or is about.
        #[sea_orm(column_name = "actor_id")]
        pub record_id: Option<Uuid>,
        pub match_id: Option<Uuid>,
        pub errors: List<RowFault>,
        pub left_alone: List<Kept>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

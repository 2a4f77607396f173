//! The entities of import jobs, of waiting rows, and of the outcomes of rows.

use sea_orm::entity::prelude::*;

use super::types::{ImportColumn, ImportOutcome, ImportStatus, Kept, LeftOutColumn, RowFault};
use crate::{
    access::policy::Role,
    kernel::{Id, table::List},
};

/// An import job.
pub type Job = Model;

/// The id of an import job.
pub type JobId = Id<Job>;

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
    /// The name of the target.
    pub target: String,
    /// The options of the request, in the target's own form.
    pub options: Json,
    /// Whether the rows are kept until the job ends, because the target needs them again.
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

/// Pieces of rows that wait, up to some hundred rows in each. They are stored before their job, so that a large file is
/// stored in short transactions. Pieces without a job are removed after a day.
pub mod piece {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "import_piece")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_job_id: JobId,
        /// The number of rows of the file before the piece.
        #[sea_orm(primary_key, auto_increment = false)]
        pub first_row: i64,
        pub rows: String,
        pub created_at: ChronoDateTimeUtc,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The outcomes of rows.
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
        /// The record that was created or changed, or that the row is about.
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

//! Endorsements.

use sea_orm::entity::prelude::*;

use super::{EndorsementId, EndorsementPosition};
use crate::{assessments::AssessmentId, registry::actors::ActorId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "endorsement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EndorsementId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub assessment_id: AssessmentId,
    pub actor_id: ActorId,
    pub position: EndorsementPosition,
    pub reason: Option<String>,
    pub text_digest: Option<String>,
    pub outdated: bool,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

//! The table of mandates.

use sea_orm::entity::prelude::*;

use super::{Basis, Confirmer, MandateId, Power};
use crate::{access::Visibility, actors::ActorId, geography::areas::AreaId, kernel::table::List};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mandate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MandateId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub actor_id: ActorId,
    pub policy_domain: String,
    pub area_id: AreaId,
    pub powers: List<Power>,
    pub basis: Basis,
    pub legal_basis: Option<String>,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub visibility: Visibility,
    pub confirmer: Option<Confirmer>,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

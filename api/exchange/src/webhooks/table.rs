//! The entities of webhooks and their secrets.

use sea_orm::entity::prelude::*;

use super::{WebhookId, WebhookReason, WebhookStatus};
use crate::{
    access::{policy::Role, users::UserId},
    geography::areas::AreaId,
    kernel::table::List,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub owner_id: UserId,
    pub url: String,
    pub types: List<String>,
    pub area_id: Option<AreaId>,
    pub description: Option<String>,
    pub withheld: List<Role>,
    pub status: WebhookStatus,
    pub reason: Option<WebhookReason>,
    pub since: ChronoDateTimeUtc,
    pub failing_since: Option<ChronoDateTimeUtc>,
    pub position: i64,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub mod secret {
    use sea_orm::entity::prelude::*;

    use super::super::WebhookId;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub webhook_id: WebhookId,
        pub secret: Vec<u8>,
        pub created_at: ChronoDateTimeUtc,
        pub expires_at: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

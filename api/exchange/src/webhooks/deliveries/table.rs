//! The entity of deliveries.

use sea_orm::entity::prelude::*;

use super::{DeliveryError, DeliveryId, DeliveryState};
use crate::webhooks::WebhookId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    pub message_id: String,
    pub kind: String,
    pub position: Option<i64>,
    pub state: DeliveryState,
    pub attempts: i32,
    pub next_try_at: ChronoDateTimeUtc,
    pub holder: Option<Uuid>,
    pub held_until: Option<ChronoDateTimeUtc>,
    pub last_tried_at: Option<ChronoDateTimeUtc>,
    pub last_status: Option<i32>,
    pub last_millis: Option<i32>,
    pub last_error: Option<DeliveryError>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

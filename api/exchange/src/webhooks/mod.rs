//! Webhooks (webhookar): addresses of partner systems that messages about changes are sent to, in the form of Standard
//! Webhooks.
//!
//! The feed is the queue. Each webhook has its own position in the feed. A worker turns the events after that position into
//! deliveries, a limited number in advance, in the same transaction that moves the position. So no event is missed and none
//! is queued twice. What the owner may see is checked when a delivery is queued and again when it is sent.

mod api;
pub mod deliveries;
mod rules;
mod sender;
mod store;
mod table;
mod types;
mod worker;

use utoipa_actix_web::service_config::ServiceConfig;

pub use rules::AllowedReceivers;
pub use types::*;
pub use worker::Webhooks;

use crate::kernel::record::{
    Bilingual, DataPurpose::Access, DataSubject, Owner, Record, Rule, deleted_columns, impersonal_table, personal_table,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "webhook",
    Owner::Permission,
    &[
        personal_table(
            "webhook",
            Bilingual("Webhookar", "Webhooks"),
            DataSubject::User(&["owner_id"]),
            &[deleted_columns(
                "owner_id url types:json area_id description withheld:json status reason since:time failing_since:time created_at updated_at",
                Access,
                Rule::Accounts,
                "listWebhooks getWebhook",
            )],
            "id version:int position:int",
        ),
        impersonal_table("webhook_secret", "id webhook_id secret:bytes created_at expires_at"),
    ],
);

/// Registers the operations of webhooks and of their deliveries.
pub fn routes(config: &mut ServiceConfig) {
    api::routes(config);
    deliveries::routes(config);
}

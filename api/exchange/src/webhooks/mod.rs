//! Webhooks (webhookar): addresses of partner systems that are told of changes, in the form of Standard Webhooks.
//!
//! The feed is the queue. Each webhook has its own place in it; a worker turns what follows there into deliveries, a limited
//! number ahead, in the transaction that moves the place. So nothing is missed and nothing is queued twice, and what an
//! owner may see is judged both then and again when it is sent.

mod api;
pub mod deliveries;
mod rules;
mod sender;
mod store;
mod table;
mod types;
mod worker;

use utoipa_actix_web::service_config::ServiceConfig;

pub use rules::Allowed;
pub use types::*;
pub use worker::Webhooks;

use crate::kernel::record::{Of, Owner, Record, Rule, Why::Access, Words, about, goes, nobody};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "webhook",
    Owner::Permission,
    &[
        about(
            "webhook",
            Words("Webhookar", "Webhooks"),
            Of::User(&["owner_id"]),
            &[goes(
                "owner_id url types:json area_id description withheld:json status reason since:time failing_since:time created_at updated_at",
                Access,
                Rule::Accounts,
                "listWebhooks getWebhook",
            )],
            "id version:int position:int",
        ),
        nobody("webhook_secret", "id webhook_id secret:bytes created_at expires_at"),
    ],
);

/// The operations of webhooks and of what they deliver.
pub fn routes(config: &mut ServiceConfig) {
    api::routes(config);
    deliveries::routes(config);
}

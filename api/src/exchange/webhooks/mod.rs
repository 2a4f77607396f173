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

/// The operations of webhooks and of what they deliver.
pub fn routes(config: &mut ServiceConfig) {
    api::routes(config);
    deliveries::routes(config);
}

//! Deliveries (leveranser): the messages of a webhook, each with its outcome. One event is one delivery, however often it
//! is tried or replayed.

mod api;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Table, impersonal_table};

/// The tables of this resource.
pub const TABLES: &[Table] = &[impersonal_table(
    "webhook_delivery",
    "id webhook_id message_id:text kind position:int state attempts:int next_try_at holder:id held_until:time last_tried_at:time \
         last_status:int last_millis:int last_error created_at updated_at",
)];

//! Endorsements (ställningstaganden): each party's own word on an assessment. A dissent carries its reason, is never lost and
//! is published with the text.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

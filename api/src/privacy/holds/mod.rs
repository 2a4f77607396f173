//! Legal holds (undantag från gallring): what must stay as it is, for a court, an audit or a request for documents. Nothing
//! under a hold is erased or disposed of.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

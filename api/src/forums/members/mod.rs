//! Members (medlemmar): the actors of a forum, what they do there, and how closely they work together now and wish to.
//! Parties may stand at different levels and higher is not always better; what counts is the gap to what is wished.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

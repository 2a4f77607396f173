//! Trace (spår): the red thread from a decision back to the numbers it rests on, and forward again. Each link is a stored
//! reference; what the caller may not see is not there, and neither is what lies behind it.

mod api;
mod types;
mod walk;

pub use api::routes;
pub use types::*;

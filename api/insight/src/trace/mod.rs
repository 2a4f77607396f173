//! Trace (spår): the red thread from a decision back to the numbers that it rests on, and forward again. Each link is a stored
//! reference. Records that the caller cannot see are left out, and so are records that are linked only through them.

mod api;
mod types;
mod walk;

pub use api::routes;
pub use types::*;

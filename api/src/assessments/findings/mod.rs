//! Findings (iakttagelser): a difference or a pattern that the parties hold to be there, and the evidence that it rests on.
//! Evidence from statistics is a question with its answer as it was, frozen with a digest: later changes of the numbers do
//! not change what was agreed on.

pub mod answers;
mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

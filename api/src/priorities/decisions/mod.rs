//! Decisions (beslut): what was chosen in the end. A decision may depart from the result of its round; then it says why.

mod api;
pub mod store;
pub mod table;

pub use api::{Decision, NewDecision, routes};

use crate::kernel::Id;

/// The id of a decision.
pub type DecisionId = Id<Decision>;

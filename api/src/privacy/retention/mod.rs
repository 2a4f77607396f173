//! Disposal (gallring): what has served its purpose is removed by rule, in runs that each leave a protocol. What is under a
//! legal hold is left alone.

mod api;
mod rules;
pub mod store;
mod table;

pub use api::{NewRetentionRun, RetentionRun, RuleOutcome, routes};
pub use rules::{Rule, Terms};

use crate::kernel::Id;

/// The id of a run.
pub type RetentionRunId = Id<RetentionRun>;

//! Priorities: the choice of which interventions come first.

pub mod ballots;
pub mod decisions;
pub mod methods;
pub mod rounds;

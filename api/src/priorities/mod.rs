//! Priorities: what we choose first.

pub mod ballots;
pub mod decisions;
pub mod methods;
pub mod rounds;

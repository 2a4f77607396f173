//! Registry: who we are, what each may decide, how we belong together, and what each needs and has.

pub mod actors;
pub mod history;
pub mod likenesses;
pub mod mandates;
pub mod relations;
pub mod statements;

//! Registry: the actors, their mandates, the relations between them, and what each of them needs and has.

pub mod actors;
pub mod history;
pub mod likenesses;
pub mod mandates;
pub mod relations;
pub mod statements;

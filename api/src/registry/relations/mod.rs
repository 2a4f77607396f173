//! Relations between actors (relationer): which is a member of which, which has succeeded which, and which is part of
//! which. That an actor is part of another is said by its `parentId`; the relation keeps when that was so.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

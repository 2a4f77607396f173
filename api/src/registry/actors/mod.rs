//! Actors (aktörer): the organisations that work together, from the region to the smallest association. An actor tells
//! where it has its seat, whom it serves, what it works with and by which numbers other systems know it.

mod api;
pub mod matching;
pub mod rules;
pub mod store;
pub mod table;
pub mod tombstones;
mod types;

pub use api::{ActorBatch, ActorOperation, CreateActor, DeleteActor, UpdateActor, routes};
pub use types::*;

//! Likenesses (likheter): actors that may be one and the same, for they have come to have the same number, or the same name at
//! the same seat, or for the one may be taken for the other, a public body. Each is found when an actor is stored, whoever stores
//! it and however, and is told to those who see both and may write one of them. They merge the two, or those whose it is to say
//! say that they are two.
//!
//! Who stored the actor is told nothing by it, for the other may be one that it may not see. So there is no change of a
//! likeness in the feed, which would be told to the people of both.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

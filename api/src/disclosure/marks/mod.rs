//! Secrecy marks (sekretessmarkeringar): that something in a record is under secrecy by a paragraph of the Public Access to
//! Information and Secrecy Act (offentlighets- och sekretesslagen, OSL 2009:400), why, since when, and when that is to be
//! looked at again. A mark is a warning and a lock; the question of secrecy is tried anew at each disclosure.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

//! Disclosures (utlämnanden): that somebody asked for a record, what was decided, and just what was handed out, with what
//! is under secrecy masked. Nobody's name is asked for: who asks for a public document may be anonymous and need not say
//! why (Freedom of the Press Act, chapter 2, section 18).

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

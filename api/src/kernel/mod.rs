//! What every room stands on and what knows no resource: ids, pages, problems, replies, the contract, the one write path.

pub mod address;
pub mod clock;
pub mod contract;
pub mod cors;
pub mod db;
pub mod events;
pub mod extract;
pub mod hash;
pub mod id;
pub mod language;
pub mod measures;
pub mod middleware;
pub mod page;
pub mod patch;
pub mod problem;
pub mod remembered;
pub mod reply;
pub mod request;
pub mod search;
pub mod table;
pub mod text;
pub mod write;

pub use db::Db;
pub use extract::{At, Query, Valid};
pub use id::Id;
pub use language::Text;
pub(crate) use language::say;
pub use page::{Page, Paging};
pub use patch::Patch;
pub use problem::{Fault, Kind, Problem, Result};
pub use remembered::Remembered;
pub use reply::Reply;
pub use write::Write;

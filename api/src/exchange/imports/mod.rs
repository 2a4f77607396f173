//! Imports (inläsningar): a file with organisations becomes actors. The file is read when it comes, row by row; what its rows
//! say waits in the database to be worked through.

mod cells;
pub mod formats;
mod intake;
pub mod mapping;
mod record;

pub use intake::{Intake, intake};

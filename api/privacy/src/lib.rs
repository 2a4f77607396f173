//! People whose data is stored (dataskydd och gallring): what is stored and why, what is stored about one person, erasing
//! a person, holding back what must be kept, and disposing of what has served its purpose.
//!
//! All of it follows one register ([`register`]), which names every column of the database. The room lies above all
//! others and asks their tables by name.

use samsyn_access as access;
use samsyn_kernel as kernel;

pub mod holds;
pub mod persons;
pub mod register;
pub mod retention;

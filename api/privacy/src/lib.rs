//! Personal data (dataskydd och gallring): the register of all stored data, the extract of the data about one person, the erasure
//! of a person, legal holds, and the disposal of data that has served its purpose.
//!
//! All of it follows one register ([`register`]), which names every column of the database. The room lies above all others and
//! queries their tables by name.

use samsyn_access as access;
use samsyn_kernel as kernel;

pub mod holds;
pub mod persons;
pub mod register;
pub mod retention;

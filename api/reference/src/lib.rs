//! Reference: the codelists, with the meaning of each code in Swedish and English.

use samsyn_access as access;
use samsyn_kernel as kernel;

pub mod codelists;

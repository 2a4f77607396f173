//! Reference: what words mean. The codelists with their labels in both languages.

use samsyn_access as access;
use samsyn_kernel as kernel;

pub mod codelists;

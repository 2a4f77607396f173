//! Forums: where actors meet, and their members.

use samsyn_access as access;
use samsyn_geography as geography;
use samsyn_kernel as kernel;
use samsyn_registry as registry;

pub mod forums;
pub mod members;

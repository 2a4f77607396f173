//! Guidance: the method itself. So far it has only the packs of reference data that an installation starts with.

use samsyn_access as access;
use samsyn_geography as geography;
use samsyn_kernel as kernel;
use samsyn_reference as reference;
use samsyn_registry as registry;
use samsyn_statistics as statistics;

pub mod packs;

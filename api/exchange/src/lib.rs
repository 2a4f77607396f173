//! Exchange (utbyte): data that other systems send to Samsyn and fetch from it.

use samsyn_access as access;
use samsyn_forums as forums;
use samsyn_geography as geography;
use samsyn_intake as intake;
use samsyn_kernel as kernel;
use samsyn_registry as registry;

pub mod changes;
pub mod columns;
pub mod imports;
pub mod links;
pub mod matches;
pub mod merging;
pub mod sources;
pub mod webhooks;

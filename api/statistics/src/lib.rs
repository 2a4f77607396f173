//! Statistics: indicators and their values.

use samsyn_access as access;
use samsyn_geography as geography;
use samsyn_intake as intake;
use samsyn_kernel as kernel;

pub mod indicators;
pub mod observations;

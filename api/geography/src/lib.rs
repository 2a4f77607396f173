//! Geography: the areas that records refer to. An area is not an actor: county 01 is an area, Region Stockholm is an actor.

use samsyn_access as access;
use samsyn_kernel as kernel;

pub mod areas;

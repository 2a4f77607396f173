//! Interventions: the work that actors do or plan.

use samsyn_access as access;
use samsyn_assessments as assessments;
use samsyn_forums as forums;
use samsyn_geography as geography;
use samsyn_kernel as kernel;
use samsyn_reference as reference;
use samsyn_registry as registry;

pub mod interventions;

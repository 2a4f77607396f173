//! Insight: connections between records of all rooms. This room only reads.

use samsyn_access as access;
use samsyn_assessments as assessments;
use samsyn_forums as forums;
use samsyn_interventions as interventions;
use samsyn_kernel as kernel;
use samsyn_priorities as priorities;
use samsyn_registry as registry;
use samsyn_statistics as statistics;

pub mod tasks;
pub mod trace;

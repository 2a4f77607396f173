//! Priorities: the choice of which interventions come first.

use samsyn_access as access;
use samsyn_forums as forums;
use samsyn_interventions as interventions;
use samsyn_kernel as kernel;
use samsyn_registry as registry;

pub mod ballots;
pub mod decisions;
pub mod methods;
pub mod rounds;

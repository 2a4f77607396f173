//! Assessments: the shared picture of the situation, on which the parties agree.

use samsyn_access as access;
use samsyn_forums as forums;
use samsyn_geography as geography;
use samsyn_kernel as kernel;
use samsyn_reference as reference;
use samsyn_registry as registry;
use samsyn_statistics as statistics;

pub mod assessments;
pub mod causes;
pub mod endorsements;
pub mod findings;
pub mod revisions;

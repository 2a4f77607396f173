//! Disclosure: secrecy marks, disclosures of records, and the journal.

use samsyn_access as access;
use samsyn_assessments as assessments;
use samsyn_forums as forums;
use samsyn_geography as geography;
use samsyn_interventions as interventions;
use samsyn_kernel as kernel;
use samsyn_priorities as priorities;
use samsyn_registry as registry;

pub mod disclosures;
pub mod journal;
pub mod marks;
pub mod records;

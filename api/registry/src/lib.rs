//! Registry: the actors, their mandates, the relations between them, and what each of them needs and has.

use samsyn_access as access;
use samsyn_geography as geography;
use samsyn_kernel as kernel;
use samsyn_reference as reference;

pub mod actors;
pub mod history;
pub mod likenesses;
pub mod mandates;
pub mod relations;
pub mod statements;

//! The extract of the data about one person (registerutdrag, GDPR art. 15 and 20), and the erasure of a person (radering, art.
//! 17). Both go through the register table by table, so that neither misses one.

mod api;
pub mod store;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Rule, Table, Why::Accountability, Words, about, becomes};

/// The tables of this resource.
pub const TABLES: &[Table] = &[about(
    "erasure",
    Words("Raderingar av eller gjorda av personen", "Erasures of or by the person"),
    Of::User(&["user_id", "erased_by"]),
    &[
        becomes("user_id erased_by erased_at", Erase::Stays, Accountability, Rule::Protocols, ""),
        becomes("reason disposal_decision", Erase::ByHand, Accountability, Rule::Protocols, ""),
    ],
    "id outcome:json",
)];

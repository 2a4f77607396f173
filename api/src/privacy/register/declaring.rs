//! How a table is declared, in few words.

use super::{
    Declared, Erase, Of, Personal,
    Why::{self, Text},
    Words,
};
use crate::privacy::retention::Rule;

/// Columns about a person, which go with their row when the person is erased.
pub(super) const fn goes(columns: &'static str, why: Why, rule: Rule, shown: &'static str) -> Personal {
    Personal { columns, why, shown, at_erasure: Erase::Row, rule, told: true }
}
/// Columns about a person, which stay or become something else when the person is erased.
pub(super) const fn becomes(columns: &'static str, at_erasure: Erase, why: Why, rule: Rule, shown: &'static str) -> Personal {
    Personal { columns, why, shown, at_erasure, rule, told: true }
}
/// The same, not told to anybody: secrets, digests, and copies of what is told elsewhere.
pub(super) const fn untold(personal: Personal) -> Personal {
    Personal { told: false, ..personal }
}
/// Texts that may come to name people.
pub(super) const fn texts(columns: &'static str, shown: &'static str) -> Personal {
    becomes(columns, Erase::ByHand, Text, Rule::Records, shown)
}

/// A table whose rows are about a person.
pub(super) const fn about(table: &'static str, what: Words, of: Of, personal: &'static [Personal], plain: &'static str) -> Declared {
    Declared { table, what, of, personal, plain }
}
/// A table whose texts may name people.
pub(super) const fn naming(table: &'static str, what: Words, personal: &'static [Personal], plain: &'static str) -> Declared {
    Declared { table, what, of: Of::Nobody, personal, plain }
}
/// A table that holds nothing about anybody.
pub(super) const fn nobody(table: &'static str, plain: &'static str) -> Declared {
    Declared { table, what: Words("", ""), of: Of::Nobody, personal: &[], plain }
}

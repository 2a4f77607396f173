//! Another table of contents: one line for each record that has a life-cycle.

use crate::{
    assessments::{assessments::rules::Life as Assessments, endorsements::rules::Life as Endorsements},
    forums::{forums::rules::Life as Forums, members::rules::Life as Members},
    kernel::lifecycle::{Table, table},
    priorities::{ballots::rules::Life as Ballots, decisions::rules::Life as Decisions, rounds::rules::Life as Rounds},
};

/// The life-cycles of all records that have one.
#[must_use]
pub fn all() -> Vec<Table> {
    vec![
        table::<Forums>(),
        table::<Members>(),
        table::<Assessments>(),
        table::<Endorsements>(),
        table::<Rounds>(),
        table::<Ballots>(),
        table::<Decisions>(),
    ]
}

/// The page that shows them.
#[must_use]
pub fn page() -> String {
    let head = "# States\n\nWhat each call leads to in each state of a record: the next state, or the problem that it is refused with. Generated; \
                see `api/src/states.rs`.\n";
    all().iter().fold(head.to_owned(), |page, table| format!("{page}\n{}", table.page()))
}

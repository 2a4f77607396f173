//! The page of all life-cycles, for people.

use crate::{
    kernel::{lifecycle::Table, record::Declared},
    records,
};

/// The life-cycles of all records that have one.
#[must_use]
pub fn all() -> Vec<Table> {
    records::ALL.iter().filter_map(Declared::record).filter_map(|record| record.life.map(|table| table())).collect()
}

/// The page that shows them, in Markdown.
#[must_use]
pub fn page() -> String {
    let head = "# States\n\nThe effect of each call in each state of a record: the next state, or the problem that refuses the call. Generated; \
                see `life` in the declarations of `api/src/records.rs`.\n";
    all().iter().fold(head.to_owned(), |page, table| format!("{page}\n{}", table.page()))
}

//! Declarations of the kinds of record. Each resource declares its kinds of record and its tables once, beside its types, and
//! `records.rs` lists the declarations. The feed, merging with its guards, secrecy, disclosure, the trace, erasure, the
//! register of personal data and the life-cycles all read them, so that a new kind is added in one place.
//!
//! The kernel knows no resource. It gets the declarations through [`super::Db::open`].

mod personal;
mod retention;

use std::sync::OnceLock;

pub use personal::{
    Bilingual, DataPurpose, DataSubject, Erase, Form, Personal, columns, deleted_columns, impersonal_table, kept_columns, not_in_extract,
    personal_table, text_columns, text_table,
};
pub use retention::{Rule, Terms};

use super::lifecycle;

/// The declaration of a kind of record.
#[derive(Debug)]
pub struct Record {
    /// The name of the kind in the feed, singular and in snake case. In camel case it is the name of the schema in the contract.
    pub kind: &'static str,
    /// The table with the rows of the records.
    pub table: &'static str,
    /// The owner of a record, which also determines the callers who may see it.
    pub owner: Owner,
    /// The record that this one is a part of. A part is shown below the address of the other record or stored with it, and has no
    /// meaning without it. A secrecy mark on a whole record also holds for its parts, and for their parts.
    pub part_of: Option<Part>,
    /// The columns with the areas that the record concerns: one id, or a JSON list of ids.
    pub areas: &'static [&'static str],
    /// The way in which a row shows that the record has ended.
    pub end: End,
    /// Whether the record can be disclosed by itself.
    pub disclosable: bool,
    /// Whether the record can be put under secrecy by itself.
    pub markable: bool,
    /// Whether a legal hold can be placed on the record.
    pub holdable: bool,
    /// The references of the record on the trace from a decision back to the numbers.
    pub links: &'static [Link],
    /// The members that are the first and the last day of its period. Who may not see one of them may not change the other.
    pub period: (&'static str, &'static str),
    /// Members that repeat another one: the member, and the one that it repeats. They are hidden together.
    pub repeats: &'static [(&'static str, &'static str)],
    /// The member that is served as it was stored, and the members that hold digests of it.
    pub frozen: Option<Frozen>,
    /// The life-cycle, for records with states.
    pub life: Option<fn() -> lifecycle::Table>,
    /// The table of the record, then the tables that are stored with it.
    pub tables: &'static [Table],
}

/// The owner of a record. The columns are columns of the record's own table. A record with a visibility of its own has it in the
/// column `visibility`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The actor in this column; for actors themselves that is `id`. The record has a visibility of its own.
    Actor(&'static str),
    /// The actor and the forum in these two columns. The record has a visibility of its own.
    ActorAndForum(&'static str, &'static str),
    /// The forum in this column; for forums themselves that is `id`. The record has a visibility of its own.
    Forum(&'static str),
    /// The forum of the record that this one is a part of. The record has a visibility of its own.
    ForumOfWhole,
    /// The forum of the record that this one is a part of. Callers who may see that record may see this one.
    Whole,
    /// The actor in this column. Callers who are signed in and may see the actor may see the record.
    ActorForSignedIn(&'static str),
    /// The two actors in these two columns. Callers who may see both actors may see the record.
    Between(&'static str, &'static str),
    /// The source in this column. Only users who work for the actor of the source may see the record.
    Source(&'static str),
    /// No owner. Callers with a permission may see the record.
    Permission,
    /// No owner. All callers may see the record.
    Everybody,
}

/// A reference from a part to the record that it is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The kind of that record.
    pub kind: &'static str,
    /// The column of the part's table with the id of that record.
    pub column: &'static str,
}

/// The way in which a row shows that its record has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The row does not show it: records stay, or their rows are deleted.
    Never,
    /// This column has the time of the removal.
    RemovedAt(&'static str),
    /// This column has this value.
    Status(&'static str, &'static str),
}

/// A reference on the trace from a decision back to the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The link's name in the contract.
    pub name: &'static str,
    /// The member of the referring record with the reference. While the member is under secrecy, the link is hidden too.
    pub member: &'static str,
    /// The kind of the referenced record.
    pub to: &'static str,
    /// The place in the database where the references are stored.
    pub stored: Stored,
}

/// A member that is served as it was stored. When something in it is hidden from a caller, so are its digests, since whoever
/// tries one hidden value after the other could recognise the right one by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The member.
    pub member: &'static str,
    /// The member with its digest.
    pub digest: &'static str,
}

/// The place in the database where the references of a link are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// One row for each reference.
    Rows {
        /// The table with the rows.
        table: &'static str,
        /// The column with the id of the referring record.
        from: &'static str,
        /// The column with the id of the referenced record.
        to: &'static str,
    },
    /// A JSON list of ids in this column of the referring record. The trace finds such a record through another of its links.
    List(&'static str),
}

impl Link {
    /// Returns a link whose references are rows of `table`. `from` and `to_column` are the columns with the two ids.
    #[must_use]
    pub const fn rows(
        name: &'static str,
        member: &'static str,
        to: &'static str,
        table: &'static str,
        (from, to_column): (&'static str, &'static str),
    ) -> Self {
        Self { name, member, to, stored: Stored::Rows { table, from, to: to_column } }
    }
}

/// The declaration of a table with all its columns.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The name of the table.
    pub name: &'static str,
    /// The content of the table, for the register of personal data; empty when it has no personal data.
    pub what: Bilingual,
    /// The users whose data the rows are.
    pub subject: DataSubject,
    /// The columns with personal data.
    pub personal: &'static [Personal],
    /// The columns without personal data, separated by blanks, in the form of [`columns`].
    pub plain: &'static str,
    /// The columns with ids of actors.
    pub actors: &'static [ActorColumn],
    /// JSON columns that name actors in frozen content, which a merge never changes.
    pub frozen: &'static [&'static str],
}

/// A column with the id of an actor, and its treatment when that actor is merged into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorColumn {
    /// The name of the column.
    pub name: &'static str,
    /// The reason why the column keeps its value; `None` when it gets the id of the other actor.
    pub fixed_because: Option<&'static str>,
    /// A column in which an actor has each value only once. When both actors have a row with the same value, the row of the merged
    /// actor stays with it.
    pub once: Option<&'static str>,
    /// The columns by which two rows are compared. When both actors have rows that are equal in them, the row of the merged actor
    /// stays with it.
    pub same: &'static [&'static str],
    /// Another column of the row with the id of an actor. A row between the two merged actors stays as it is.
    pub apart: Option<&'static str>,
    /// A column and the value that it has in the rows that this declaration is about.
    pub only: Option<(&'static str, &'static str)>,
    /// Whether the actor is shown in the record. If it is, the record gets a new version and an event in the feed.
    pub shown: bool,
    /// Whether callers write the column, so that the database must prevent new references to an actor that is being merged.
    pub guarded: bool,
}

/// Declares a column that gets the id of the other actor when its actor is merged.
#[must_use]
pub const fn actor_column(name: &'static str) -> ActorColumn {
    ActorColumn { name, fixed_because: None, once: None, same: &[], apart: None, only: None, shown: true, guarded: true }
}

/// Declares a column that keeps the id of the merged actor, with the reason.
#[must_use]
pub const fn fixed_actor_column(name: &'static str, reason: &'static str) -> ActorColumn {
    ActorColumn { fixed_because: Some(reason), shown: false, guarded: false, ..actor_column(name) }
}

impl ActorColumn {
    /// Sets [`ActorColumn::once`].
    #[must_use]
    pub const fn once(self, column: &'static str) -> Self {
        Self { once: Some(column), ..self }
    }

    /// Sets [`ActorColumn::same`].
    #[must_use]
    pub const fn same(self, columns: &'static [&'static str]) -> Self {
        Self { same: columns, ..self }
    }

    /// Sets [`ActorColumn::apart`].
    #[must_use]
    pub const fn apart(self, column: &'static str) -> Self {
        Self { apart: Some(column), ..self }
    }

    /// Sets [`ActorColumn::only`]. Other rows have ids of other records in the column, so it gets no guard in the database.
    #[must_use]
    pub const fn only(self, column: &'static str, value: &'static str) -> Self {
        Self { only: Some((column, value)), guarded: false, ..self }
    }

    /// Declares that the record does not show the actor, and that only the service writes the column.
    #[must_use]
    pub const fn silent(self) -> Self {
        Self { shown: false, guarded: false, ..self }
    }
}

impl Record {
    /// Returns a declaration with defaults: no part of another record, no areas, no end, no links, no life-cycle, and neither
    /// disclosable nor holdable. Its table is the first of `tables`.
    #[must_use]
    pub const fn new(kind: &'static str, owner: Owner, tables: &'static [Table]) -> Self {
        let table = match tables.first() {
            Some(table) => table.name,
            None => "",
        };
        Self {
            kind,
            table,
            owner,
            part_of: None,
            areas: &[],
            end: End::Never,
            disclosable: false,
            markable: false,
            holdable: false,
            links: &[],
            period: ("validFrom", "validTo"),
            repeats: &[],
            frozen: None,
            life: None,
            tables,
        }
    }

    /// Sets [`Record::part_of`].
    #[must_use]
    pub const fn part_of(self, kind: &'static str, column: &'static str) -> Self {
        Self { part_of: Some(Part { kind, column }), ..self }
    }

    /// Sets [`Record::areas`].
    #[must_use]
    pub const fn areas(self, columns: &'static [&'static str]) -> Self {
        Self { areas: columns, ..self }
    }

    /// Sets [`Record::end`].
    #[must_use]
    pub const fn ends(self, end: End) -> Self {
        Self { end, ..self }
    }

    /// Declares that the record can be put under secrecy and disclosed by itself.
    #[must_use]
    pub const fn disclosable(self) -> Self {
        Self { disclosable: true, markable: true, ..self }
    }

    /// Declares that the record can be disclosed by itself, and is under secrecy only through the records that it is made from.
    #[must_use]
    pub const fn disclosable_as_made(self) -> Self {
        Self { disclosable: true, ..self }
    }

    /// Declares that a legal hold can be placed on the record.
    #[must_use]
    pub const fn holdable(self) -> Self {
        Self { holdable: true, ..self }
    }

    /// Sets [`Record::links`].
    #[must_use]
    pub const fn links(self, links: &'static [Link]) -> Self {
        Self { links, ..self }
    }

    /// Sets [`Record::period`].
    #[must_use]
    pub const fn period(self, first: &'static str, last: &'static str) -> Self {
        Self { period: (first, last), ..self }
    }

    /// Sets [`Record::repeats`].
    #[must_use]
    pub const fn repeats(self, members: &'static [(&'static str, &'static str)]) -> Self {
        Self { repeats: members, ..self }
    }

    /// Sets [`Record::frozen`].
    #[must_use]
    pub const fn frozen(self, member: &'static str, digest: &'static str) -> Self {
        Self { frozen: Some(Frozen { member, digest }), ..self }
    }

    /// Sets [`Record::life`].
    #[must_use]
    pub const fn life(self, table: fn() -> lifecycle::Table) -> Self {
        Self { life: Some(table), ..self }
    }

    /// Returns the name of the schema in the contract, such as `JournalEntry` for `journal_entry`.
    #[must_use]
    pub fn schema(&self) -> String {
        let capitalised =
            |part: &str| part.chars().next().into_iter().flat_map(char::to_uppercase).chain(part.chars().skip(1)).collect::<String>();
        self.kind.split('_').map(capitalised).collect()
    }

    /// Returns the kind of record that this one is a part of.
    #[must_use]
    pub fn whole(&self) -> Option<&'static Self> {
        self.part_of.and_then(|part| find_kind(part.kind))
    }
}

/// A line of `records.rs`: a kind of record, or tables without records.
#[derive(Clone, Copy, Debug)]
pub enum Declared {
    /// A kind of record with its tables.
    Record(&'static Record),
    /// Tables whose rows are no records, so that they have no events in the feed.
    Tables(&'static [Table]),
}

impl Declared {
    /// Returns the kind of record; `None` for tables without records.
    #[must_use]
    pub const fn record(&self) -> Option<&'static Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Tables(_) => None,
        }
    }

    /// Returns the tables of the line.
    #[must_use]
    pub const fn tables(&self) -> &'static [Table] {
        match self {
            Self::Record(record) => record.tables,
            Self::Tables(tables) => tables,
        }
    }
}

static DECLARED: OnceLock<&'static [Declared]> = OnceLock::new();

/// Stores the declarations of the program, so that rooms below `records.rs` can read them. They are constants, so further calls
/// have no effect.
pub(super) fn declare(all: &'static [Declared]) {
    let _ = DECLARED.set(all);
}

fn declared() -> impl DoubleEndedIterator<Item = &'static Declared> {
    DECLARED.get().copied().unwrap_or_default().iter()
}

/// Returns all kinds of record, in the order of `records.rs`.
pub fn all() -> impl DoubleEndedIterator<Item = &'static Record> {
    declared().filter_map(Declared::record)
}

/// Returns all tables of the database. A table comes after the tables that it refers to.
pub fn tables() -> impl DoubleEndedIterator<Item = &'static Table> {
    declared().flat_map(Declared::tables)
}

/// Returns the declaration of a kind of record.
#[must_use]
pub fn find_kind(kind: &str) -> Option<&'static Record> {
    all().find(|record| record.kind == kind)
}

/// Returns the declaration of a table.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    tables().find(|table| table.name == name)
}

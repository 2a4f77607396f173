//! What a kind of record is, said once. Each resource declares its kinds of record and its tables beside its types, and
//! `records.rs` lists the declarations. The feed, merging with its guards, secrecy, disclosure, the trace, erasure, the
//! register of personal data and the life-cycles all read them, so that a new kind is added in one place.
//!
//! The kernel knows no resource: it holds the declarations that [`super::Db::open`] was given.

mod personal;
mod retention;

use std::sync::OnceLock;

pub use personal::{Erase, Form, Of, Personal, Why, Words, about, becomes, columns, goes, naming, nobody, texts, untold};
pub use retention::{Rule, Terms};

use super::lifecycle;

/// A kind of record.
#[derive(Debug)]
pub struct Record {
    /// Its name in the feed and, in camel case, of its schema in the contract: singular and in snake case.
    pub kind: &'static str,
    /// The table that its rows are in.
    pub table: &'static str,
    /// Whose it is, which says who may see it.
    pub owner: Owner,
    /// The record that it is a part of: shown below its address, or kept with it, and of no meaning without it. A mark of
    /// secrecy on all of a record is a mark on all of its parts too, and on theirs.
    pub part_of: Option<Part>,
    /// The columns with the areas that it concerns: an id each, or a JSON list of ids.
    pub areas: &'static [&'static str],
    /// How a row says that the record has ended.
    pub end: End,
    /// Whether it can be disclosed by itself.
    pub disclosable: bool,
    /// Whether it can be put under secrecy by itself.
    pub markable: bool,
    /// Whether a legal hold can be placed on it.
    pub holdable: bool,
    /// What it refers to on the thread from a decision back to the numbers.
    pub links: &'static [Link],
    /// The members that are the first and the last day of its period. Who may not see one of them may not change the other.
    pub period: (&'static str, &'static str),
    /// Members that repeat another one: the member, and the one that it repeats. They are hidden together.
    pub repeats: &'static [(&'static str, &'static str)],
    /// The member that is served as it was stored, and the members that hold digests of it.
    pub frozen: Option<Frozen>,
    /// Its life-cycle, where it has states.
    pub life: Option<fn() -> lifecycle::Table>,
    /// Its own table, then those that are kept with it.
    pub tables: &'static [Table],
}

/// Whose a record is. The columns are those of its own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The actor's that a column names; an actor is its own by `id`. The record says itself who may see it.
    Actor(&'static str),
    /// The actor's and the forum's that two columns name. The record says itself who may see it.
    ActorAndForum(&'static str, &'static str),
    /// The forum's that a column names; a forum is its own by `id`. The record says itself who may see it.
    Forum(&'static str),
    /// The forum's of the record that it is a part of. The record says itself who may see it.
    WholesForum,
    /// The forum's of the record that it is a part of, and whoever may see that may see it.
    Whole,
    /// The actor's that a column names; those who are signed in and may see the actor may see it.
    ActorsSystem(&'static str),
    /// Two actors', that two columns name; whoever may see both may see it.
    Between(&'static str, &'static str),
    /// The source's that a column names; only those who work for the actor of the source may see it.
    Source(&'static str),
    /// Nobody's; a permission decides who may see it.
    Permission,
    /// Nobody's; everybody may see it.
    Everybody,
}

/// The record that another is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its kind.
    pub kind: &'static str,
    /// The column of the part's table that names it.
    pub column: &'static str,
}

/// How a row says that its record has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It does not: the record stays, or its row is deleted.
    Never,
    /// By a time of removal in this column.
    RemovedAt(&'static str),
    /// By this value of this column.
    Status(&'static str, &'static str),
}

/// What a record refers to on the thread from a decision back to the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The link's name in the contract.
    pub name: &'static str,
    /// The member of the referring record in which the reference stands. Where that is under secrecy, so is the link.
    pub member: &'static str,
    /// The kind of record referred to.
    pub to: &'static str,
    /// Where the references are stored.
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

/// Where the references of a link are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A row each.
    Rows {
        /// The table with the rows.
        table: &'static str,
        /// The column with the id of the referring record.
        from: &'static str,
        /// The column with the id of what it refers to.
        to: &'static str,
    },
    /// In a JSON list of ids in this column of the referring record. Such a record is found by another of its links.
    List(&'static str),
}

impl Link {
    /// A link whose references are rows of `table`.
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

/// A table of the database with all its columns.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it holds, for people; empty where it holds nothing about anybody.
    pub what: Words,
    /// Whose its rows are, of the people with accounts.
    pub of: Of,
    /// The columns that hold something about people.
    pub personal: &'static [Personal],
    /// The columns that hold nothing about anybody.
    pub plain: &'static str,
    /// The columns that name actors.
    pub actors: &'static [ActorColumn],
    /// JSON columns that name actors as they were, and so never change.
    pub frozen: &'static [&'static str],
}

/// A column that names an actor, and what happens to it when that actor becomes part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorColumn {
    /// The column.
    pub name: &'static str,
    /// Why it stays as it is; `None` where it follows the actor.
    pub stays: Option<&'static str>,
    /// A column of which an actor has each value once. Where both actors have one, that of the merged one stays behind.
    pub once: Option<&'static str>,
    /// The columns by which two say the same. Where both actors have one that says the same, that of the merged one stays.
    pub same: &'static [&'static str],
    /// Another column of the row that names an actor. A record between the two actors themselves stays behind.
    pub apart: Option<&'static str>,
    /// The rows that are meant: a column and its value.
    pub only: Option<(&'static str, &'static str)>,
    /// Whether the record shows whose it is: then it gets a new version, and its followers are told.
    pub shown: bool,
    /// Whether callers write it, so that it must not come to name an actor that is being merged at that moment.
    pub guarded: bool,
}

/// A column that follows an actor into another.
#[must_use]
pub const fn follows(name: &'static str) -> ActorColumn {
    ActorColumn { name, stays: None, once: None, same: &[], apart: None, only: None, shown: true, guarded: true }
}

/// A column that goes on naming the actor that became part of another, with the reason.
#[must_use]
pub const fn stays(name: &'static str, reason: &'static str) -> ActorColumn {
    ActorColumn { stays: Some(reason), shown: false, guarded: false, ..follows(name) }
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

    /// Sets [`ActorColumn::only`]. Such a column names other things than actors too, so it has no guard in the database.
    #[must_use]
    pub const fn only(self, column: &'static str, value: &'static str) -> Self {
        Self { only: Some((column, value)), guarded: false, ..self }
    }

    /// Says that the record does not show whose it is, and is written by the service alone.
    #[must_use]
    pub const fn silent(self) -> Self {
        Self { shown: false, guarded: false, ..self }
    }
}

impl Record {
    /// A kind of record that nothing more is known of.
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

    /// Says that it can be put under secrecy and disclosed by itself.
    #[must_use]
    pub const fn disclosable(self) -> Self {
        Self { disclosable: true, markable: true, ..self }
    }

    /// Says that it can be disclosed by itself, and is under secrecy only through the records that it is made of.
    #[must_use]
    pub const fn disclosable_as_made(self) -> Self {
        Self { disclosable: true, ..self }
    }

    /// Says that a legal hold can be placed on it.
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

    /// The name of its schema in the contract.
    #[must_use]
    pub fn schema(&self) -> String {
        let capitalised =
            |part: &str| part.chars().next().into_iter().flat_map(char::to_uppercase).chain(part.chars().skip(1)).collect::<String>();
        self.kind.split('_').map(capitalised).collect()
    }

    /// The kind of record that it is a part of.
    #[must_use]
    pub fn whole(&self) -> Option<&'static Self> {
        self.part_of.and_then(|part| of_kind(part.kind))
    }
}

/// A line of `records.rs`: the kinds of record and the tables that one resource keeps.
#[derive(Clone, Copy, Debug)]
pub enum Declared {
    /// A kind of record with its tables.
    Record(&'static Record),
    /// Tables of which no row is a record with a feed of changes.
    Tables(&'static [Table]),
}

impl Declared {
    /// The kind of record, where it is one.
    #[must_use]
    pub const fn record(&self) -> Option<&'static Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Tables(_) => None,
        }
    }

    /// The tables.
    #[must_use]
    pub const fn tables(&self) -> &'static [Table] {
        match self {
            Self::Record(record) => record.tables,
            Self::Tables(tables) => tables,
        }
    }
}

static DECLARED: OnceLock<&'static [Declared]> = OnceLock::new();

/// Makes the declarations of the program known to the rooms that they come from, which lie below `records.rs`. They are
/// constants, so it does not matter how often it is called.
pub(super) fn declare(all: &'static [Declared]) {
    let _ = DECLARED.set(all);
}

fn declared() -> impl DoubleEndedIterator<Item = &'static Declared> {
    DECLARED.get().copied().unwrap_or_default().iter()
}

/// All kinds of record, in the order of `records.rs`.
pub fn all() -> impl DoubleEndedIterator<Item = &'static Record> {
    declared().filter_map(Declared::record)
}

/// All tables of the database. Those that refer to others come after them.
pub fn tables() -> impl DoubleEndedIterator<Item = &'static Table> {
    declared().flat_map(Declared::tables)
}

/// The declaration of a kind of record.
#[must_use]
pub fn of_kind(kind: &str) -> Option<&'static Record> {
    all().find(|record| record.kind == kind)
}

/// The declaration of a table.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    tables().find(|table| table.name == name)
}

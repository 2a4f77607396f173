//! Everything that refers to actors, by the declarations of the kinds of record. What no declaration names stays behind when
//! two become one, so a test reads the schema of both databases and finds every column that names an actor and is missing.

pub mod store;

use std::sync::LazyLock;

use crate::{
    access::Visibility,
    kernel::record::{self, ActorColumn, End, Owner, Record},
};

/// Who may see a record that refers to an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// As its own visibility says; it is the actor's.
    OfActor,
    /// As its own visibility says; it is the actor's and a forum's.
    OfActorAndForum,
    /// As its own visibility says; it is an actor itself.
    Actor,
    /// As the forum, assessment or round that it is part of: the table, the column that names it, and the column of that
    /// table that names the forum.
    Of(&'static str, &'static str, &'static str),
    /// Whoever is signed in and may see the actor.
    AsActor,
    /// Whoever may see both actors; the other is named by `apart`.
    AsBoth,
    /// Whoever works for the actor of the source that it came from.
    OfSource,
    /// By permission only.
    Nobody,
}

impl Seen {
    /// Who may see records of a kind.
    fn by_owner(record: &Record) -> Self {
        match record.owner {
            Owner::Actor("id") => Self::Actor,
            Owner::Actor(_) => Self::OfActor,
            Owner::ActorAndForum(..) => Self::OfActorAndForum,
            Owner::ActorsSystem(_) => Self::AsActor,
            Owner::Between(..) => Self::AsBoth,
            Owner::Source(_) => Self::OfSource,
            Owner::Whole => match (record.whole(), record.part_of) {
                (Some(Record { table, owner: Owner::Forum(forum), .. }), Some(part)) => Self::Of(table, part.column, forum),
                _ => Self::Nobody,
            },
            Owner::Forum(_) | Owner::WholesForum | Owner::Permission | Owner::Everybody => Self::Nobody,
        }
    }

    /// What is for everybody of an actor's own systems is for those who are signed in.
    #[must_use]
    pub fn narrowed(self, visibility: Visibility) -> Visibility {
        if self == Self::AsActor && visibility == Visibility::Public { Visibility::Members } else { visibility }
    }
}

/// A column that names an actor, and follows it into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub table: &'static str,
    pub column: &'static str,
    /// The kind of record, as in the feed of changes.
    pub kind: &'static str,
    /// A column of which an actor has each value once. Where both actors have one, that of the merged one stays behind.
    pub once: Option<&'static str>,
    /// The columns by which two say the same. Where both actors have one that says the same, that of the merged one stays behind.
    pub same: &'static [&'static str],
    /// Another column of the row that names an actor. What stands between the two stays behind, for nothing stands between an
    /// actor and itself.
    pub apart: Option<&'static str>,
    /// The rows that are meant: a column and its value.
    pub only: Option<(&'static str, &'static str)>,
    /// The column and value that say that the record has ended; an empty value stands for anything. A record that has ended by
    /// a time of removal stays where it was.
    pub ended: Option<(&'static str, &'static str)>,
    /// The columns with the areas of the record, or of what it is part of: an id each, or a JSON list of them. Without one they
    /// are those of its forum.
    pub areas: &'static [&'static str],
    pub seen: Seen,
    /// Whether it shows whose it is: then it gets a new version and its followers are told.
    pub shown: bool,
}

impl Reference {
    fn new(record: &'static Record, column: &'static ActorColumn) -> Self {
        let seen = Seen::by_owner(record);
        Self {
            table: record.table,
            column: column.name,
            kind: record.kind,
            once: column.once,
            same: column.same,
            apart: column.apart,
            only: column.only,
            ended: match record.end {
                End::Never => None,
                End::RemovedAt(column) => Some((column, "")),
                End::Status(column, value) => Some((column, value)),
            },
            areas: match (seen, record.whole()) {
                (Seen::Of(..), Some(whole)) => whole.areas,
                _ => record.areas,
            },
            seen,
            shown: column.shown,
        }
    }

    /// Whether a record that has ended is removed, and so stays where it was.
    #[must_use]
    pub fn removed_by_time(&self) -> bool {
        self.ended.is_some_and(|(_, value)| value.is_empty())
    }
}

/// What follows an actor into another, in the order of `records.rs`; what only permissions show comes last.
pub static FOLLOWING: LazyLock<Vec<Reference>> = LazyLock::new(|| {
    let columns = |record: &'static Record| record.tables.iter().take(1).flat_map(|table| table.actors);
    let follow = record::all()
        .flat_map(|record| columns(record).filter(|column| column.stays.is_none()).map(move |column| Reference::new(record, column)));
    let (shown, others): (Vec<_>, Vec<_>) = follow.partition(|reference| reference.seen != Seen::Nobody);
    shown.into_iter().chain(others).collect()
});

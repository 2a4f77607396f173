//! All columns that refer to actors, read from the declarations of the kinds of record. A column that no declaration names
//! would stay behind in a merge. Therefore a test reads the schema of both databases and reports every undeclared column
//! that names an actor.

pub mod store;

use std::sync::LazyLock;

use crate::{
    access::Visibility,
    kernel::record::{self, ActorColumn, End, Owner, Record},
};

/// The callers who may see a record that refers to an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenBy {
    /// By the record's own visibility, with the actor as owner.
    OfActor,
    /// By the record's own visibility, with the actor and a forum as owners.
    OfActorAndForum,
    /// By the record's own visibility; the record is an actor itself.
    Actor,
    /// By the visibility of the forum, assessment or round that the record is a part of: the table of that whole, the
    /// column of the record that names it, and the column of the whole that names the forum.
    OfWhole(&'static str, &'static str, &'static str),
    /// Signed-in callers who may see the actor.
    AsActor,
    /// Callers who may see both actors. The column of the other actor is in `apart`.
    AsBoth,
    /// People who work for the actor of the source that the record came from.
    OfSource,
    /// Only by a permission.
    Nobody,
}

impl SeenBy {
    /// Returns the callers who may see the records of a kind.
    fn by_owner(record: &Record) -> Self {
        match record.owner {
            Owner::Actor("id") => Self::Actor,
            Owner::Actor(_) => Self::OfActor,
            Owner::ActorAndForum(..) => Self::OfActorAndForum,
            Owner::ActorForSignedIn(_) => Self::AsActor,
            Owner::Between(..) => Self::AsBoth,
            Owner::Source(_) => Self::OfSource,
            Owner::Whole => match (record.whole(), record.part_of) {
                (Some(Record { table, owner: Owner::Forum(forum), .. }), Some(part)) => Self::OfWhole(table, part.column, forum),
                _ => Self::Nobody,
            },
            Owner::Forum(_) | Owner::ForumOfWhole | Owner::Permission | Owner::Everybody => Self::Nobody,
        }
    }

    /// Returns the visibility to use for a record. The systems of a public actor are shown only to signed-in callers.
    #[must_use]
    pub fn narrowed(self, visibility: Visibility) -> Visibility {
        if self == Self::AsActor && visibility == Visibility::Public { Visibility::Members } else { visibility }
    }
}

/// A column that names an actor and follows it in a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub table: &'static str,
    pub column: &'static str,
    /// The kind of record, as in the feed of changes.
    pub kind: &'static str,
    /// A column whose value is unique for each actor, such as the forum of a membership. When both actors have a row with
    /// the same value, that of the merged actor stays.
    pub once: Option<&'static str>,
    /// The columns in which two equal records agree. When both actors have an equal record, that of the merged actor stays.
    pub same: &'static [&'static str],
    /// Another column of the row that names an actor. A record between the two merged actors stays, because nothing can be
    /// between an actor and itself.
    pub apart: Option<&'static str>,
    /// Limits the reference to rows with this value in this column.
    pub only: Option<(&'static str, &'static str)>,
    /// The column, and its value in a record that has ended. An empty text stands for any value: the column is a time of
    /// removal. A record that was removed stays where it was.
    pub ended: Option<(&'static str, &'static str)>,
    /// The columns with the areas of the record, or of the whole that it is a part of: an id, or a JSON list of ids. When
    /// there are none, the areas are those of the record's forum.
    pub areas: &'static [&'static str],
    pub seen: SeenBy,
    /// Whether the record shows the actor. Then it gets a new version when it moves, and the change is published in the
    /// feed.
    pub shown: bool,
}

impl Reference {
    fn new(record: &'static Record, column: &'static ActorColumn) -> Self {
        let seen = SeenBy::by_owner(record);
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
                (SeenBy::OfWhole(..), Some(whole)) => whole.areas,
                _ => record.areas,
            },
            seen,
            shown: column.shown,
        }
    }

    /// Returns whether ended records are removed, and therefore stay where they were.
    #[must_use]
    pub fn removed_by_time(&self) -> bool {
        self.ended.is_some_and(|(_, value)| value.is_empty())
    }
}

/// All columns that follow an actor in a merge, in the order of `records.rs`. Those of records that only permissions show
/// come last.
pub static FOLLOWING: LazyLock<Vec<Reference>> = LazyLock::new(|| {
    let columns = |record: &'static Record| record.tables.iter().take(1).flat_map(|table| table.actors);
    let follow = record::all().flat_map(|record| {
        columns(record).filter(|column| column.fixed_because.is_none()).map(move |column| Reference::new(record, column))
    });
    let (shown, others): (Vec<_>, Vec<_>) = follow.partition(|reference| reference.seen != SeenBy::Nobody);
    shown.into_iter().chain(others).collect()
});

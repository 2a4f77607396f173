//! Everything that refers to actors, in one list. What is not named here stays behind when two become one, so a test reads
//! the schema of both databases and finds every column that names an actor and is missing.

pub mod store;

use crate::access::Visibility;

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
    const fn new(table: &'static str, column: &'static str, kind: &'static str, seen: Seen) -> Self {
        Self { table, column, kind, once: None, same: &[], apart: None, only: None, ended: None, areas: &[], seen, shown: true }
    }

    const fn once(self, column: &'static str) -> Self {
        Self { once: Some(column), ..self }
    }

    const fn same(self, columns: &'static [&'static str]) -> Self {
        Self { same: columns, ..self }
    }

    const fn apart(self, column: &'static str) -> Self {
        Self { apart: Some(column), ..self }
    }

    const fn only(self, column: &'static str, value: &'static str) -> Self {
        Self { only: Some((column, value)), ..self }
    }

    const fn ended(self, column: &'static str, value: &'static str) -> Self {
        Self { ended: Some((column, value)), ..self }
    }

    const fn areas(self, columns: &'static [&'static str]) -> Self {
        Self { areas: columns, ..self }
    }

    const fn silent(self) -> Self {
        Self { shown: false, ..self }
    }

    /// Whether a record that has ended is removed, and so stays where it was.
    #[must_use]
    pub fn removed_by_time(&self) -> bool {
        self.ended.is_some_and(|(_, value)| value.is_empty())
    }
}

/// What follows an actor into another. Tables of rooms above are named too, as tables only.
pub const FOLLOWING: &[Reference] = &[
    Reference::new("actor", "parent_id", "actor", Seen::Actor).ended("deleted_at", "").areas(&["seat_area_id", "areas_served"]),
    Reference::new("mandate", "actor_id", "mandate", Seen::OfActor)
        .same(&["policy_domain", "area_id", "powers", "basis", "legal_basis", "valid_from", "valid_to"])
        .ended("deleted_at", "")
        .areas(&["area_id"]),
    Reference::new("statement", "actor_id", "statement", Seen::OfActor).ended("deleted_at", "").areas(&["area_id"]),
    Reference::new("actor_relation", "actor_id", "actor_relation", Seen::AsBoth).ended("deleted_at", "").apart("other_actor_id"),
    Reference::new("actor_relation", "other_actor_id", "actor_relation", Seen::AsBoth).ended("deleted_at", "").apart("actor_id"),
    Reference::new("forum_member", "actor_id", "member", Seen::Of("forum", "forum_id", "id"))
        .once("forum_id")
        .ended("status", "left")
        .areas(&["areas"]),
    Reference::new("endorsement", "actor_id", "endorsement", Seen::Of("assessment", "assessment_id", "forum_id"))
        .once("assessment_id")
        .areas(&["area_id"]),
    Reference::new("intervention", "owner_actor_id", "intervention", Seen::OfActorAndForum).ended("deleted_at", "").areas(&["areas"]),
    Reference::new("ballot", "actor_id", "ballot", Seen::Of("round", "round_id", "forum_id")).once("round_id"),
    Reference::new("source", "actor_id", "source", Seen::AsActor).once("name"),
    Reference::new("source_actor", "actor_id", "source_actor", Seen::OfSource),
    Reference::new("access_grant", "scope_id", "grant", Seen::Nobody).only("scope_kind", "actor"),
    Reference::new("user_account", "home_id", "user", Seen::Nobody).only("home_kind", "actor").silent(),
    // Whose people are cleared for what is marked, and who answers for what was handed out. Neither shows whose it is.
    Reference::new("secrecy_mark", "actor_id", "secrecy_mark", Seen::Nobody).silent(),
    Reference::new("disclosure", "actor_id", "disclosure", Seen::Nobody).silent(),
];

/// Columns that name actors and never follow, each with the reason.
pub const STAYING: &[(&str, &str, &str)] = &[
    ("actor", "merged_into", "it is the merge itself; an old address follows it from actor to actor"),
    ("actor_area", "actor_id", "an index of the actor's own record, which is written anew with the survivor's"),
    ("actor_identifier", "actor_id", "an index of the actor's own record, which is written anew with the survivor's"),
    ("actor_merge", "merged_id", "it is the merge itself"),
    ("actor_merge", "into_id", "it is the merge itself"),
    ("record_match", "actor_id", "a decision is what was decided; its address leads on"),
    ("import_row", "actor_id", "what became of a row is what was; its address leads on"),
    ("actor_likeness", "actor_id", "it says that the two may be one; it is shown while both are there"),
    ("actor_likeness", "other_actor_id", "it says that the two may be one; it is shown while both are there"),
    ("match_candidate", "actor_id", "a proposal is what was proposed; its address leads on"),
    ("event", "actor_id", "history is what was"),
    ("event", "was_actor_id", "history is what was"),
    ("record_version", "actor_id", "history is what was"),
    ("audit_entry", "actor_id", "the audit log is what was"),
];

/// Lists in JSON columns that name actors and never follow: the result of a round that is closed is what was counted then.
pub const FROZEN: &[(&str, &str)] =
    &[("round", "result"), ("revision", "content"), ("evidence", "answer"), ("disclosure", "content"), ("record_match", "applied")];

//! The other table of contents: every kind of record and every table, by room. Each resource has its own declaration.

use crate::{
    access, assessments, disclosure, exchange, forums, geography, guidance, intake, interventions,
    kernel::record::{
        Bilingual,
        DataPurpose::{History, Repetition},
        DataSubject, Declared, Erase, Rule, Table, deleted_columns, fixed_actor_column, impersonal_table, kept_columns, not_in_extract,
        personal_table, text_columns, text_table,
    },
    priorities, privacy, reference, registry, statistics,
};

/// The tables that serve all rooms.
const SHARED_TABLES: &[Table] = &[
    impersonal_table("installation", "name value"),
    personal_table(
        "event",
        Bilingual("Ändringar som personen har gjort", "Changes that the person has made"),
        DataSubject::User(&["changed_by"]),
        &[
            kept_columns("changed_by changed_at request_id:text", Erase::Stays, History, Rule::Feed, "listChanges"),
            kept_columns("changed_by_name", Erase::Name, History, Rule::Feed, ""),
        ],
        "seq:int position:int entity_kind entity_id op version:int visibility forum_id actor_id was_visibility was_forum_id was_actor_id \
         areas:json merged_into:id",
    )
    .actors(&[fixed_actor_column("actor_id", "history is what was"), fixed_actor_column("was_actor_id", "history is what was")]),
    personal_table(
        "idempotent_answer",
        Bilingual("Sparade svar på anrop", "Kept answers to calls"),
        DataSubject::User(&["user_id"]),
        &[
            deleted_columns("user_id scope key status:int location created_at", Repetition, Rule::Answers, ""),
            // The answer is a copy of data that is shown where it is stored.
            not_in_extract(deleted_columns("body:bytes digest", Repetition, Rule::Answers, "")),
        ],
        "etag",
    ),
    text_table(
        "search_entry",
        Bilingual("Sökregistret", "The index of words"),
        &[text_columns("words", "listActors listStatements listForums listAssessments listInterventions")],
        "id:int kind entity_id",
    ),
    text_table(
        "search_words",
        Bilingual("Sökregistret (SQLite)", "The index of words (SQLite)"),
        &[text_columns("words", "listActors listStatements listForums listAssessments listInterventions")],
        "kind",
    ),
];

/// All declarations. A table comes after the tables that it refers to, because rows are removed from the end of the list.
pub const ALL: &[Declared] = &[
    Declared::Record(&access::users::RECORD),
    Declared::Record(&access::grants::RECORD),
    Declared::Tables(access::sessions::TABLES),
    Declared::Tables(access::federation::TABLES),
    Declared::Tables(access::account::TABLES),
    Declared::Tables(access::letters::TABLES),
    Declared::Tables(access::personal_tokens::TABLES),
    Declared::Record(&access::service_accounts::RECORD),
    Declared::Tables(access::oauth::TABLES),
    Declared::Tables(access::TABLES),
    Declared::Tables(access::limits::TABLES),
    Declared::Tables(access::audit::TABLES),
    Declared::Tables(SHARED_TABLES),
    Declared::Tables(guidance::packs::TABLES),
    Declared::Tables(reference::codelists::TABLES),
    Declared::Tables(geography::areas::TABLES),
    Declared::Record(&registry::actors::RECORD),
    Declared::Record(&registry::mandates::RECORD),
    Declared::Record(&registry::statements::RECORD),
    Declared::Record(&registry::relations::RECORD),
    Declared::Tables(registry::likenesses::TABLES),
    Declared::Tables(registry::history::TABLES),
    Declared::Record(&forums::forums::RECORD),
    Declared::Record(&forums::members::RECORD),
    Declared::Record(&statistics::indicators::RECORD),
    Declared::Record(&statistics::observations::RECORD),
    Declared::Record(&assessments::assessments::RECORD),
    Declared::Record(&assessments::findings::FINDING),
    Declared::Record(&assessments::findings::EVIDENCE),
    Declared::Record(&assessments::causes::RECORD),
    Declared::Record(&assessments::endorsements::RECORD),
    Declared::Record(&assessments::revisions::RECORD),
    Declared::Record(&interventions::interventions::RECORD),
    Declared::Record(&priorities::rounds::RECORD),
    Declared::Record(&priorities::ballots::RECORD),
    Declared::Record(&priorities::decisions::RECORD),
    Declared::Record(&exchange::merging::RECORD),
    Declared::Record(&exchange::sources::RECORD),
    Declared::Record(&exchange::matches::RECORD),
    Declared::Record(&exchange::links::RECORD),
    Declared::Record(&exchange::webhooks::RECORD),
    Declared::Tables(exchange::webhooks::deliveries::TABLES),
    Declared::Tables(intake::TABLES),
    Declared::Record(&disclosure::marks::RECORD),
    Declared::Record(&disclosure::disclosures::RECORD),
    Declared::Record(&disclosure::journal::RECORD),
    Declared::Record(&privacy::holds::RECORD),
    Declared::Tables(privacy::persons::TABLES),
    Declared::Tables(privacy::retention::TABLES),
];

//! The declarations. A new table is one entry; a new column one word.

use super::{
    Declared, Erase, Of,
    Why::{Access, Account, Accountability, History, Repetition, SignIn, Signature},
    Words,
    declaring::{about, becomes, goes, naming, nobody, texts, untold},
};
use crate::privacy::retention::Rule;

/// Every table of the database. Tables that refer to others come after them, for rows are removed from the end.
pub const TABLES: &[Declared] = &[
    // Who may do what.
    about(
        "user_account",
        Words("Konton", "Accounts"),
        Of::User(&["id"]),
        &[
            becomes("id status", Erase::Stays, Account, Rule::Accounts, "listUsers getUser getMe"),
            becomes("name", Erase::Name, Account, Rule::Accounts, "listUsers getUser getMe"),
            becomes("email", Erase::Address, Account, Rule::Accounts, "listUsers getUser getMe"),
            untold(becomes("email_fold", Erase::Address, Account, Rule::Accounts, "")),
            untold(becomes("claimed_fold", Erase::Empty, Account, Rule::Accounts, "")),
            untold(becomes("password_hash factor_secret:bytes factor_pending:bytes", Erase::Empty, Account, Rule::Accounts, "")),
            becomes("language", Erase::Stays, Account, Rule::Accounts, "listUsers getUser getMe"),
        ],
        "version:int created_at updated_at kind registrar_id factor_step:int home_kind home_id joined_to:id",
    ),
    about(
        "access_grant",
        Words("Behörigheter", "Grants"),
        Of::User(&["user_id"]),
        &[becomes("user_id role scope_kind scope_id valid_from valid_to", Erase::Stays, Access, Rule::Grants, "listGrants getGrant getMe")],
        "id version:int created_at updated_at provider",
    ),
    about(
        "session",
        Words("Inloggningar", "Sessions"),
        Of::User(&["user_id"]),
        &[goes(
            "user_id created_at expires_at revoked_at renewed_at method acr address agent client_id:text withheld:json scopes:json",
            SignIn,
            Rule::Sessions,
            "listOwnSessions",
        )],
        "id",
    ),
    about(
        "refresh_token",
        Words("Förnyelsekoder", "Refresh tokens"),
        Of::Through("session_id", "session"),
        &[goes("session_id created_at spent_at", SignIn, Rule::Tokens, ""), untold(goes("digest", SignIn, Rule::Tokens, ""))],
        "",
    ),
    about(
        "user_identity",
        Words("Kopplingar till organisationers inloggning", "Links to identity providers"),
        Of::User(&["user_id"]),
        &[goes("user_id issuer subject email_verified:flag created_at last_used_at", SignIn, Rule::Accounts, "")],
        "",
    ),
    nobody(
        "login_attempt",
        "state_digest browser_digest provider nonce verifier client_id:text redirect_uri client_challenge client_state created_at expires_at spent_at",
    ),
    about(
        "login_code",
        Words("Pågående inloggningar", "Sign-ins under way"),
        Of::User(&["user_id"]),
        &[
            goes("user_id issuer acr withheld:json created_at expires_at spent_at session_id", SignIn, Rule::Codes, ""),
            untold(goes("digest", SignIn, Rule::Codes, "")),
        ],
        "client_id:text redirect_uri challenge",
    ),
    about(
        "recovery_code",
        Words("Reservkoder", "Recovery codes"),
        Of::User(&["user_id"]),
        &[goes("user_id used_at", SignIn, Rule::Accounts, ""), untold(goes("digest", SignIn, Rule::Accounts, ""))],
        "",
    ),
    about(
        "account_secret",
        Words("Länkar i brev", "Links in letters"),
        Of::User(&["user_id"]),
        &[
            goes("user_id purpose email expires_at used_at", SignIn, Rule::Links, ""),
            untold(goes("digest password_digest", SignIn, Rule::Links, "")),
        ],
        "",
    ),
    about(
        "letter",
        Words("Brev som ska skickas", "Letters to be posted"),
        Of::User(&["user_id"]),
        &[goes("user_id purpose email created_at next_try_at", SignIn, Rule::Links, "")],
        "id tries:int",
    ),
    about(
        "personal_token",
        Words("Personliga åtkomstbiljetter", "Personal tokens"),
        Of::User(&["user_id"]),
        &[
            goes(
                "id user_id name scopes:json withheld:json created_at updated_at expires_at last_used_at",
                SignIn,
                Rule::Accounts,
                "listPersonalTokens getPersonalToken",
            ),
            untold(goes("digest", SignIn, Rule::Accounts, "")),
        ],
        "version:int",
    ),
    about(
        "service_client",
        Words("Tjänstekonton", "Service accounts"),
        Of::User(&["user_id"]),
        &[becomes("user_id auth_method scopes:json", Erase::Stays, Account, Rule::Accounts, "listServiceAccounts getServiceAccount")],
        "jwks:json",
    ),
    about(
        "client_secret",
        Words("Tjänstekontons hemligheter", "Secrets of service accounts"),
        Of::User(&["user_id"]),
        &[goes("user_id created_at expires_at", Account, Rule::Accounts, ""), untold(goes("digest", Account, Rule::Accounts, ""))],
        "",
    ),
    // For 90 days after it was used last.
    about(
        "usual_address",
        Words("Nätadresser som kontot brukar logga in från", "Network addresses that the account signs in from"),
        Of::User(&["user_id"]),
        &[goes("user_id seen_at", SignIn, Rule::Accounts, ""), untold(goes("digest", SignIn, Rule::Accounts, ""))],
        "",
    ),
    nobody("used_assertion", "digest expires_at"),
    nobody("signing_key", "id:text private_key:bytes public_key created_at signs_from:time"),
    // Counted by digests and ids, for minutes or a day.
    nobody("rate_window", "key window_start:int window_end:int count:int"),
    nobody("failed_tries", "key window_start:time count:int"),
    about(
        "audit_entry",
        Words("Behandlingsloggen", "The audit log"),
        Of::User(&["user_id"]),
        &[becomes(
            "at:time user_id credential address request_id:text operation outcome status:int",
            Erase::Stays,
            Accountability,
            Rule::Protocols,
            "listAuditEntries getAuditEntry exportAuditEntries",
        )],
        "id record_kind record_id actor_id detail",
    ),
    nobody("audit_pending", "entry_id"),
    nobody("audit_link", "position:int entry_id hash"),
    nobody("audit_head", "id:int position:int hash"),
    // The ground.
    nobody("installation", "name value"),
    nobody("access_epoch", "epoch:int"),
    about(
        "event",
        Words("Ändringar som personen har gjort", "Changes that the person has made"),
        Of::User(&["changed_by"]),
        &[
            becomes("changed_by changed_at request_id:text", Erase::Stays, History, Rule::Feed, "listChanges"),
            becomes("changed_by_name", Erase::Name, History, Rule::Feed, ""),
        ],
        "seq:int position:int entity_kind entity_id op version:int visibility forum_id actor_id was_visibility was_forum_id was_actor_id \
         areas:json merged_into:id",
    ),
    about(
        "idempotent_answer",
        Words("Sparade svar på anrop", "Kept answers to calls"),
        Of::Caller("scope"),
        &[
            goes("scope key status:int location created_at", Repetition, Rule::Answers, ""),
            // A copy of what is told where it is stored.
            untold(goes("body:bytes digest", Repetition, Rule::Answers, "")),
        ],
        "etag",
    ),
    naming(
        "search_entry",
        Words("Sökregistret", "The index of words"),
        &[texts("words", "listActors listStatements listForums listAssessments listInterventions")],
        "id:int kind entity_id",
    ),
    naming(
        "search_words",
        Words("Sökregistret (SQLite)", "The index of words (SQLite)"),
        &[texts("words", "listActors listStatements listForums listAssessments listInterventions")],
        "kind",
    ),
    // What words mean, and where things are.
    nobody("pack", "name version digest loaded_at"),
    nobody("codelist_entry", "id version:int created_at updated_at codelist code ordinal:int name_sv name_en pack edited:flag"),
    nobody(
        "area",
        "id level version code name name_fold name_sort:bytes parent_id path category valid_from valid_to created_at updated_at",
    ),
    // Who we are and what each may decide. A firm may bear its owner's name and number.
    naming(
        "actor",
        Words("Aktörer", "Actors"),
        &[texts(
            "name name_fold name_sort:bytes name_key other_names:json former_names:json identifiers:json focus working_methods:json website contact_points:json",
            "listActors getActor",
        )],
        "id version:int created_at updated_at kind sector parent_id seat_area_id municipality_code areas_served:json \
         policy_domains:json target_groups:json languages:json founded:day dissolved:day status visibility pack pack_version:int deleted_at merged_into:id",
    ),
    nobody("actor_area", "actor_id area_id"),
    naming(
        "actor_identifier",
        Words("Aktörers nummer", "Actors' identifiers"),
        &[texts("value", "listActors getActor")],
        "id actor_id scheme scope live:flag claimed:flag",
    ),
    naming(
        "mandate",
        Words("Mandat", "Mandates"),
        &[texts("legal_basis", "listMandates getMandate")],
        "id version:int created_at updated_at actor_id policy_domain area_id powers:json basis confirmer valid_from valid_to visibility deleted_at",
    ),
    nobody("actor_relation", "id version:int created_at updated_at kind actor_id other_actor_id valid_from valid_to deleted_at"),
    naming(
        "statement",
        Words("Behov, utmaningar, kompetenser och resurser", "Needs, challenges, competences and resources"),
        &[texts("text plan target_groups:json", "listStatements getStatement")],
        "id version:int created_at updated_at kind actor_id policy_domain area_id sufficiency valid_from valid_to visibility deleted_at",
    ),
    // As they were. Who made a version is told for as long as there is an account; texts follow those of the records.
    about(
        "record_version",
        Words("Versioner av poster i registret som personen har gjort", "Versions of records of the registry that the person has made"),
        Of::User(&["changed_by"]),
        &[
            becomes("changed_by", Erase::Empty, History, Rule::Records, "listActorHistory"),
            becomes("changed_at", Erase::Stays, History, Rule::Records, "listActorHistory"),
            untold(texts("body:json", "listActorHistory")),
        ],
        "entity_id version:int entity_kind op visibility forum_id actor_id",
    ),
    // Where we meet.
    naming(
        "forum",
        Words("Forum", "Forums"),
        &[texts("name name_fold name_sort:bytes purpose mandate_text meeting_rhythm", "listForums getForum")],
        "id version:int created_at updated_at kind level areas:json complements_line_organisation:flag status visibility deleted_at",
    ),
    nobody("forum_area", "forum_id area_id"),
    nobody(
        "forum_member",
        "id version:int created_at updated_at forum_id actor_id function status current_level desired_level valid_from valid_to",
    ),
    // What the numbers say.
    nobody(
        "indicator",
        "id version:int created_at updated_at number:int code name_sv name_en statistical_area value_kind unit variants:json \
         polarity available_from:int recommended_from:int update_note series_breaks:json pack edited:flag",
    ),
    naming(
        "observation_import",
        Words("Inläsningar av statistik", "Imports of statistics"),
        &[texts("source errors:json warnings:json", "getObservationImport")],
        "id version:int created_at updated_at indicator_id licence rows_read:int rows_created:int rows_changed:int rows_unchanged:int \
         rows_refused:int",
    ),
    nobody(
        "observation",
        "id version:int created_at updated_at indicator_id area_id period breakdown_key breakdown:json value numerator denominator \
         status disclosure import_id",
    ),
    nobody("observation_version", "observation_id version:int value numerator denominator status updated_at import_id"),
    // What we agree is true.
    naming(
        "assessment",
        Words("Lägesbilder", "Assessments"),
        &[texts("title title_fold title_sort:bytes purpose", "listAssessments getAssessment")],
        "id version:int created_at updated_at forum_id area_id status visibility valid_from valid_to deleted_at",
    ),
    naming(
        "finding",
        Words("Iakttagelser", "Findings"),
        &[texts("statement", "listFindings getFinding")],
        "id version:int created_at updated_at assessment_id kind policy_domains:json",
    ),
    naming(
        "evidence",
        Words("Underlag", "Evidence"),
        &[texts("note answer", "listEvidence getEvidence")],
        "id version:int created_at updated_at finding_id kind query:json digest form:int",
    ),
    nobody("evidence_observation", "evidence_id observation_id"),
    naming(
        "cause",
        Words("Orsaker", "Causes"),
        &[texts("statement mechanism explanation", "listCauses getCause")],
        "id version:int created_at updated_at assessment_id level structural:flag confidence policy_domains:json findings:json",
    ),
    nobody("cause_finding", "cause_id finding_id"),
    naming(
        "endorsement",
        Words("Ställningstaganden", "Endorsements"),
        &[texts("reason", "listEndorsements getEndorsement")],
        "id version:int created_at updated_at assessment_id actor_id position text_digest outdated:flag",
    ),
    about(
        "revision",
        Words("Publicerade lägesbilder", "Published assessments"),
        Of::Made("revision"),
        &[
            becomes("published_by_name", Erase::Name, Signature, Rule::Records, "listRevisions getRevision"),
            // What was published is everybody's, and not told once more to who published it.
            untold(texts("content", "listRevisions getRevision getRevisionCanonical")),
        ],
        "id assessment_id number:int digest published_at visibility form:int",
    ),
    // What we do.
    naming(
        "intervention",
        Words("Insatser", "Interventions"),
        &[texts("title title_fold title_sort:bytes description", "listInterventions getIntervention")],
        "id version:int created_at updated_at owner_actor_id forum_id status horizon addresses instrument areas:json causes:json \
         policy_domains:json target_groups:json budget:int valid_from valid_to visibility deleted_at",
    ),
    nobody("intervention_area", "intervention_id area_id"),
    nobody("intervention_cause", "intervention_id cause_id"),
    // What we choose first.
    naming(
        "round",
        Words("Prioriteringar", "Rounds"),
        &[texts("question criteria:json", "listRounds getRound")],
        "id version:int created_at updated_at forum_id scope horizon candidates:json method tie_break status result result_hash result_form:int \
         visibility deleted_at",
    ),
    nobody("round_candidate", "round_id intervention_id ordinal:int"),
    naming(
        "ballot",
        Words("Röster", "Ballots"),
        &[texts("conflict_of_interest", "listBallots getBallot")],
        "id version:int created_at updated_at round_id actor_id scores:json abstains:flag",
    ),
    naming(
        "decision",
        Words("Beslut", "Decisions"),
        &[texts("reason former:json", "listDecisions getDecision")],
        "id version:int created_at updated_at round_id chosen:json departs:flag decided_on visibility status",
    ),
    // How other systems take part.
    about(
        "actor_merge",
        Words("Sammanslagningar som personen har gjort eller ångrat", "Merges that the person has made or undone"),
        Of::User(&["merged_by", "undone_by"]),
        &[
            becomes("merged_by undone_by", Erase::Stays, Accountability, Rule::Records, "listMerges getMerge"),
            untold(texts("note came:json", "listMerges getMerge")),
        ],
        "id version:int created_at updated_at merged_id into_id moved:json stayed:json members:json undone_at left_alone:json",
    ),
    nobody("actor_merge_row", "id merge_id of_table of_column row_id now_id"),
    nobody("source", "id version:int created_at updated_at actor_id name id_scheme owned_fields:json"),
    about(
        "record_match",
        Words("Träffar som personen har avgjort", "Matches that the person has decided"),
        Of::User(&["decided_by", "undone_by"]),
        &[
            becomes("decided_by undone_by decided_at undone_at", Erase::Stays, Signature, Rule::Records, ""),
            becomes("decided_by_name undone_by_name", Erase::Name, Signature, Rule::Records, "listMatches getMatch"),
            // What a source sends is told as the actor that it becomes.
            untold(texts("note incoming:json applied:json", "listMatches getMatch")),
        ],
        "id version:int created_at updated_at source_id external_id:text status decision actor_id actor_version:int",
    ),
    about(
        "actor_likeness",
        Words("Likheter som personen har avfärdat", "Likenesses that the person has dismissed"),
        Of::User(&["dismissed_by"]),
        &[
            becomes("dismissed_by dismissed_at", Erase::Stays, Signature, Rule::Records, ""),
            becomes("dismissed_by_name", Erase::Name, Signature, Rule::Records, "listLikenesses"),
        ],
        "id version:int created_at updated_at actor_id other_actor_id same_identifier:flag same_name:flag",
    ),
    nobody("match_candidate", "match_id actor_id same_identifier:flag same_name:flag"),
    naming(
        "source_actor",
        Words("Poster från partnersystem", "Records of partner systems"),
        &[untold(texts("given:json base:json", "listSourceActors getSourceActor"))],
        "id version:int created_at updated_at source_id external_id:text actor_id match_id digest absent_since",
    ),
    about(
        "webhook",
        Words("Webhookar", "Webhooks"),
        Of::User(&["owner_id"]),
        &[goes(
            "owner_id url types:json area_id description withheld:json status reason since:time failing_since:time created_at updated_at",
            Access,
            Rule::Accounts,
            "listWebhooks getWebhook",
        )],
        "id version:int position:int",
    ),
    nobody("webhook_secret", "id webhook_id secret:bytes created_at expires_at"),
    nobody(
        "webhook_delivery",
        "id webhook_id message_id:text kind position:int state attempts:int next_try_at holder:id held_until:time last_tried_at:time \
         last_status:int last_millis:int last_error created_at updated_at",
    ),
    about(
        "import_job",
        Words("Inläsningar av filer som personen har startat", "Imports of files that the person has started"),
        Of::User(&["user_id"]),
        &[
            becomes("user_id created_at", Erase::Stays, History, Rule::Records, "listImports getImport"),
            untold(becomes("scopes:json withheld:json", Erase::Stays, Access, Rule::Records, "")),
            untold(texts("left_out:json columns:json options:json", "listImports getImport getObservationImport")),
        ],
        "id version:int updated_at status target keeps_rows:flag dry_run:flag total:int processed:int created:int updated:int \
         unchanged:int held:int refused:int absent:int reason_sv reason_en started_at finished_at holder:id held_until:time tries:int",
    ),
    naming(
        "import_piece",
        Words("Rader som väntar på att läsas in", "Rows that wait to be imported"),
        &[untold(texts("rows", ""))],
        "import_job_id first_row:int created_at",
    ),
    naming(
        "import_row",
        Words("Vad som blev av rader som lästs in", "What became of imported rows"),
        &[untold(texts("external_id:text errors:json", "listImportRows"))],
        "import_job_id number:int outcome actor_id match_id left_alone:json",
    ),
    // What is kept secret, what is handed out, and the journal.
    about(
        "secrecy_mark",
        Words("Sekretessmarkeringar som personen har gjort", "Secrecy marks that the person has made"),
        Of::Made("secrecy_mark"),
        &[
            becomes("marked_by_name lifted_by_name", Erase::Name, Signature, Rule::Records, "listSecrecyMarks getSecrecyMark"),
            untold(texts("motive lift_motive", "listSecrecyMarks getSecrecyMark")),
        ],
        "id version:int created_at updated_at record_kind record_id member chapter:int paragraph review_on forum_id actor_id lifted_at",
    ),
    about(
        "disclosure",
        Words("Utlämnanden som personen har beslutat", "Disclosures that the person has decided"),
        Of::Made("disclosure"),
        &[
            becomes("decided_by_name", Erase::Name, Signature, Rule::Records, "listDisclosures getDisclosure"),
            untold(texts("note content", "getDisclosure")),
        ],
        "id version:int created_at updated_at record_kind record_id requested_on decision digest form:int redacted:json forum_id actor_id areas",
    ),
    about(
        "journal_entry",
        Words("Poster i diariet som personen har registrerat", "Journal entries that the person has registered"),
        Of::Made("journal_entry"),
        &[
            becomes("registered_by_name", Erase::Name, Signature, Rule::Records, "listJournalEntries getJournalEntry"),
            untold(texts("title counterpart", "listJournalEntries getJournalEntry")),
        ],
        "id version:int created_at updated_at year:int number:int direction received_on record_kind record_id",
    ),
    nobody("journal_counter", "year:int last:int"),
    // What this room keeps itself.
    about(
        "legal_hold",
        Words("Undantag från gallring som personen har beslutat", "Legal holds that the person has decided"),
        Of::User(&["created_by"]),
        &[
            becomes("created_by", Erase::Stays, Accountability, Rule::Protocols, ""),
            becomes("record_kind record_id", Erase::Stays, Accountability, Rule::Protocols, "listLegalHolds getLegalHold"),
            becomes("reason", Erase::ByHand, Accountability, Rule::Protocols, "listLegalHolds getLegalHold"),
        ],
        "id version:int created_at updated_at valid_from valid_to",
    ),
    about(
        "erasure",
        Words("Raderingar av eller gjorda av personen", "Erasures of or by the person"),
        Of::User(&["user_id", "erased_by"]),
        &[
            becomes("user_id erased_by erased_at", Erase::Stays, Accountability, Rule::Protocols, ""),
            becomes("reason disposal_decision", Erase::ByHand, Accountability, Rule::Protocols, ""),
        ],
        "id outcome:json",
    ),
    about(
        "retention_run",
        Words("Gallringar som personen har startat", "Disposals that the person has started"),
        Of::User(&["started_by"]),
        &[becomes("started_by started_at", Erase::Stays, Accountability, Rule::Protocols, "")],
        "id dry_run:flag rules:json",
    ),
];

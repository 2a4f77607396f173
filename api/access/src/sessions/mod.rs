//! Sessions (inloggningar): each has a short-lived access token, and a refresh token that can be used once. A refresh
//! token that is used twice has been stolen, so it ends the whole session.

mod api;
pub(super) mod cookie;
pub mod ending;
pub(super) mod own;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, DataPurpose::SignIn, DataSubject, Rule, Table, deleted_columns, not_in_extract, personal_table};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
    personal_table(
        "session",
        Bilingual("Inloggningar", "Sessions"),
        DataSubject::User(&["user_id"]),
        &[deleted_columns(
            "user_id created_at expires_at revoked_at renewed_at method acr address agent client_id:text withheld:json scopes:json",
            SignIn,
            Rule::Sessions,
            "listOwnSessions",
        )],
        "id",
    ),
    personal_table(
        "refresh_token",
        Bilingual("Förnyelsekoder", "Refresh tokens"),
        DataSubject::Through("session_id", "session"),
        &[
            deleted_columns("session_id created_at spent_at", SignIn, Rule::Tokens, ""),
            not_in_extract(deleted_columns("digest", SignIn, Rule::Tokens, "")),
        ],
        "",
    ),
];

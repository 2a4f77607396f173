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

use crate::kernel::record::{Of, Rule, Table, Why::SignIn, Words, about, goes, untold};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
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
];

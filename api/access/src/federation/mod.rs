//! Signing in with an organisation's identity provider (inloggning via den egna organisationen, OpenID Connect).
//!
//! Samsyn is a client (relying party) of the provider. For frontends it is a small authorization server: they send the
//! browser to `/oauth2/authorize`, get a code back, and redeem it at the token endpoint for a session. All addresses of a
//! provider come from the operator's settings and from the provider's discovery document, never from a token or a caller.

mod account;
mod api;
mod claims;
mod id_token;
mod pages;
mod provider;
mod redeem;
mod settings;
mod store;
mod table;
mod types;

pub use api::routes;
pub use pages::{authorize, callback};
pub use provider::Federation;
pub use redeem::{Redeemed, note_session, redeem};
pub use settings::{IdentityProvider, LoginClient, check};
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::SignIn, DataSubject, Rule, Table, deleted_columns, impersonal_table, not_in_extract, personal_table,
};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
    personal_table(
        "user_identity",
        Bilingual("Kopplingar till organisationers inloggning", "Links to identity providers"),
        DataSubject::User(&["user_id"]),
        &[deleted_columns("user_id issuer subject email_verified:flag created_at last_used_at", SignIn, Rule::Accounts, "")],
        "",
    ),
    impersonal_table(
        "login_attempt",
        "state_digest browser_digest provider nonce verifier client_id:text redirect_uri client_challenge client_state created_at expires_at spent_at",
    ),
    personal_table(
        "login_code",
        Bilingual("Pågående inloggningar", "Sign-ins under way"),
        DataSubject::User(&["user_id"]),
        &[
            deleted_columns("user_id issuer acr withheld:json created_at expires_at spent_at session_id", SignIn, Rule::Codes, ""),
            not_in_extract(deleted_columns("digest", SignIn, Rule::Codes, "")),
        ],
        "client_id:text redirect_uri challenge",
    ),
];

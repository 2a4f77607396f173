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

use crate::kernel::record::{Of, Rule, Table, Why::SignIn, Words, about, goes, nobody, untold};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
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
];

//! A user's own account (konto): name and language, password, address, second factor. It cannot be changed with a
//! personal token. Changes that matter for security ask for the password again.

mod api;
pub(super) mod factors;
mod passwords;
pub(super) mod secrets;
mod types;

use utoipa_actix_web::service_config::ServiceConfig;

pub use types::*;

use crate::kernel::record::{Of, Rule, Table, Why::SignIn, Words, about, goes, untold};

/// The tables of this module.
pub const TABLES: &[Table] = &[
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
];

pub fn routes(config: &mut ServiceConfig) {
    passwords::routes(config);
    api::routes(config);
}

//! A user's own account (konto): name and language, password, address, second factor. It cannot be changed with a
//! personal token. Changes that matter for security ask for the password again.

mod api;
pub(super) mod factors;
mod passwords;
pub(super) mod secrets;
mod types;

use utoipa_actix_web::service_config::ServiceConfig;

pub use types::*;

use crate::kernel::record::{Bilingual, DataPurpose::SignIn, DataSubject, Rule, Table, deleted_columns, not_in_extract, personal_table};

/// The tables of this module.
pub const TABLES: &[Table] = &[
    personal_table(
        "recovery_code",
        Bilingual("Reservkoder", "Recovery codes"),
        DataSubject::User(&["user_id"]),
        &[
            deleted_columns("user_id used_at", SignIn, Rule::Accounts, ""),
            not_in_extract(deleted_columns("digest", SignIn, Rule::Accounts, "")),
        ],
        "",
    ),
    personal_table(
        "account_secret",
        Bilingual("Länkar i brev", "Links in letters"),
        DataSubject::User(&["user_id"]),
        &[
            deleted_columns("user_id purpose email expires_at used_at", SignIn, Rule::Links, ""),
            not_in_extract(deleted_columns("digest password_digest", SignIn, Rule::Links, "")),
        ],
        "",
    ),
];

pub fn routes(config: &mut ServiceConfig) {
    passwords::routes(config);
    api::routes(config);
}

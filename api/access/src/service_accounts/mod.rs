//! Service accounts (tjänstekonton): accounts of partner systems. A service account signs in at `/oauth2/token` with a
//! key of its own or a secret, holds grants as users do, and carries only the permissions that it was registered for.

mod api;
mod store;
mod table;
mod types;

pub use api::routes;
pub(super) use store::{Client, client, has_secret};
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Account, DataSubject, Erase, Owner, Record, Rule, deleted_columns, kept_columns, not_in_extract, personal_table,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "service_account",
    Owner::Permission,
    &[
        personal_table(
            "service_client",
            Bilingual("Tjänstekonton", "Service accounts"),
            DataSubject::User(&["user_id"]),
            &[kept_columns(
                "user_id auth_method scopes:json",
                Erase::Stays,
                Account,
                Rule::Accounts,
                "listServiceAccounts getServiceAccount",
            )],
            "jwks:json",
        ),
        personal_table(
            "client_secret",
            Bilingual("Tjänstekontons hemligheter", "Secrets of service accounts"),
            DataSubject::User(&["user_id"]),
            &[
                deleted_columns("user_id created_at expires_at", Account, Rule::Accounts, ""),
                not_in_extract(deleted_columns("digest", Account, Rule::Accounts, "")),
            ],
            "",
        ),
    ],
);

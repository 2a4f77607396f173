//! Service accounts (tjänstekonton): accounts of partner systems. A service account signs in at `/oauth2/token` with a
//! key of its own or a secret, holds grants as users do, and carries only the permissions that it was registered for.

mod api;
mod store;
mod table;
mod types;

pub use api::routes;
pub(super) use store::{Client, client, has_secret};
pub use types::*;

use crate::kernel::record::{Erase, Of, Owner, Record, Rule, Why::Account, Words, about, becomes, goes, untold};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "service_account",
    Owner::Permission,
    &[
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
    ],
);

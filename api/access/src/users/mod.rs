//! Users (användare): the people who sign in. Their rights are kept separately, in grants.

mod api;
pub mod lookup;
mod name;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub(super) use api::{check_name, require_own_change};
pub use lookup::require_an_admin;
pub(super) use name::name_fault;
pub use store::insert;
pub use types::*;

use crate::kernel::record::{
    Bilingual,
    DataPurpose::{Account, SignIn},
    DataSubject, Erase, Owner, Record, Rule, actor_column, deleted_columns, kept_columns, not_in_extract, personal_table,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "user",
    Owner::Permission,
    &[
        personal_table(
            "user_account",
            Bilingual("Konton", "Accounts"),
            DataSubject::User(&["id"]),
            &[
                kept_columns("id status", Erase::Stays, Account, Rule::Accounts, "listUsers getUser getMe"),
                kept_columns("name", Erase::Name, Account, Rule::Accounts, "listUsers getUser getMe"),
                kept_columns("email", Erase::Address, Account, Rule::Accounts, "listUsers getUser getMe"),
                not_in_extract(kept_columns("email_fold", Erase::Address, Account, Rule::Accounts, "")),
                not_in_extract(kept_columns("claimed_fold", Erase::Empty, Account, Rule::Accounts, "")),
                not_in_extract(kept_columns(
                    "password_hash factor_secret:bytes factor_pending:bytes",
                    Erase::Empty,
                    Account,
                    Rule::Accounts,
                    "",
                )),
                kept_columns("language", Erase::Stays, Account, Rule::Accounts, "listUsers getUser getMe"),
            ],
            "version:int created_at updated_at kind registrar_id factor_step:int home_kind home_id joined_to:id",
        )
        .actors(&[actor_column("home_id").only("home_kind", "actor").silent()]),
        // A row is kept for 90 days after the last sign-in from the address.
        personal_table(
            "usual_address",
            Bilingual("Nätadresser som kontot brukar logga in från", "Network addresses that the account signs in from"),
            DataSubject::User(&["user_id"]),
            &[
                deleted_columns("user_id seen_at", SignIn, Rule::Accounts, ""),
                not_in_extract(deleted_columns("digest", SignIn, Rule::Accounts, "")),
            ],
            "",
        ),
    ],
)
.holdable();

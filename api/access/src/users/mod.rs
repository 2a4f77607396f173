//! Users (användare): the people who sign in. Their rights are kept separately, in grants.

mod api;
pub mod lookup;
mod name;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub(super) use api::{check_name, require_own_change};
pub use lookup::keeps_an_admin;
pub(super) use name::name_fault;
pub use store::insert;
pub use types::*;

use crate::kernel::record::{
    Erase, Of, Owner, Record, Rule,
    Why::{Account, SignIn},
    Words, about, becomes, follows, goes, untold,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "user",
    Owner::Permission,
    &[
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
        )
        .actors(&[follows("home_id").only("home_kind", "actor").silent()]),
        // A row is kept for 90 days after the last sign-in from the address.
        about(
            "usual_address",
            Words("Nätadresser som kontot brukar logga in från", "Network addresses that the account signs in from"),
            Of::User(&["user_id"]),
            &[goes("user_id seen_at", SignIn, Rule::Accounts, ""), untold(goes("digest", SignIn, Rule::Accounts, ""))],
            "",
        ),
    ],
)
.holdable();

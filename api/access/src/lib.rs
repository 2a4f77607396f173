//! Access control: accounts of people and systems, the ways to sign in, grants, rate limits, the audit log, and the one
//! table of roles and permissions.
//!
//! A handler names the permission that it needs in its signature ([`By`]). `By` also carries the records that the caller
//! may see ([`Sight`]) and the places where the caller holds the permission ([`Reach`]). Stores take these as arguments,
//! so a query that forgets them does not compile.

use samsyn_kernel as kernel;

mod absent;
pub mod account;
mod acting;
pub mod audit;
mod by;
mod caller;
mod caller_cache;
pub mod federation;
pub mod grants;
mod lasting;
pub mod letters;
pub mod limits;
pub mod oauth;
pub mod passwords;
pub mod personal_tokens;
pub mod policy;
pub mod secrecy;
pub mod service_accounts;
pub mod sessions;
mod standing;
mod tokens;
pub mod users;
mod words;

pub use acting::Acting;
pub use by::{By, WhichPermission, authenticate, limited};
pub use caller::{Caller, Reach, Scope as CallerScope, Sight, Visibility};
pub use lasting::Lasting;
pub use limits::{LimitSettings, Limits};
pub use tokens::{Access, TokenSettings};

use crate::kernel::record::{Table, impersonal_table};

/// Tables of this module itself; each submodule declares its own.
pub const TABLES: &[Table] = &[
    impersonal_table("signing_key", "id:text private_key:bytes public_key created_at signs_from:time"),
    impersonal_table("access_epoch", "epoch:int"),
];

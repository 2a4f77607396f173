//! Who may do what: accounts of people and systems, the ways in, grants, limits and the audit log, and the one table of
//! roles and permissions.
//!
//! A handler names the permission it needs in its signature ([`By`]); what the caller may see ([`Sight`]) and where the
//! permission is held ([`Reach`]) come with it, and stores take them, so a query that forgets them does not compile.

use samsyn_kernel as kernel;

mod absent;
pub mod account;
mod acting;
pub mod audit;
mod by;
mod caller;
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

use crate::kernel::record::{Table, nobody};

/// The tables that are kept here.
pub const TABLES: &[Table] =
    &[nobody("signing_key", "id:text private_key:bytes public_key created_at signs_from:time"), nobody("access_epoch", "epoch:int")];

//! The cache of callers for work that is done after their request has ended.

use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::Caller;

/// A user's id, with the codes of the roles that a weak sign-in withholds.
pub(super) type UserKey = (Uuid, Vec<String>);

/// The caller computed for a user in one access epoch and on one day; `None` when the account is closed.
#[derive(Clone)]
pub(super) struct CachedCaller {
    pub epoch: i64,
    pub day: NaiveDate,
    pub caller: Option<Arc<Caller>>,
}

/// Cache of callers by user. An entry is valid until the access epoch or the date changes.
pub(super) struct CallerCache(pub moka::sync::Cache<UserKey, CachedCaller>);

impl Default for CallerCache {
    fn default() -> Self {
        Self(moka::sync::Cache::new(10_000))
    }
}

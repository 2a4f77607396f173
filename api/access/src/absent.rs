//! Callers for work that is done after their request has ended, such as sending a webhook. They are computed with the
//! rights that the user has at that moment, so that a webhook never sends what its user may no longer see.

use std::sync::Arc;

use sea_orm::ActiveEnum;
use uuid::Uuid;

use super::{Access, Caller, caller_cache::CachedCaller, policy::Role, standing};
use crate::kernel::{Db, Result, contract::Contract, secrecy::Secrecy};

impl Access {
    /// Returns the caller for a user with its present rights, without the `withheld` roles. Returns `None` when the
    /// account is closed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn current_caller(&self, user: Uuid, withheld: &[Role], db: &Db) -> Result<Option<Arc<Caller>>> {
        let epoch = self.epoch(db).await?;
        let day = db.clock.today();
        let key = (user, withheld.iter().map(ActiveEnum::to_value).collect());
        if let Some(cached) = self.caller_cache.0.get(&key)
            && cached.epoch == epoch
            && cached.day == day
        {
            return Ok(cached.caller);
        }
        let caller = standing::caller_for_user(user, None, withheld, day, db.reader()).await?.map(Arc::new);
        self.caller_cache.0.insert(key, CachedCaller { epoch, day, caller: caller.clone() });
        Ok(caller)
    }

    /// Returns the members that are hidden from such a caller by secrecy; `None` when nothing is hidden.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hidden_from(&self, absent: &Caller, contract: &Arc<Contract>, db: &Db) -> Result<Option<Secrecy>> {
        self.secrecy(absent, contract, db).await
    }
}

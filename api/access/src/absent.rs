//! Who has asked for something to be done later, as they stand when it is done: nobody is told by a webhook what they may
//! no longer see.

use std::sync::Arc;

use chrono::NaiveDate;
use sea_orm::ActiveEnum;
use uuid::Uuid;

use super::{Access, Caller, policy::Role, standing};
use crate::kernel::{Db, Result, contract::Contract, secrecy::Secrecy};

/// A user, without the roles that a weak sign-in withholds.
type Who = (Uuid, Vec<String>);

/// How somebody stood in an epoch and on a day; nothing when the account was shut.
#[derive(Clone)]
struct Stood {
    epoch: i64,
    day: NaiveDate,
    caller: Option<Arc<Caller>>,
}

/// What is remembered of how users stand, until who may do what changes.
pub(super) struct Absent(moka::sync::Cache<Who, Stood>);

impl Default for Absent {
    fn default() -> Self {
        Self(moka::sync::Cache::new(10_000))
    }
}

impl Access {
    /// A user as it stands now, without the roles that were withheld when it asked; nothing when its account is shut.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn absent(&self, user: Uuid, withheld: &[Role], db: &Db) -> Result<Option<Arc<Caller>>> {
        let epoch = self.epoch(db).await?;
        let day = db.clock.today();
        let who = (user, withheld.iter().map(ActiveEnum::to_value).collect());
        if let Some(stood) = self.absent.0.get(&who)
            && stood.epoch == epoch
            && stood.day == day
        {
            return Ok(stood.caller);
        }
        let caller = standing::of_user(user, None, withheld, day, db.reader()).await?.map(Arc::new);
        self.absent.0.insert(who, Stood { epoch, day, caller: caller.clone() });
        Ok(caller)
    }

    /// What is hidden from such a user; nothing when nothing is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hidden_from(&self, absent: &Caller, contract: &Arc<Contract>, db: &Db) -> Result<Option<Secrecy>> {
        self.secrecy(absent, contract, db).await
    }
}

//! On whose behalf work goes on when the call that asked for it is over: a user with the rights that it has now, narrowed as
//! the session or token was that asked, or the installation itself.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Access, Caller, CallerScope, Sight,
    policy::{Permission, Role},
    standing,
};
use crate::kernel::{
    Db, Result,
    audit::Trail,
    contract::Contract,
    request::{Asked, Author, Call},
    secrecy::Secrecy,
};

/// Somebody on whose behalf work goes on.
#[derive(Clone, Debug)]
pub struct Acting {
    /// Who, with what holds now.
    pub caller: Arc<Caller>,
    /// What is hidden from them.
    pub secrecy: Option<Secrecy>,
}

impl Acting {
    /// The installation itself.
    #[must_use]
    pub fn installation() -> Self {
        let caller = Caller {
            name: "samsyn".to_owned(),
            grants: vec![(Role::Admin, CallerScope::Everywhere)],
            sight: Sight::of_installation(),
            ..Caller::default()
        };
        Self { caller: Arc::new(caller), secrecy: None }
    }

    /// A call of theirs, noted in the audit log under an operation's name and what they are known by.
    #[must_use]
    pub fn call(&self, operation: &str, success: u16, credential: String) -> Call {
        let trail = Trail {
            operation: operation.to_owned(),
            success,
            user: self.caller.user,
            credential,
            actor: self.caller.employer,
            ..Trail::default()
        };
        let (user, user_name) = (self.caller.user, self.caller.name.clone());
        Call {
            author: Author { user, user_name, trail: Arc::new(trail), ..Author::default() },
            asked: Asked { secrecy: self.secrecy.clone(), ..Asked::default() },
        }
    }
}

impl Access {
    /// A user as it is now; nothing when the account has ended. `scopes` are the only permissions that it may use, where the
    /// token that asked was narrowed, and `withheld` the roles that the way of signing in was too weak for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn acting_for(
        &self,
        user: Uuid,
        scopes: Option<&[String]>,
        withheld: &[Role],
        contract: &Arc<Contract>,
        db: &Db,
    ) -> Result<Option<Acting>> {
        let narrowed = scopes.map(|scopes| scopes.iter().filter_map(|scope| Permission::named(scope)).collect());
        let today = db.clock.today();
        let Some(caller) = standing::of_user(user, narrowed, withheld, today, db.reader()).await? else { return Ok(None) };
        let secrecy = self.secrecy(&caller, contract, db).await?;
        Ok(Some(Acting { caller: Arc::new(caller), secrecy }))
    }
}

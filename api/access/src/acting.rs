//! The identity under which work goes on when the request that asked for it is over. It is either a user with its present
//! rights, narrowed by the session or token that made the request, or the installation itself.

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

/// The identity of background work.
#[derive(Clone, Debug)]
pub struct Acting {
    /// The user with its present rights, or the installation.
    pub caller: Arc<Caller>,
    /// The members that are hidden from the caller by secrecy; `None` when nothing is hidden.
    pub secrecy: Option<Secrecy>,
}

impl Acting {
    /// Returns the identity of the installation itself: an admin who sees everything.
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

    /// Makes a [`Call`] in this identity. The audit log notes it under the name `operation` and the given
    /// `credential`; `success` is the HTTP status that it notes on success.
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
    /// Returns the identity of a user with its present rights; `None` when the account is closed. `scopes` are the
    /// only permissions that it may use, if the token of the request was narrowed. `withheld` are the roles that the
    /// way of signing in was too weak for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn acting_for(
        &self,
        user: Uuid,
        scopes: Option<&[String]>,
        withheld: &[Role],
        contract: &Arc<Contract>,
        db: &Db,
    ) -> Result<Option<Acting>> {
        let narrowed = scopes.map(|scopes| scopes.iter().filter_map(|scope| Permission::from_key(scope)).collect());
        let today = db.clock.today();
        let Some(caller) = standing::caller_for_user(user, narrowed, withheld, today, db.reader()).await? else { return Ok(None) };
        let secrecy = self.secrecy(&caller, contract, db).await?;
        Ok(Some(Acting { caller: Arc::new(caller), secrecy }))
    }
}

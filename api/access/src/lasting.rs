//! Requests that are answered over a long time, such as a stream of changes. The caller's rights are checked again and
//! again.

use std::{marker::PhantomData, sync::Arc};

use actix_web::{HttpRequest, http::header, web::Data};

use super::{Access, Caller, policy::Requires};
use crate::kernel::{Db, Problem, Result, contract::Contract, extract, secrecy::Secrecy};

/// A long-lasting request, from which the caller can be computed anew at any time.
#[derive(Debug)]
pub struct Lasting<P> {
    authorization: Option<String>,
    access: Data<Access>,
    contract: Arc<Contract>,
    permission: PhantomData<fn() -> P>,
}

impl<P: Requires> Lasting<P> {
    /// Keeps what is needed of a request.
    ///
    /// # Errors
    /// When the service runs without access control (500).
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let access = request.app_data::<Data<Access>>().cloned();
        Ok(Self {
            authorization: request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().to_owned()),
            access: access.ok_or_else(|| Problem::internal(&"the service runs without access"))?,
            contract: extract::contract(request)?,
            permission: PhantomData,
        })
    }

    /// Returns the caller with its present rights, and what secrecy hides from it.
    ///
    /// # Errors
    /// When the token, the session, the account or the permission has ended (401 or 403).
    pub async fn current_caller(&self, db: &Db) -> Result<(Arc<Caller>, Option<Secrecy>)> {
        let caller = self.access.caller(self.authorization.as_deref(), db).await?;
        caller.reach(P::PERMISSION)?;
        let secrecy = self.access.secrecy(&caller, &self.contract, db).await?;
        Ok((caller, secrecy))
    }
}

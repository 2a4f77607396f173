//! Who is still answered long after a call was let in, such as the follower of a stream.

use std::{marker::PhantomData, sync::Arc};

use actix_web::{HttpRequest, http::header, web::Data};

use super::{Access, Caller, policy::Requires};
use crate::kernel::{Db, Problem, Result, contract::Contract, extract, secrecy::Secrecy};

/// A call that is answered for a while, and whose right to that is asked for again and again.
#[derive(Debug)]
pub struct Lasting<P> {
    authorization: Option<String>,
    access: Data<Access>,
    contract: Arc<Contract>,
    permission: PhantomData<fn() -> P>,
}

impl<P: Requires> Lasting<P> {
    /// The call that a request has begun.
    ///
    /// # Errors
    /// When the service was put together without access.
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let access = request.app_data::<Data<Access>>().cloned();
        Ok(Self {
            authorization: request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().to_owned()),
            access: access.ok_or_else(|| Problem::internal(&"the service runs without access"))?,
            contract: extract::contract(request)?,
            permission: PhantomData,
        })
    }

    /// Who calls, and what is hidden from the caller, as it holds now.
    ///
    /// # Errors
    /// When the token, the session, the account or the permission has ended.
    pub async fn now(&self, db: &Db) -> Result<(Arc<Caller>, Option<Secrecy>)> {
        let caller = self.access.caller(self.authorization.as_deref(), db).await?;
        caller.reach(P::PERMISSION)?;
        let secrecy = self.access.secrecy(&caller, &self.contract, db).await?;
        Ok((caller, secrecy))
    }
}

//! The caller of a handler, with the permission that the handler needs.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};

use super::{
    Access, Caller, Limits, Reach, Sight,
    policy::{Permission, Requires},
    users::UserId,
};
use crate::kernel::{
    Db, Problem, Result,
    extract::{self, Parameters},
    hash::sha256_hex,
    problem::Kind,
    request::{self, Call, Meta, Once},
    write::idempotency_key,
};

/// The caller, who holds the permission `P` somewhere.
#[derive(Debug)]
pub struct By<P> {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// Where the caller holds the permission.
    pub reach: Reach,
    call: Call,
    permission: PhantomData<fn() -> P>,
}

impl<P> By<P> {
    /// What the caller may see.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.caller.sight
    }

    /// The user who calls.
    ///
    /// # Errors
    /// When nobody is signed in, which the permission should have made impossible.
    pub fn user_id(&self) -> Result<UserId> {
        self.caller.user.map(UserId::from).ok_or_else(Problem::not_found)
    }
}

/// A caller is its call, for replies and writes.
impl<P> Deref for By<P> {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

/// Finds out who calls, before any handler's arguments are read; whether that suffices is for the handler to say. Only who
/// calls too often is refused here.
///
/// # Errors
/// What the handler ends with.
pub async fn authenticate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let authorization = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().to_owned());
    let caller = match (request.app_data::<Data<Access>>(), request.app_data::<Data<Db>>()) {
        (Some(access), Some(db)) => access.caller(authorization.as_deref(), db).await,
        _ => Err(Problem::internal(&"the service runs without access")),
    };
    let meta = request.extensions().get::<Rc<Meta>>().cloned();
    if let (Some(limits), Some(meta)) = (request.app_data::<Data<Limits>>(), meta)
        && let Err(problem) = limits.count(&caller, &meta)
    {
        return Ok(request.into_response(problem.error_response()));
    }
    let access = request.app_data::<Data<Access>>().cloned();
    request.extensions_mut().insert(caller);
    let writes = !request.method().is_safe();
    let response = next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    if let Some(access) = access.filter(|_| writes) {
        access.changed();
    }
    response
}

impl<P: Requires> FromRequest for By<P> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl<P: Requires> By<P> {
    fn read(request: &HttpRequest) -> Result<Self> {
        let caller = request.extensions().get::<Result<Arc<Caller>>>().cloned();
        let caller = match caller.unwrap_or_else(|| Err(Problem::internal(&"nobody asked who calls"))) {
            // Who signs in anew may well send along a token that has ended.
            Err(problem) if problem.kind == Kind::Unauthenticated && P::PERMISSION == Permission::StartSession => Arc::default(),
            caller => caller?,
        };
        let reach = caller.reach(P::PERMISSION)?;
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let pattern = request.match_pattern().unwrap_or_default();
        let operation = extract::contract(request)?
            .operation(method, &pattern)
            .ok_or_else(|| Problem::internal(&format_args!("{method} {pattern} is not in the contract")))?;
        if operation.permission != P::PERMISSION.key() {
            return Err(Problem::internal(&format_args!("{} says another permission in the contract than in its signature", operation.id)));
        }
        let parameters = operation.parameters(request.query_string())?;
        let fields = operation.fields(&parameters)?;
        request.extensions_mut().insert(Parameters(Rc::new(parameters.clone())));
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
        let meta = request::meta(request).ok_or_else(|| Problem::internal(&"a call without meta"))?;
        let once = match text("idempotency-key").filter(|_| method == Method::POST) {
            Some(key) => Some(Once {
                key: idempotency_key(key)?,
                scope: format!("{:?} {method} {}", caller.user, request.uri()),
                digest: sha256_hex(&meta.body),
            }),
            None => None,
        };
        let call = Call {
            user: caller.user,
            user_name: caller.name.clone(),
            request_id: Some(meta.request_id.clone()),
            address: meta.address.clone(),
            agent: meta.agent.clone(),
            language: meta.language,
            once,
            if_match: text("if-match").map(ToOwned::to_owned),
            fields,
            path: request.path().to_owned(),
            parameters: Arc::new(parameters),
        };
        Ok(Self { caller, reach, call, permission: PhantomData })
    }
}

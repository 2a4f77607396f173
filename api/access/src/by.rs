//! The extractor [`By`]: the caller of a handler, with the permission that the handler needs.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    panic::AssertUnwindSafe,
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
use futures_util::FutureExt;

use super::{
    Access, Caller, Limits, Reach, Sight,
    audit::{self, Probes},
    limits::network,
    policy::{Permission, Requires},
    users::UserId,
};
use crate::kernel::{
    Db, Problem, Result,
    contract::{ALLOWED_ACTIONS, Contract, Operation, ROOT},
    db::{Sender, observed},
    export::{Column, Export, Format, Turns},
    extract::{self, Parameters},
    fields::{self, Tags},
    hash::sha256_hex,
    middleware::{HEALTH, Head},
    problem::Kind,
    request::{self, Asked, Author, Call, Meta, Once},
    secrecy::Secrecy,
    twin::{self, SEARCH},
    write::idempotency_key,
};

/// The caller, who holds the permission `P` somewhere.
#[derive(Debug)]
pub struct By<P> {
    /// The caller.
    pub caller: Arc<Caller>,
    /// The places where the caller holds the permission.
    pub reach: Reach,
    call: Call,
    permission: PhantomData<fn() -> P>,
}

impl<P> By<P> {
    /// Returns the records that the caller may see.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.caller.sight
    }

    /// Returns the user who calls.
    ///
    /// # Errors
    /// When the caller is not signed in (404). A permission that only signed-in users hold makes that impossible.
    pub fn user_id(&self) -> Result<UserId> {
        self.caller.user.map(UserId::from).ok_or_else(Problem::not_found)
    }

    /// Returns the call with the operations that the caller may carry out on the record that it reads, if the caller asks for them.
    ///
    /// `may` is the same check that the handlers of those operations make. It gets a permission and the caller's reach of it. It is
    /// only about permission: an operation that the record's state forbids is listed too, and is answered with 409 when called.
    ///
    /// # Errors
    /// When the check fails with a status of 500 or more.
    pub async fn allowing(&self, may: impl AsyncFn(Permission, &Reach) -> Result<()>) -> Result<Call> {
        let mut call = self.call.clone();
        let Some(actions) = &self.call.asked.actions else { return Ok(call) };
        let mut checked: Vec<(Permission, bool)> = Vec::new();
        let mut allowed = Vec::new();
        for action in actions {
            let permission = Permission::from_key(&action.permission)
                .ok_or_else(|| Problem::internal(&format_args!("{} needs a permission that is none", action.id)))?;
            let Ok(reach) = self.caller.reach(permission) else { continue };
            let may = if action.for_a_party {
                reach.speaks()
            } else if let Some((_, may)) = checked.iter().find(|(known, _)| *known == permission) {
                *may
            } else {
                let may = match may(permission, &reach).await {
                    Ok(()) => true,
                    Err(problem) if problem.kind.status() < 500 => false,
                    Err(problem) => return Err(problem),
                };
                checked.push((permission, may));
                may
            };
            if may {
                allowed.push(action.id.clone());
            }
        }
        call.asked.allowed = Some(allowed);
        Ok(call)
    }
}

/// Gives replies and writes the call, with its author.
impl<P> Deref for By<P> {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

/// Identifies the caller before the handler's arguments are extracted. The handler decides whether the caller suffices ([`By`]). Only
/// callers who call too often are refused here (429).
///
/// # Errors
/// The error of the handler. Also when a read cannot be noted in the audit log as it must be (500).
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
    if let (Some(limits), Some(meta)) = (request.app_data::<Data<Limits>>(), &meta)
        && let Err(problem) = limits.count(&caller, meta)
    {
        if let (Some(probes), Some(db)) = (request.app_data::<Data<Probes>>(), request.app_data::<Data<Db>>())
            && caller.as_ref().map_or(true, |caller| caller.user.is_none())
        {
            probes.note(None, meta, problem.kind.status(), problem.kind.slug(), db).await;
        }
        return Ok(request.into_response(problem.error_response()));
    }
    let access = request.app_data::<Data<Access>>().cloned();
    let caller = match (caller, &access, request.app_data::<Data<Db>>(), request.app_data::<Data<Contract>>()) {
        (Ok(caller), Some(access), Some(db), Some(contract)) => match access.secrecy(&caller, contract, db).await {
            Ok(secrecy) => {
                if let Some(secrecy) = secrecy {
                    request.extensions_mut().insert(secrecy);
                }
                Ok(caller)
            }
            // When the marks cannot be read the call fails, since hidden members would be shown otherwise.
            Err(problem) => Err(problem),
        },
        (caller, ..) => caller,
    };
    request.extensions_mut().insert(caller);
    let is_observed = request.app_data::<Data<Db>>().is_some_and(|db| db.is_observed());
    let sender = meta.as_ref().filter(|_| is_observed).and_then(|meta| {
        let operation = called_operation(request.request()).ok()?;
        Some(Sender { operation: operation.id.clone(), request_id: meta.request_id.clone() })
    });
    observed(sender, answer(request, next, access, authorization.is_some(), meta)).await
}

/// Answers a call whose caller has been identified, and notes it in the audit log.
async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    access: Option<Data<Access>>,
    with_token: bool,
    meta: Option<Rc<Meta>>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let db = request.app_data::<Data<Db>>().cloned();
    let probes = request.app_data::<Data<Probes>>().cloned();
    let slot = audit::Slot::default();
    request.extensions_mut().insert(Rc::clone(&slot));
    let writes = !request.method().is_safe();
    // A panic of a handler is caught here, so that the audit log notes it too.
    let response = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let response = response.unwrap_or_else(|_| Err(Problem::internal(&"a handler panicked").into()));
    let mut response = response.map(ServiceResponse::map_into_boxed_body);
    if let Ok(response) = &mut response
        && response.request().extensions().contains::<NoStore>()
    {
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    if let Some(access) = access.filter(|_| writes) {
        access.discard_epoch();
    }
    if let (Some(db), Some(probes)) = (db, probes) {
        let ended = audit::Ended { slot: &slot, writes, with_token, meta: meta.as_deref(), answered: &response };
        audit::end(ended, &probes, &db).await?;
    }
    response
}

/// Returns the operation that is called.
fn called_operation(request: &HttpRequest) -> Result<Arc<Operation>> {
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let mut pattern = request.match_pattern().unwrap_or_default();
    let method = if twin::is_search(request) { &Method::POST } else { method };
    if twin::is_search(request) {
        pattern.push_str(SEARCH);
    }
    extract::contract(request)?
        .operation(method, &pattern)
        .ok_or_else(|| Problem::internal(&format_args!("{method} {pattern} is not in the contract")))
}

/// The addresses outside the API whose handlers count their calls themselves.
const COUNTED_BY_HANDLER: [&str; 2] = ["/oauth2/authorize", "/oauth2/callback"];

/// Limits calls at addresses outside the API. They are counted by network address, since the caller is not known. Health checks are not
/// counted, since monitoring must always get an answer.
///
/// # Errors
/// The error of the handler.
pub async fn limited<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let path = request.path();
    let counted_elsewhere =
        COUNTED_BY_HANDLER.contains(&path) || path.strip_prefix(ROOT).is_some_and(|below| below.is_empty() || below.starts_with('/'));
    let meta = request.extensions().get::<Rc<Meta>>().cloned().filter(|_| !counted_elsewhere && !path.starts_with(HEALTH));
    if let (Some(limits), Some(meta)) = (request.app_data::<Data<Limits>>(), meta)
        && let Err(problem) = limits.count(&Ok(Arc::default()), &meta)
    {
        return Ok(request.into_response(problem.error_response()));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

impl<P: Requires> FromRequest for By<P> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::from_call(request))
    }
}

/// Marks a call that only asks for the permission that the handler needs. [`By`] answers it with a problem that names the permission, so
/// that the contract has it from the handler's signature.
#[derive(Debug)]
pub struct WhichPermission;

/// Marks a call whose answer no cache may store, also when it is a refusal.
struct NoStore;

impl<P: Requires> By<P> {
    /// # Errors
    /// When the caller is unknown (401) or lacks the permission (401, 403), or the parameters or headers of the call are wrong (400, 406,
    /// 422). When the caller has too many exports under way (429).
    fn from_call(request: &HttpRequest) -> Result<Self> {
        if request.extensions().contains::<WhichPermission>() {
            return Err(Problem { required_permission: Some(P::PERMISSION.key()), ..Problem::new(Kind::Forbidden) });
        }
        if P::PERMISSION.is_private() {
            request.extensions_mut().insert(NoStore);
        }
        let caller = request.extensions().get::<Result<Arc<Caller>>>().cloned();
        let operation = called_operation(request)?;
        let meta = request::meta(request).ok_or_else(|| Problem::internal(&"a call without meta"))?;
        let caller = match caller.unwrap_or_else(|| Err(Problem::internal(&"nobody asked who calls"))) {
            // A caller who signs in anew may still send a token that has ended.
            Err(problem) if problem.kind == Kind::Unauthenticated && P::PERMISSION == Permission::StartSession => Ok(Arc::default()),
            caller => caller,
        };
        let trail = audit::begin(request, &operation, &meta, caller.as_deref().ok(), P::PERMISSION);
        let caller = caller?;
        let reach = caller.reach(P::PERMISSION)?;
        let method = request.method();
        let parameters = operation.parameters(request.query_string())?;
        let searched = operation.searched(|| extract::json(request, &["application/json"]))?;
        let is_search = searched.is_some();
        let parameters = searched.unwrap_or(parameters);
        let members = operation.fields(&parameters)?;
        request.extensions_mut().insert(Parameters(Rc::new(parameters.clone())));
        let once = match request.headers().get("idempotency-key").filter(|_| method == Method::POST) {
            Some(key) => Some(Once {
                key: idempotency_key(key.to_str().unwrap_or_default())?,
                scope: format!("{:?} {method} {}", caller.user, request.uri()),
                digest: sha256_hex(&meta.body),
            }),
            None => None,
        };
        let secrecy = Secrecy::of(request);
        let export = match operation.format(&parameters, &fields::items(request.headers(), header::ACCEPT).collect::<Vec<_>>())? {
            Some(format) => {
                let columns = Export::columns(&operation.columns, members.as_deref(), secrecy.is_some());
                Some(Arc::new(begin_export(format, columns, request, &caller, &meta)?))
            }
            None => None,
        };
        let include = parameters.get("include").and_then(serde_json::Value::as_array);
        let wants_actions = include.is_some_and(|include| include.iter().any(|value| value == ALLOWED_ACTIONS));
        let author = Author {
            user: caller.user,
            user_name: caller.name.clone(),
            request_id: Some(meta.request_id.clone()),
            address: meta.address.clone(),
            agent: meta.agent.clone(),
            trail,
        };
        let asked = Asked {
            language: meta.language,
            once,
            if_match: Tags::if_match(request.headers()),
            fields: members,
            path: if is_search { format!("{}{SEARCH}", request.path()) } else { request.path().to_owned() },
            parameters: Arc::new(parameters),
            secrecy,
            actions: if wants_actions {
                Some(extract::contract(request)?.actions(&request.match_pattern().unwrap_or_default()))
            } else {
                None
            },
            allowed: None,
            export,
            searched: is_search,
        };
        Ok(Self { caller, reach, call: Call { author, asked }, permission: PhantomData })
    }
}

/// Begins the export of a list as a table.
///
/// # Errors
/// When the caller, or all callers together, have too many exports under way (429).
fn begin_export(format: Format, columns: Vec<Column>, request: &HttpRequest, caller: &Caller, meta: &Meta) -> Result<Export> {
    let (Some(turns), Some(db)) = (request.app_data::<Data<Turns>>(), request.app_data::<Data<Db>>()) else {
        return Err(Problem::internal(&"the service runs without exports"));
    };
    let exporter = caller.user.map_or_else(|| format!("{:x}", network(&meta.address)), |user| user.to_string());
    let pattern = request.match_pattern().unwrap_or_default();
    let name = pattern.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default();
    let head = request.extensions().contains::<Head>();
    Ok(Export { format, name: name.to_owned(), columns, now: db.clock.now(), head, turn: turns.begin(exporter)? })
}

use actix_web::{get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    By,
    kernel::{At, Db, Fault, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, say, text},
    oauth,
    personal_tokens::check_scopes,
    policy::needs,
    users::{AccountKind, UserId, UserStatus, store as users},
};

fn check(new: &NewServiceAccount) -> Result<()> {
    let mut faults = check_scopes(&new.scopes, None);
    faults.extend(text::nameless_fault("/name", &new.name));
    match (new.auth_method, &new.jwks) {
        (ClientAuthMethod::PrivateKeyJwt, None) => {
            faults.push(Fault::at_pointer("/jwks", "required", say!("Ange systemets publika nycklar.", "Give the system's public keys.")));
        }
        (ClientAuthMethod::ClientSecretPost, Some(_)) => faults.push(Fault::at_pointer(
            "/jwks",
            "not-empty",
            say!("Nycklar hör bara till private_key_jwt.", "Keys belong to private_key_jwt only."),
        )),
        (_, Some(keys)) => faults.extend(keys.keys.iter().enumerate().filter_map(|(at, key)| {
            let fault = oauth::key_fault(key)?;
            Some(Fault::at_pointer(format!("/jwks/keys/{at}"), "unfit-key", fault))
        })),
        (_, None) => {}
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// List service accounts
///
/// Returns the service accounts that the caller may see, by the same rules as for users.
#[utoipa::path(tag = "users", operation_id = "listServiceAccounts", params(Paging),
    responses((status = 200, description = "A page of service accounts", body = Page<ServiceAccount>)))]
#[get("/service-accounts")]
async fn list(by: By<needs::ReadServiceAccounts>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<ServiceAccount>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by, paging, &db).await).await
}

/// Register a service account
///
/// The account can do nothing until it gets a grant (`POST /grants` with its id as `userId`).
#[utoipa::path(tag = "users", operation_id = "createServiceAccount", request_body = NewServiceAccount,
    responses((status = 201, description = "The account as registered", body = ServiceAccount)))]
#[post("/service-accounts")]
async fn create(by: By<needs::WriteServiceAccounts>, new: Valid<NewServiceAccount>, db: Data<Db>) -> Result<Reply<ServiceAccount>> {
    by.caller.is_whole(&by.reach)?;
    check(&new.0)?;
    db.write(&by, async |w| {
        let account = store::insert(&new.0, w).await?;
        Reply::created("/service-accounts", account.id, account.version, &account)
    })
    .await
}

/// Show a service account
///
/// Returns one of the service accounts that `GET /service-accounts` lists.
#[utoipa::path(tag = "users", operation_id = "getServiceAccount",
    responses((status = 200, description = "The account", body = ServiceAccount)))]
#[get("/service-accounts/{serviceAccountId}")]
async fn show(by: By<needs::ReadServiceAccounts>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<ServiceAccount>> {
    let account = store::find(&by, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| users::may_change(&by.caller, reach, AccountKind::Service, id, db.reader()).await).await?;
    Reply::shown(&call, account.version, &account)
}

/// Change a service account
///
/// The caller must manage the account, and must be able to give all its grants. New keys and scopes take effect at once.
#[utoipa::path(tag = "users", operation_id = "updateServiceAccount", request_body = Patch<NewServiceAccount>,
    responses((status = 200, description = "The changed account", body = ServiceAccount)))]
#[patch("/service-accounts/{serviceAccountId}")]
async fn change(
    by: By<needs::WriteServiceAccounts>,
    At(id): At<UserId>,
    patch: Patch<NewServiceAccount>,
    db: Data<Db>,
) -> Result<Reply<ServiceAccount>> {
    db.write(&by, async |w| {
        by.caller.is_whole(&by.reach)?;
        let row = users::find_changeable(&by, AccountKind::Service, id, w).await?;
        by.expects(row.version)?;
        let mut account = store::find(&by, id, &w.tx).await?;
        if let Some(changed) = patch.apply(account.id, &account.fields)? {
            check(&changed)?;
            account = store::update(row, &changed, w).await?;
        }
        Reply::changed(account.version, &account)
    })
    .await
}

/// Make a secret
///
/// Makes a secret for `client_secret_post`. Earlier secrets work for one more day, so that the system can change over
/// without a pause.
#[utoipa::path(tag = "users", operation_id = "createClientSecret",
    responses((status = 201, description = "The secret, shown once", body = MadeClientSecret)))]
#[post("/service-accounts/{serviceAccountId}/secrets")]
async fn make_secret(by: By<needs::WriteServiceAccounts>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<MadeClientSecret>> {
    let (client_secret, earlier_end_at) = db
        .transaction(&by, async |w| {
            by.caller.is_whole(&by.reach)?;
            users::find_changeable(&by, AccountKind::Service, id, w).await?;
            if store::find(&by, id, &w.tx).await?.fields.auth_method != ClientAuthMethod::ClientSecretPost {
                return Err(Problem::conflict(say!(
                    "Kontot använder egna nycklar (private_key_jwt) och har ingen hemlighet.",
                    "The account uses keys of its own (private_key_jwt) and has no secret."
                )));
            }
            store::new_secret(id, w).await
        })
        .await?;
    Reply::secret(&format!("/service-accounts/{id}"), &MadeClientSecret { client_secret, earlier_end_at })
}

/// Close a service account
///
/// Its tokens stop working at once, on every instance.
#[utoipa::path(tag = "users", operation_id = "deactivateServiceAccount",
    responses((status = 200, description = "The changed account", body = ServiceAccount)))]
#[post("/service-accounts/{serviceAccountId}/deactivate")]
async fn deactivate(by: By<needs::WriteServiceAccounts>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<ServiceAccount>> {
    set_status(&by, id, UserStatus::Disabled, &db).await
}

/// Reopen a service account
///
/// The account can sign in as before.
#[utoipa::path(tag = "users", operation_id = "activateServiceAccount",
    responses((status = 200, description = "The changed account", body = ServiceAccount)))]
#[post("/service-accounts/{serviceAccountId}/activate")]
async fn activate(by: By<needs::WriteServiceAccounts>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<ServiceAccount>> {
    set_status(&by, id, UserStatus::Active, &db).await
}

async fn set_status(by: &By<needs::WriteServiceAccounts>, id: UserId, status: UserStatus, db: &Db) -> Result<Reply<ServiceAccount>> {
    db.write(by, async |w| {
        let row = users::find_changeable(by, AccountKind::Service, id, w).await?;
        users::set_status(row, status, w).await?;
        let account = store::find(by, id, &w.tx).await?;
        Reply::changed(account.version, &account)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(make_secret).service(deactivate).service(activate);
}

use actix_web::{delete, get, post, web::Data};
use chrono::TimeDelta;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    By, Caller,
    kernel::{At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, reply::Nothing, say, text},
    policy::{Permission, needs},
};

/// The longest lifetime of a token, in days.
const MAX_DAYS: i64 = 366;

/// Returns a fault for each scope that is not a permission which tokens may carry, or that the holder does not have
/// itself.
pub(crate) fn check_scopes(scopes: &[String], holder: Option<&Caller>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, scope) in scopes.iter().enumerate() {
        let pointer = format!("/scopes/{at}");
        let Some(permission) = Permission::from_key(scope).filter(|permission| permission.may_be_scope()) else {
            let all = Permission::ALL.iter().filter(|permission| permission.may_be_scope()).map(|permission| permission.key());
            let meant = text::nearest(scope, all.clone()).map_or_else(|| all.collect::<Vec<_>>().join(", "), ToOwned::to_owned);
            let scope = text::quoted(scope);
            faults.push(Fault::at_pointer(
                pointer,
                "not-in-list",
                say!("En biljett kan inte ha {scope}. Menade du {meant}?", "A token cannot carry {scope}. Did you mean {meant}?"),
            ));
            continue;
        };
        if holder.is_some_and(|holder| holder.reach(permission).is_err()) {
            faults.push(Fault::at_pointer(
                pointer,
                "not-held",
                say!(
                    "Du har inte {scope} själv och kan inte ge den till en biljett.",
                    "You do not hold {scope} yourself and cannot give it to a token."
                ),
            ));
        }
    }
    faults
}

/// List your tokens
///
/// Returns the caller's personal tokens, without their secrets.
#[utoipa::path(tag = "account", operation_id = "listPersonalTokens", params(Paging),
    responses((status = 200, description = "A page of tokens", body = Page<PersonalToken>)))]
#[get("/me/tokens")]
async fn list(by: By<needs::ReadAccount>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<PersonalToken>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.user_id()?, paging, by, &db).await).await
}

/// Make a token
///
/// Makes a token for the caller's own programs. It carries the permissions in `scopes` wherever the caller holds them,
/// and no others.
#[utoipa::path(tag = "account", operation_id = "createPersonalToken", request_body = NewPersonalToken,
    responses((status = 201, description = "The token, shown once", body = MadePersonalToken)))]
#[post("/me/tokens")]
async fn create(by: By<needs::WriteAccount>, new: Valid<NewPersonalToken>, db: Data<Db>) -> Result<Reply<MadePersonalToken>> {
    let mut faults = check_scopes(&new.0.scopes, Some(&by.caller));
    faults.extend(text::nameless_fault("/name", &new.0.name));
    let now = db.clock.now();
    if new.0.expires_at <= now || new.0.expires_at > now + TimeDelta::days(MAX_DAYS) {
        faults.push(Fault::at_pointer(
            "/expiresAt",
            "out-of-range",
            say!(
                "En biljett ska gälla till en tidpunkt inom {MAX_DAYS} dagar från nu.",
                "A token must end at a time within {MAX_DAYS} days from now."
            ),
        ));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let (personal_token, token) = db.transaction(&by, async |w| store::insert(by.user_id()?, &new.0, &by.caller.withheld, w).await).await?;
    let path = format!("/me/tokens/{}", personal_token.id);
    Reply::secret(&path, &MadePersonalToken { personal_token, token })
}

/// Show a token
///
/// Returns one of the caller's tokens, without its secret.
#[utoipa::path(tag = "account", operation_id = "getPersonalToken",
    responses((status = 200, description = "The token", body = PersonalToken)))]
#[get("/me/tokens/{personalTokenId}")]
async fn show(by: By<needs::ReadAccount>, At(id): At<PersonalTokenId>, db: Data<Db>) -> Result<Reply<PersonalToken>> {
    let token = store::find(by.user_id()?, id, db.reader()).await?;
    Reply::shown(&by.allowing(async |_, _| Ok(())).await?, token.version, &token)
}

/// Delete a token
///
/// The token stops working at once, on every instance.
#[utoipa::path(tag = "account", operation_id = "deletePersonalToken",
    responses((status = 204, description = "The token is deleted")))]
#[delete("/me/tokens/{personalTokenId}")]
async fn remove(by: By<needs::WriteAccount>, At(id): At<PersonalTokenId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    let user = by.user_id()?;
    db.write(&by, async |w| {
        let token = store::find(user, id, &w.tx).await?;
        by.expects(token.version)?;
        store::remove(id, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(remove);
}

use actix_web::{delete, get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    By,
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, reply::Nothing, say},
    policy::needs,
    users::store as users,
};

/// List grants
///
/// Returns the grants within the caller's own scope. An administrator of the installation sees all.
#[utoipa::path(tag = "grants", operation_id = "listGrants", params(GrantFilter, Paging),
    responses((status = 200, description = "A page of grants", body = Page<Grant>)))]
#[get("/grants")]
async fn list(
    by: By<needs::ReadGrants>,
    Query(filter): Query<GrantFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Grant>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&by.reach, &filter, paging, by, &db).await).await
}

/// Give a grant
///
/// The user must be one that the caller can see in `GET /users` or `GET /service-accounts`: invited by the caller, at home
/// within the caller's scope, or holding a grant within that scope already. Anybody else is invited by e-mail address
/// (`POST /users`) and accepts with the link in the letter. A grant to an invited account is prepared, and takes effect when
/// the invitation is accepted. The caller must hold everything that the role gives within the scope, with the token of the
/// request: nobody can grant more than they hold.
#[utoipa::path(tag = "grants", operation_id = "createGrant", request_body = NewGrant,
    responses((status = 201, description = "The new grant", body = Grant)))]
#[post("/grants")]
async fn create(by: By<needs::WriteGrants>, new: Valid<NewGrant>, db: Data<Db>) -> Result<Reply<Grant>> {
    db.write(&by, async |w| {
        // A user who is not one of the caller's own people is answered like one who does not exist.
        let user = users::find_grantee(&by, new.0.user_id, w).await?.unwrap_or_else(|| w.new_id());
        let new = NewGrant { user_id: user, ..new.0.clone() };
        if by.caller.user == Some(user.uuid()) && !by.caller.sight.all {
            return Err(by.reach.missing().detail(say!(
                "Ingen ger sig själv en behörighet. Be någon annan som samordnar arbetet, eller den som driver tjänsten.",
                "Nobody gives themselves a grant. Ask another coordinator, or who runs the service."
            )));
        }
        store::may_grant(&by.caller, &by.reach, &new, &w.tx).await?;
        let grant = store::insert(&new, w).await?;
        Reply::created("/grants", grant.id, grant.version, &grant)
    })
    .await
}

/// Show a grant
///
/// Returns one grant within the caller's own scope.
#[utoipa::path(tag = "grants", operation_id = "getGrant",
    responses((status = 200, description = "The grant", body = Grant)))]
#[get("/grants/{grantId}")]
async fn show(by: By<needs::ReadGrants>, At(id): At<GrantId>, db: Data<Db>) -> Result<Reply<Grant>> {
    let grant = store::find(Some(&by.reach), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_remove_grant(&by.caller, reach, &grant.fields, db.reader()).await).await?;
    Reply::shown(&call, grant.version, &grant)
}

/// Take a grant back
///
/// Takes effect at once, also for users who are signed in.
#[utoipa::path(tag = "grants", operation_id = "deleteGrant",
    responses((status = 204, description = "The grant is deleted")))]
#[delete("/grants/{grantId}")]
async fn remove(by: By<needs::WriteGrants>, At(id): At<GrantId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let grant = store::find(None, id, &w.tx).await?;
        store::may_remove_grant(&by.caller, &by.reach, &grant.fields, &w.tx).await.map_err(|_| crate::kernel::Problem::not_found())?;
        by.expects(grant.version)?;
        store::remove(&grant, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(remove);
}

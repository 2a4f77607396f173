use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs, users::UserId},
    kernel::{At, Db, Id, Problem, Reply, Result, Valid},
};

/// Show my personal data
///
/// Everything that the installation stores about the caller, with purpose and legal ground, in a form that can be read and reused
/// (GDPR art. 15 and 20). Free texts by others are not searched; `docs/PRIVACY.md` says how to search them.
#[utoipa::path(tag = "privacy", operation_id = "getMyPersonalData",
    responses((status = 200, description = "The stored data", body = PersonalData)))]
#[get("/me/personal-data")]
async fn own(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<PersonalData>> {
    let user = by.caller.user.ok_or_else(Problem::not_found)?;
    Reply::computed(&by, &store::extract(Id::from(user), by.asked.language, &db).await?)
}

/// Show a person's data
///
/// The same extract as the person gets, for an administrator who answers a request (registerutdrag).
#[utoipa::path(tag = "privacy", operation_id = "getPersonalData",
    responses((status = 200, description = "The stored data", body = PersonalData)))]
#[get("/users/{userId}/personal-data")]
async fn show(by: By<needs::ReadPersonalData>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<PersonalData>> {
    by.reach.require(&[], None, None)?;
    Reply::computed(&by, &store::extract(id, by.asked.language, &db).await?)
}

/// Erase a person
///
/// Removes the person's data, or the name and address from it, as the register says, at once and for good (GDPR art. 17). The id
/// stays and stands for a removed user, so that the history keeps its meaning. The answer is 409 `kept-by-law` when something
/// must be kept: because of a legal hold, or because the person has signed a document that no decision on disposal covers.
#[utoipa::path(tag = "privacy", operation_id = "eraseUser", request_body = NewErasure,
    responses((status = 201, description = "The erased data and the data that stays", body = Erasure)))]
#[post("/users/{userId}/erasure")]
async fn erase(by: By<needs::ErasePersons>, At(id): At<UserId>, new: Valid<NewErasure>, db: Data<Db>) -> Result<Reply<Erasure>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        store::check_reason(id, &new.0.reason, w).await?;
        Reply::done(&format!("/users/{id}"), &store::erase(id, &new.0, w).await?)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(own).service(show).service(erase);
}

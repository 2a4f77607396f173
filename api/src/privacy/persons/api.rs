use actix_web::{get, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::store;
use crate::{
    access::{By, policy::needs, users::UserId},
    kernel::{At, Db, Id, Problem, Reply, Result, Valid, extract::blank_is_none},
    privacy::retention::Rule,
};

/// All that is stored about a person (registerutdrag).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalData {
    pub user_id: UserId,
    /// When the extract was made.
    pub made_at: DateTime<Utc>,
    /// One part for each table that can hold something about a person, also where it holds nothing.
    pub parts: Vec<PersonalDataPart>,
}

/// What one table holds about a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalDataPart {
    #[schema(example = "session")]
    pub table: String,
    /// What it is, in the caller's language.
    pub what: String,
    /// What it is for, in the caller's language.
    pub purpose: String,
    /// The legal ground, in the caller's language.
    pub legal_basis: String,
    /// How long it is kept; see `GET /personal-data-register`.
    pub rule: Rule,
    /// The rows, with a member for each column. Passwords, codes and their digests are left out.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
}

/// Why a person is to be erased.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewErasure {
    /// Why, without the person's name: it is kept.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// The decision on disposal (gallringsbeslut) by which documents may lose the person's name, with its number and date. Needed
    /// only where the person has signed what must be kept.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 500)]
    pub disposal_decision: Option<String>,
}

/// A person who has been erased (radering).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    pub id: Uuid,
    /// The user, whose id goes on to stand for a removed user.
    pub user_id: UserId,
    pub erased_at: DateTime<Utc>,
    /// What has been removed or made nameless.
    pub erased: Vec<ErasedPart>,
    /// What stays.
    pub kept: Vec<KeptPart>,
}

/// Something that has been removed or made nameless.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasedPart {
    /// What, in the caller's language.
    pub what: String,
    /// How many.
    pub count: i64,
}

/// Something that stays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeptPart {
    /// What, in the caller's language.
    pub what: String,
    /// How many.
    pub count: i64,
    /// Why it stays, in the caller's language.
    pub legal_basis: String,
    /// The day from which it may be disposed of; null for as long as nobody decides on disposal.
    pub until: Option<NaiveDate>,
}

/// Show what is stored about me
///
/// Everything that the installation stores about the caller (GDPR art. 15 and 20), with purpose and legal ground, to read and to take
/// along. Free texts that others have written are not searched; `docs/PRIVACY.md` says how that is done.
#[utoipa::path(tag = "privacy", operation_id = "getMyPersonalData",
    responses((status = 200, description = "All that is stored", body = PersonalData)), extensions(("x-permission" = json!("account.read"))))]
#[get("/me/personal-data")]
async fn own(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<PersonalData>> {
    let user = by.caller.user.ok_or_else(Problem::not_found)?;
    Reply::computed(&by, &store::extract(Id::from(user), by.language, &db).await?)
}

/// Show what is stored about a person
///
/// The same as the person gets, for an administrator who answers somebody who asks (registerutdrag).
#[utoipa::path(tag = "privacy", operation_id = "getPersonalData",
    responses((status = 200, description = "All that is stored", body = PersonalData)), extensions(("x-permission" = json!("privacy.read"))))]
#[get("/users/{userId}/personal-data")]
async fn show(by: By<needs::ReadPersonalData>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<PersonalData>> {
    by.reach.require(&[], None, None)?;
    Reply::computed(&by, &store::extract(id, by.language, &db).await?)
}

/// Erase a person
///
/// Removes or makes nameless all that the register says, at once and for good (GDPR art. 17). The id stays and stands for a removed
/// user, so that the history keeps its meaning. 409 `kept-by-law` where something must be kept: a legal hold, or a document that the
/// person has signed and that no decision on disposal covers.
#[utoipa::path(tag = "privacy", operation_id = "eraseUser", request_body = NewErasure,
    responses((status = 201, description = "What was erased and what stays", body = Erasure)), extensions(("x-permission" = json!("privacy.erase"))))]
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

use actix_web::{get, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{MarkId, store};
use crate::{
    access::{By, policy::needs},
    disclosure::records::{RecordKind, store as records},
    kernel::{
        At, Db, Listed, Page, Paging, Query, Reply, Result, Valid,
        contract::Contract,
        extract::{blank_is_none, trimmed},
    },
};

/// A mark to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecrecyMark {
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The member of the record's answer that is under secrecy, such as `description`; the whole record when left out.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 64, example = "description")]
    pub member: Option<String>,
    /// The chapter of the act (OSL).
    #[schema(minimum = 1, maximum = 44, example = 26)]
    pub chapter: i32,
    /// The paragraph of the chapter, with its letter if it has one.
    #[schema(pattern = "^[1-9][0-9]?[a-z]?$", example = "1")]
    pub paragraph: String,
    /// Why the paragraph applies. Shown only to those who may read marks.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 2000)]
    pub motive: String,
    /// The day on which somebody is to see whether the mark is still needed.
    pub review_on: NaiveDate,
}

/// That something is under secrecy (sekretessmarkering).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecrecyMark {
    pub id: MarkId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewSecrecyMark,
    /// The ground as it is shown to those who may not see what is hidden.
    #[schema(example = "OSL 26:1")]
    pub ground: String,
    /// Who set it.
    pub marked_by: String,
    /// When it was lifted; null while it holds.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
    /// Why it was lifted.
    pub lift_motive: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Why a mark no longer holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecrecyMarkLift {
    /// Why the secrecy has ended.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 2000)]
    pub motive: String,
}

/// Which marks to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct SecrecyMarkFilter {
    /// Marks of this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// Marks in force that are to be reviewed before this day.
    #[param(nullable = false)]
    pub review_before: Option<NaiveDate>,
    /// `true` for marks in force, `false` for lifted ones.
    #[param(nullable = false)]
    pub in_force: Option<bool>,
}

/// List secrecy marks
///
/// The marks within the caller's reach, oldest first. With `reviewBefore` those that are due for review.
#[utoipa::path(tag = "disclosure", operation_id = "listSecrecyMarks", params(SecrecyMarkFilter, Paging),
    responses((status = 200, description = "A page of marks", body = Page<SecrecyMark>)), extensions(("x-permission" = json!("secrecy.read"))))]
#[get("/secrecy-marks")]
async fn list(
    by: By<needs::ReadSecrecy>,
    Query(filter): Query<SecrecyMarkFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<SecrecyMark>> {
    Listed::of(by, paging, async move |by, paging| store::list(&by.reach, &filter, paging, by, &db).await).await
}

/// Mark as secret
///
/// From now on the member, or all that the record says, is hidden from everybody but administrators and those who lead the
/// forum or administer the actor that owns the record. What is hidden stands in `redacted`, with its ground. Codes, days
/// and references that a record must have are never hidden, for without them it is no record.
#[utoipa::path(tag = "disclosure", operation_id = "createSecrecyMark", request_body = NewSecrecyMark,
    responses((status = 201, description = "The mark as set", body = SecrecyMark)), extensions(("x-permission" = json!("secrecy.write"))))]
#[post("/secrecy-marks")]
async fn create(
    by: By<needs::WriteSecrecy>,
    new: Valid<NewSecrecyMark>,
    contract: Data<Contract>,
    db: Data<Db>,
) -> Result<Reply<SecrecyMark>> {
    db.write(&by, async |w| {
        let record = records::referred(by.sight(), new.0.record_kind, new.0.record_id, &w.tx).await?;
        record.require(&by.reach)?;
        let mark = store::insert(&record, new.0.clone(), &contract, w).await?;
        Reply::created("/secrecy-marks", mark.id, mark.version, &mark)
    })
    .await
}

/// Show a secrecy mark
///
/// One mark by its id, also when it has been lifted.
#[utoipa::path(tag = "disclosure", operation_id = "getSecrecyMark",
    responses((status = 200, description = "The mark", body = SecrecyMark)), extensions(("x-permission" = json!("secrecy.read"))))]
#[get("/secrecy-marks/{markId}")]
async fn show(by: By<needs::ReadSecrecy>, At(id): At<MarkId>, db: Data<Db>) -> Result<Reply<SecrecyMark>> {
    let mark = store::find(&by.reach, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::find(reach, id, db.reader()).await.map(drop)).await?;
    Reply::shown(&call, mark.version, &mark)
}

/// Lift a secrecy mark
///
/// What was hidden is shown again. The mark is kept, with who lifted it and why.
#[utoipa::path(tag = "disclosure", operation_id = "liftSecrecyMark", request_body = SecrecyMarkLift,
    responses((status = 200, description = "The mark as lifted", body = SecrecyMark)), extensions(("x-permission" = json!("secrecy.write"))))]
#[post("/secrecy-marks/{markId}/lift")]
async fn lift(by: By<needs::WriteSecrecy>, At(id): At<MarkId>, lift: Valid<SecrecyMarkLift>, db: Data<Db>) -> Result<Reply<SecrecyMark>> {
    db.write(&by, async |w| {
        let mark = store::find(&by.reach, id, &w.tx).await?;
        let mark = store::lift(&mark, &lift.0.motive, w).await?;
        Reply::changed(mark.version, &mark)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(lift);
}

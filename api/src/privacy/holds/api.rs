use actix_web::{delete, get, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{LegalHoldId, RecordKind, store};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, reply::Nothing},
};

/// A legal hold to be placed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLegalHold {
    pub record_kind: RecordKind,
    /// The record that must stay.
    pub record_id: Uuid,
    /// Why it must stay, such as a case at court with its number.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// First day of the hold; at once when left out.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds; until it is ended when left out.
    pub valid_to: Option<NaiveDate>,
}

/// A record that must be neither erased nor disposed of (undantag från gallring).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegalHold {
    pub id: LegalHoldId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewLegalHold,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which holds to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct HoldFilter {
    /// Holds on this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// Holds that are in force on this day.
    #[param(nullable = false)]
    pub valid_on: Option<NaiveDate>,
}

/// List legal holds
///
/// All holds, also those that have ended, oldest first.
#[utoipa::path(tag = "privacy", operation_id = "listLegalHolds", params(HoldFilter, Paging),
    responses((status = 200, description = "A page of legal holds", body = Page<LegalHold>)), extensions(("x-permission" = json!("privacy.hold"))))]
#[get("/legal-holds")]
async fn list(
    by: By<needs::HoldRecords>,
    Query(filter): Query<HoldFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<LegalHold>> {
    by.reach.require(&[], None, None)?;
    Listed::of(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Place a legal hold
///
/// From now on, or from `validFrom`, the record is neither erased nor disposed of.
#[utoipa::path(tag = "privacy", operation_id = "createLegalHold", request_body = NewLegalHold,
    responses((status = 201, description = "The hold as placed", body = LegalHold)), extensions(("x-permission" = json!("privacy.hold"))))]
#[post("/legal-holds")]
async fn create(by: By<needs::HoldRecords>, new: Valid<NewLegalHold>, db: Data<Db>) -> Result<Reply<LegalHold>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        let hold = store::insert(new.0.clone(), w).await?;
        Reply::created("/legal-holds", hold.id, hold.version, &hold)
    })
    .await
}

/// Show a legal hold
///
/// One hold by its id.
#[utoipa::path(tag = "privacy", operation_id = "getLegalHold",
    responses((status = 200, description = "The hold", body = LegalHold)), extensions(("x-permission" = json!("privacy.hold"))))]
#[get("/legal-holds/{legalHoldId}")]
async fn show(by: By<needs::HoldRecords>, At(id): At<LegalHoldId>, db: Data<Db>) -> Result<Reply<LegalHold>> {
    by.reach.require(&[], None, None)?;
    let hold = store::find(id, db.reader()).await?;
    let call = by.allowing(async |_, reach| reach.require(&[], None, None)).await?;
    Reply::shown(&call, hold.version, &hold)
}

/// End a legal hold
///
/// The hold ends today and stays in the list, so that it can be shown what was held and when.
#[utoipa::path(tag = "privacy", operation_id = "deleteLegalHold",
    responses((status = 204, description = "The hold has ended")), extensions(("x-permission" = json!("privacy.hold"))))]
#[delete("/legal-holds/{legalHoldId}")]
async fn remove(by: By<needs::HoldRecords>, At(id): At<LegalHoldId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        let hold = store::find(id, &w.tx).await?;
        by.expects(hold.version)?;
        store::end(&hold, w).await?;
        Ok(Reply::nothing())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(remove);
}

use actix_web::{get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, Reach, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, page::Selection},
};

/// List indicators
///
/// All indicators, by code.
#[utoipa::path(tag = "statistics", operation_id = "listIndicators", params(IndicatorFilter, Paging),
    responses((status = 200, description = "A page of indicators", body = Page<Indicator>)))]
#[get("/indicators")]
async fn list(
    by: By<needs::ReadStatistics>,
    Query(filter): Query<IndicatorFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Indicator>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Add an indicator
///
/// Adds a complementary indicator, beside those of the guidance.
#[utoipa::path(tag = "statistics", operation_id = "createIndicator", request_body = NewIndicator,
    responses((status = 201, description = "The indicator as added", body = Indicator)))]
#[post("/indicators")]
async fn create(by: By<needs::WriteStatistics>, new: Valid<NewIndicator>, db: Data<Db>) -> Result<Reply<Indicator>> {
    db.write(&by, async |w| {
        let indicator = store::insert(new.0.clone(), w).await?;
        Reply::created("/indicators", indicator.id, indicator.version, &indicator)
    })
    .await
}

/// Show an indicator
///
/// One indicator by its id.
#[utoipa::path(tag = "statistics", operation_id = "getIndicator", params(Selection),
    responses((status = 200, description = "The indicator", body = Indicator)))]
#[get("/indicators/{indicatorId}")]
async fn show(by: By<needs::ReadStatistics>, At(id): At<IndicatorId>, db: Data<Db>) -> Result<Reply<Indicator>> {
    let indicator = store::find(id, db.reader()).await?;
    let call = by.allowing(async |_, reach| may_change(reach)).await?;
    Reply::shown(&call, indicator.version, &indicator)
}

/// Change an indicator
///
/// Merge patch. Newer packs do not overwrite an indicator that was changed here.
#[utoipa::path(tag = "statistics", operation_id = "updateIndicator", request_body = Patch<NewIndicator>,
    responses((status = 200, description = "The indicator after the change", body = Indicator)))]
#[patch("/indicators/{indicatorId}")]
async fn change(
    by: By<needs::WriteStatistics>,
    At(id): At<IndicatorId>,
    patch: Patch<NewIndicator>,
    db: Data<Db>,
) -> Result<Reply<Indicator>> {
    db.write(&by, async |w| {
        let mut indicator = store::find(id, &w.tx).await?;
        may_change(&by.reach)?;
        by.expects(indicator.version)?;
        if let Some(changed) = patch.apply(indicator.id, &indicator.fields)? {
            indicator = store::update(&indicator, changed, true, w).await?;
        }
        Reply::changed(indicator.version, &indicator)
    })
    .await
}

/// All use the same indicators, so changing one requires the permission everywhere.
fn may_change(reach: &Reach) -> Result<()> {
    reach.require(&[], None, None)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change);
}

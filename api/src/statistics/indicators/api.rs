use actix_web::{get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{IndicatorId, Polarity, StatisticalArea, ValueKind, store};
use crate::{
    access::{By, Reach, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, extract::blank_is_none, page::Selection},
};

/// An indicator to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewIndicator {
    /// Its number in the guidance, for those that have one.
    #[schema(minimum = 1, maximum = 999)]
    pub number: Option<i32>,
    /// A short name that imports and charts refer to.
    #[schema(pattern = "^[a-z][a-z0-9_]{1,63}$", example = "disposable_income")]
    pub code: String,
    #[schema(min_length = 1, max_length = 300)]
    pub name_sv: String,
    #[schema(min_length = 1, max_length = 300)]
    pub name_en: String,
    pub statistical_area: StatisticalArea,
    pub value_kind: ValueKind,
    /// The unit of the values, such as `percent` or `SEK`.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 40, example = "percent")]
    pub unit: Option<String>,
    /// Codes of the variants that the values come in, such as `low` and `high`.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub variants: Vec<String>,
    pub polarity: Polarity,
    /// The first year with values.
    #[schema(minimum = 1900, maximum = 2100)]
    pub available_from: Option<i32>,
    /// The first year from which comparison is recommended.
    #[schema(minimum = 1900, maximum = 2100)]
    pub recommended_from: Option<i32>,
    /// When and how the values are brought up to date.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub update_note: Option<String>,
    /// Years from which values can no longer be compared with those before.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub series_breaks: Vec<i32>,
}

/// Something that is measured (indikator).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Indicator {
    pub id: IndicatorId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewIndicator,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which indicators to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct IndicatorFilter {
    /// Indicators of this part of life.
    #[param(nullable = false, inline)]
    pub statistical_area: Option<StatisticalArea>,
    /// The indicator with this code.
    #[param(nullable = false, max_length = 64)]
    pub code: Option<String>,
}

/// List indicators
///
/// All indicators, by code.
#[utoipa::path(tag = "statistics", operation_id = "listIndicators", params(IndicatorFilter, Paging),
    responses((status = 200, description = "A page of indicators", body = Page<Indicator>)), extensions(("x-permission" = json!("statistics.read"))))]
#[get("/indicators")]
async fn list(
    by: By<needs::ReadStatistics>,
    Query(filter): Query<IndicatorFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Indicator>> {
    Listed::of(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Add an indicator
///
/// A complementary one, beside those of the guidance.
#[utoipa::path(tag = "statistics", operation_id = "createIndicator", request_body = NewIndicator,
    responses((status = 201, description = "The indicator as added", body = Indicator)), extensions(("x-permission" = json!("statistics.write"))))]
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
    responses((status = 200, description = "The indicator", body = Indicator)), extensions(("x-permission" = json!("statistics.read"))))]
#[get("/indicators/{indicatorId}")]
async fn show(by: By<needs::ReadStatistics>, At(id): At<IndicatorId>, db: Data<Db>) -> Result<Reply<Indicator>> {
    let indicator = store::find(id, db.reader()).await?;
    let call = by.allowing(async |_, reach| may_change(reach)).await?;
    Reply::shown(&call, indicator.version, &indicator)
}

/// Change an indicator
///
/// Merge patch. What is changed here is left alone by newer packs.
#[utoipa::path(tag = "statistics", operation_id = "updateIndicator", request_body = Patch<NewIndicator>,
    responses((status = 200, description = "The indicator as it has become", body = Indicator)), extensions(("x-permission" = json!("statistics.write"))))]
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
        if let Some(changed) = patch.apply(&indicator.fields)? {
            indicator = store::update(&indicator, changed, true, w).await?;
        }
        Reply::changed(indicator.version, &indicator)
    })
    .await
}

/// What is measured is the same for all, so changing it takes a permission that holds for all.
fn may_change(reach: &Reach) -> Result<()> {
    reach.require(&[], None, None)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change);
}

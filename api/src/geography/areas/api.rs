use actix_web::{get, web::Data};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{AreaId, AreaLevel, store};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Remembered, Reply, Result},
};

/// A piece of the country (område).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    pub id: AreaId,
    pub level: AreaLevel,
    /// The version of the division, by the year from which it holds.
    #[schema(example = "2007")]
    pub version: String,
    /// The code within level and version; leading zeros count.
    #[schema(example = "0127")]
    pub code: String,
    #[schema(example = "Botkyrka")]
    pub name: String,
    /// The area that this one is part of; null for the nation.
    pub parent_id: Option<AreaId>,
    /// For statistical areas, the kind of place: `A` rural, `B` outside the central town, `C` central town.
    pub category: Option<String>,
    /// First day of the area.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the area no longer is.
    pub valid_to: Option<NaiveDate>,
}

/// Which areas to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AreaFilter {
    /// Areas of this level.
    #[param(nullable = false, inline)]
    pub level: Option<AreaLevel>,
    /// Areas of this version of the division.
    #[param(nullable = false, max_length = 16, example = "2007")]
    pub version: Option<String>,
    /// Areas with this code.
    #[param(nullable = false, max_length = 16, example = "0127")]
    pub code: Option<String>,
    /// Areas that are direct parts of this one.
    #[param(nullable = false)]
    pub parent_id: Option<AreaId>,
    /// Areas below this one, at any depth.
    #[param(nullable = false)]
    pub below: Option<AreaId>,
    /// Areas whose name begins with this.
    #[param(nullable = false, max_length = 100)]
    pub name: Option<String>,
}

/// List areas
///
/// Areas from the nation down, each followed by its parts. Walk the tree with `parentId`, or take all of it with `below`.
#[utoipa::path(tag = "areas", operation_id = "listAreas", params(AreaFilter, Paging),
    responses((status = 200, description = "A page of areas", body = Page<Area>)), extensions(("x-permission" = json!("areas.read"))))]
#[get("/areas")]
async fn list(
    by: By<needs::ReadAreas>,
    Query(filter): Query<AreaFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Area>> {
    Listed::of(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Show an area
///
/// One area by its id. To find it by code, list with `level` and `code`.
#[utoipa::path(tag = "areas", operation_id = "getArea",
    responses((status = 200, description = "The area", body = Area)), extensions(("x-permission" = json!("areas.read"))))]
#[get("/areas/{areaId}")]
async fn show(by: By<needs::ReadAreas>, At(id): At<AreaId>, remembered: Data<Remembered>, db: Data<Db>) -> Result<Reply<Area>> {
    remembered.answer(&by, async || Reply::computed(&by, &store::find(id, db.reader()).await?)).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show);
}

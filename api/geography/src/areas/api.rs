use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Remembered, Reply, Result},
};

/// List areas
///
/// Areas from the nation down, each followed by its parts. Use `parentId` to get one level of the tree, and `below` to get all levels
/// below an area.
#[utoipa::path(tag = "areas", operation_id = "listAreas", params(AreaFilter, Paging),
    responses((status = 200, description = "A page of areas", body = Page<Area>)))]
#[get("/areas")]
async fn list(
    by: By<needs::ReadAreas>,
    Query(filter): Query<AreaFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Area>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Show an area
///
/// One area by its id. To find it by code, list with `level` and `code`.
#[utoipa::path(tag = "areas", operation_id = "getArea",
    responses((status = 200, description = "The area", body = Area)))]
#[get("/areas/{areaId}")]
async fn show(by: By<needs::ReadAreas>, At(id): At<AreaId>, remembered: Data<Remembered>, db: Data<Db>) -> Result<Reply<Area>> {
    remembered.answer(&by, async || Reply::computed(&by, &store::find(id, db.reader()).await?)).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show);
}

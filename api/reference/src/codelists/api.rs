use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Remembered, Reply, Result},
};

/// List codes
///
/// Every code of every enumeration, with labels in Swedish and English. Ordered by codelist, and within it in the order in which
/// people read the codes.
#[utoipa::path(tag = "reference", operation_id = "listCodelists", params(EntryFilter, Paging),
    responses((status = 200, description = "A page of codes", body = Page<CodelistEntry>)))]
#[get("/codelists")]
async fn list(
    by: By<needs::ReadReference>,
    Query(filter): Query<EntryFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<CodelistEntry>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Show a codelist
///
/// All codes of one codelist, by the name of the codelist.
#[utoipa::path(tag = "reference", operation_id = "getCodelist",
    responses((status = 200, description = "The codelist", body = Codelist)))]
#[get("/codelists/{codelist}")]
async fn show(by: By<needs::ReadReference>, At(name): At<String>, remembered: Data<Remembered>, db: Data<Db>) -> Result<Reply<Codelist>> {
    remembered.answer(&by, async || Reply::computed(&by, &store::find(&name, &db).await?)).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show);
}

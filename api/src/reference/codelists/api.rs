use actix_web::{get, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{EntryId, store};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Remembered, Reply, Result},
};

/// One code of a codelist.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodelistEntry {
    pub id: EntryId,
    /// The codelist's name, which is the name of its schema in the contract.
    #[schema(example = "ActorKind")]
    pub codelist: String,
    /// The code, as it stands in other resources.
    #[schema(example = "municipality")]
    pub code: String,
    /// The label in Swedish.
    #[schema(example = "Kommun")]
    pub name_sv: String,
    /// The label in English.
    #[schema(example = "Municipality")]
    pub name_en: String,
}

/// All codes of a codelist (kodlista), in the order in which people read them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Codelist {
    /// The codelist's name.
    #[schema(example = "ActorKind")]
    pub codelist: String,
    pub entries: Vec<CodelistEntry>,
}

/// Which codes to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct EntryFilter {
    /// Codes of this codelist.
    #[param(nullable = false, max_length = 64, example = "ActorKind")]
    pub codelist: Option<String>,
}

/// List codes
///
/// Every code of every enumeration, with labels in Swedish and English, by codelist and in reading order.
#[utoipa::path(tag = "reference", operation_id = "listCodelists", params(EntryFilter, Paging),
    responses((status = 200, description = "A page of codes", body = Page<CodelistEntry>)), extensions(("x-permission" = json!("reference.read"))))]
#[get("/codelists")]
async fn list(
    by: By<needs::ReadReference>,
    Query(filter): Query<EntryFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<CodelistEntry>> {
    Listed::of(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Show a codelist
///
/// One codelist whole, by its name.
#[utoipa::path(tag = "reference", operation_id = "getCodelist",
    responses((status = 200, description = "The codelist", body = Codelist)), extensions(("x-permission" = json!("reference.read"))))]
#[get("/codelists/{codelist}")]
async fn show(by: By<needs::ReadReference>, At(name): At<String>, remembered: Data<Remembered>, db: Data<Db>) -> Result<Reply<Codelist>> {
    remembered.answer(&by, async || Reply::computed(&by, &store::find(&name, &db).await?)).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show);
}

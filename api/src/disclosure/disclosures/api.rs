use actix_web::{get, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{DisclosureId, Outcome, store};
use crate::{
    access::{By, policy::needs},
    disclosure::records::{RecordKind, store as records},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, contract::Contract, extract::blank_is_none, secrecy::Redaction},
};

/// A decision on handing something out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRecordDisclosure {
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The day on which it was asked for.
    pub requested_on: NaiveDate,
    pub decision: Outcome,
    /// What is good to know about the decision. Never who asked: that may not be demanded, and is not kept.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

/// What was asked for, decided and handed out (utlämnande).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordDisclosure {
    pub id: DisclosureId,
    /// Always 1: a disclosure is never changed.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewRecordDisclosure,
    /// The record as it was handed out, in the form of its own answer; null when it was refused.
    #[schema(value_type = Option<Object>)]
    pub content: Option<Box<RawValue>>,
    /// SHA-256 of `content` as it is written in its form, in hexadecimal; null when it was refused.
    pub digest: Option<String>,
    /// The number of the form that `content` is written in, as revisions have it; null when it was refused.
    pub form: Option<i32>,
    /// What was masked in `content`, with the grounds; for a member of a record within it, by its path.
    pub masked: Vec<Redaction>,
    /// Who decided.
    pub decided_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which disclosures to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DisclosureFilter {
    /// Disclosures of this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
}

/// List disclosures
///
/// The disclosures within the caller's reach, oldest first.
#[utoipa::path(tag = "disclosure", operation_id = "listDisclosures", params(DisclosureFilter, Paging),
    responses((status = 200, description = "A page of disclosures", body = Page<RecordDisclosure>)), extensions(("x-permission" = json!("disclosure.read"))))]
#[get("/disclosures")]
async fn list(
    by: By<needs::ReadDisclosures>,
    Query(filter): Query<DisclosureFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<RecordDisclosure>> {
    Listed::of(by, paging, async move |by, paging| store::list(&by.reach, &filter, paging, by, &db).await).await
}

/// Disclose a record
///
/// Answers with the record as it may be handed out: what is under secrecy is masked, whatever the caller may see. What was
/// decided and handed out is kept as it is, with a digest. Who asked is not asked for and not kept.
#[utoipa::path(tag = "disclosure", operation_id = "createDisclosure", request_body = NewRecordDisclosure,
    responses((status = 201, description = "What was decided and handed out", body = RecordDisclosure)), extensions(("x-permission" = json!("disclosure.write"))))]
#[post("/disclosures")]
async fn create(
    by: By<needs::WriteDisclosures>,
    new: Valid<NewRecordDisclosure>,
    contract: Data<Contract>,
    db: Data<Db>,
) -> Result<Reply<RecordDisclosure>> {
    db.write(&by, async |w| {
        let record = records::referred(by.sight(), new.0.record_kind, new.0.record_id, &w.tx).await?;
        record.require(&by.reach)?;
        let disclosure = store::insert(record, new.0.clone(), &contract, w).await?;
        Reply::created("/disclosures", disclosure.id, disclosure.version, &disclosure)
    })
    .await
}

/// Show a disclosure
///
/// One disclosure by its id, with what was handed out.
#[utoipa::path(tag = "disclosure", operation_id = "getDisclosure",
    responses((status = 200, description = "The disclosure", body = RecordDisclosure)), extensions(("x-permission" = json!("disclosure.read"))))]
#[get("/disclosures/{disclosureId}")]
async fn show(by: By<needs::ReadDisclosures>, At(id): At<DisclosureId>, db: Data<Db>) -> Result<Reply<RecordDisclosure>> {
    let disclosure = store::find(&by.reach, id, db.reader()).await?;
    Reply::shown(&by, disclosure.version, &disclosure)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}

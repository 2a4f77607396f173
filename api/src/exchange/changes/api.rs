use actix_web::{get, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::store;
use crate::{
    access::{By, policy::needs},
    kernel::{Db, Query, Reply, Result, events::ChangeOperation},
};

/// A change of one record (ändring).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Grows strictly from one change to the next.
    pub position: i64,
    /// The kind of record, such as `actor`.
    #[serde(rename = "type")]
    #[schema(example = "actor")]
    pub kind: String,
    /// The record.
    pub id: Uuid,
    pub op: ChangeOperation,
    /// The record's version after the change.
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The user who changed it; null for the installation itself.
    pub changed_by: Option<Uuid>,
    /// The record that it became part of, for `merge`.
    pub merged_into: Option<Uuid>,
}

/// A piece of the feed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePage {
    pub items: Vec<Change>,
    /// Where to go on, now or later; always there.
    pub next_cursor: String,
    /// Whether there is more to read at once.
    pub has_more: bool,
}

/// Where in the feed to read.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Following {
    /// `nextCursor` of the piece before; from the beginning when left out. It does not grow old.
    #[param(nullable = false, max_length = 500)]
    pub cursor: Option<String>,
    /// Changes of these kinds of record only.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub types: Option<Vec<String>>,
    /// How many changes at most.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 200, default = 20, required = false, value_type = i32)]
    pub limit: u64,
}

const fn twenty() -> u64 {
    crate::kernel::page::DEFAULT_LIMIT
}

/// List changes
///
/// Everything that has changed and that the caller may see, oldest first, without a gap. Read on from `nextCursor`.
#[utoipa::path(tag = "exchange", operation_id = "listChanges", params(Following),
    responses((status = 200, description = "A piece of the feed", body = ChangePage)), extensions(("x-permission" = json!("changes.read"))))]
#[get("/changes")]
async fn list(by: By<needs::ReadChanges>, Query(following): Query<Following>, db: Data<Db>) -> Result<Reply<ChangePage>> {
    Reply::computed(&by, &store::read(by.sight(), &following, &db).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}

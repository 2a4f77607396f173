use actix_web::{get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    access::{By, policy::needs},
    config::Config,
    kernel::{Reply, Result, page, write},
};

/// What the API is (the national REST profile's api-info).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the national profile names them so")]
pub struct ApiInfo {
    #[schema(example = "Samsyn")]
    pub api_name: String,
    #[schema(example = "0.1.0")]
    pub api_version: String,
    /// The day of the release.
    pub api_released: chrono::NaiveDate,
    /// Where the documentation is.
    #[schema(format = "uri")]
    pub api_documentation: String,
    /// `active`, `deprecated` or `beta`.
    #[schema(example = "beta")]
    pub api_status: String,
}

/// Every limit that the service holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceLimits {
    /// Items of a page unless `limit` says otherwise.
    #[schema(format = Int32)]
    pub page_limit_default: u64,
    /// The most items of a page.
    #[schema(format = Int32)]
    pub page_limit_maximum: u64,
    /// How far `offset` reaches.
    #[schema(format = Int32)]
    pub offset_maximum: u64,
    /// How long a cursor lasts.
    #[schema(format = Int32)]
    pub cursor_hours: i64,
    /// How long the answer to a call with `Idempotency-Key` is kept.
    #[schema(format = Int32)]
    pub idempotency_hours: i64,
    /// The largest body.
    pub body_bytes: i64,
    /// The largest file that can be imported.
    pub import_bytes: i64,
    /// The most rows of a file that is imported.
    #[schema(format = Int32)]
    pub import_rows: u32,
    /// The longest address with its parameters.
    #[schema(format = Int32)]
    pub address_bytes: usize,
    /// The most bytes of all headers together.
    #[schema(format = Int32)]
    pub header_bytes: usize,
    /// How long an access token lasts.
    #[schema(format = Int32)]
    pub access_token_minutes: i64,
    /// How long a session lasts unless renewed.
    #[schema(format = Int32)]
    pub session_hours: i64,
    /// The fewest characters of a password.
    #[schema(format = Int32)]
    pub password_length_minimum: usize,
}

/// Show what the API is
///
/// Name, version and status of the API, as the national REST profile asks.
#[utoipa::path(tag = "service", operation_id = "getApiInfo",
    responses((status = 200, description = "What the API is", body = ApiInfo)), extensions(("x-permission" = json!("service.read"))))]
#[get("/api-info")]
async fn info(by: By<needs::ReadService>, config: Data<Config>) -> Result<Reply<ApiInfo>> {
    let info = ApiInfo {
        api_name: "Samsyn".to_owned(),
        api_version: env!("CARGO_PKG_VERSION").to_owned(),
        api_released: crate::RELEASED,
        api_documentation: format!("{}/docs/", config.public_url),
        api_status: "beta".to_owned(),
    };
    Reply::computed(&by, &info)
}

/// Show the limits
///
/// Every limit that the service holds, so that a client need not find them by trying.
#[utoipa::path(tag = "service", operation_id = "getConfig",
    responses((status = 200, description = "The limits", body = ServiceLimits)), extensions(("x-permission" = json!("service.read"))))]
#[get("/config")]
async fn limits(by: By<needs::ReadService>, config: Data<Config>) -> Result<Reply<ServiceLimits>> {
    let limits = ServiceLimits {
        page_limit_default: page::DEFAULT_LIMIT,
        page_limit_maximum: page::MAX_LIMIT,
        offset_maximum: page::MAX_OFFSET,
        cursor_hours: page::CURSOR_HOURS,
        idempotency_hours: write::IDEMPOTENCY_HOURS,
        body_bytes: i64::try_from(config.body_bytes).unwrap_or(i64::MAX),
        import_bytes: i64::try_from(config.import_mebibytes << 20).unwrap_or(i64::MAX),
        import_rows: config.import_rows,
        address_bytes: crate::kernel::middleware::MAX_ADDRESS,
        header_bytes: crate::kernel::middleware::MAX_HEADERS,
        access_token_minutes: config.access_token_minutes,
        session_hours: config.session_hours,
        password_length_minimum: crate::access::passwords::MIN_LENGTH,
    };
    Reply::computed(&by, &limits)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(info).service(limits);
}

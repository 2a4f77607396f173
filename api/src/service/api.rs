use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::types::*;
use crate::{
    access::{By, policy::needs},
    config::Config,
    kernel::{Reply, Result, page, write},
};

/// Show information about the API
///
/// Name, version and status of the API, in the form of the national REST profile.
#[utoipa::path(tag = "service", operation_id = "getApiInfo",
    responses((status = 200, description = "Information about the API", body = ApiInfo)))]
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
/// Every limit of the service, so that a client need not find them by trial.
#[utoipa::path(tag = "service", operation_id = "getConfig",
    responses((status = 200, description = "The limits", body = ServiceLimits)))]
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

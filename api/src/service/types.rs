//! The types of this resource.

use serde::Serialize;
use utoipa::ToSchema;

/// Information about the API (api-info of the national REST profile).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiInfo {
    #[schema(example = "Samsyn")]
    pub api_name: String,
    #[schema(example = "0.1.0")]
    pub api_version: String,
    /// The day of the release.
    pub api_released: chrono::NaiveDate,
    /// The address of the documentation.
    #[schema(format = "uri")]
    pub api_documentation: String,
    /// `active`, `deprecated` or `beta`.
    #[schema(example = "beta")]
    pub api_status: String,
}

/// Every limit of the service.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceLimits {
    /// Number of items in a page when `limit` is left out.
    #[schema(format = Int32)]
    pub page_limit_default: u64,
    /// The most items in a page.
    #[schema(format = Int32)]
    pub page_limit_maximum: u64,
    /// The highest `offset`.
    #[schema(format = Int32)]
    pub offset_maximum: u64,
    /// Number of hours for which a cursor is valid.
    #[schema(format = Int32)]
    pub cursor_hours: i64,
    /// Number of hours for which the answer to a call with `Idempotency-Key` is kept.
    #[schema(format = Int32)]
    pub idempotency_hours: i64,
    /// The largest body, in bytes.
    pub body_bytes: i64,
    /// The largest file that can be imported, in bytes.
    pub import_bytes: i64,
    /// The most rows in a file that is imported.
    #[schema(format = Int32)]
    pub import_rows: u32,
    /// The longest address with its parameters, in bytes.
    #[schema(format = Int32)]
    pub address_bytes: usize,
    /// The largest size of all headers together, in bytes.
    #[schema(format = Int32)]
    pub header_bytes: usize,
    /// Number of minutes for which an access token is valid.
    #[schema(format = Int32)]
    pub access_token_minutes: i64,
    /// Number of hours for which a session is valid unless it is renewed.
    #[schema(format = Int32)]
    pub session_hours: i64,
    /// The fewest characters in a password.
    #[schema(format = Int32)]
    pub password_length_minimum: usize,
}

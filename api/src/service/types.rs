//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use serde::Serialize;
use utoipa::ToSchema;

/// What the API is (the national REST profile's api-info).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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

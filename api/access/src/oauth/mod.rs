//! The OAuth 2.0 endpoints for machines and frontends: tokens (RFC 6749), revocation (RFC 7009), introspection (RFC 7662)
//! and metadata (RFC 8414). They are outside the API and use the names and errors of their standards.

mod client_auth;
mod fault;
mod tokens;

use actix_web::{HttpResponse, get, web::Data};
use serde_json::json;

pub use client_auth::key_fault;
pub use fault::{Form, OauthFault, description_of};
pub use tokens::{give_token, introspect, revoke};

use super::{Access, policy::Permission};
use crate::kernel::record::{Table, impersonal_table};

/// The tables of this module.
pub const TABLES: &[Table] = &[impersonal_table("used_assertion", "digest expires_at")];

/// The paths that are called by POST only.
pub const POSTS: &[&str] = &["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"];

/// Returns the metadata of the authorization server (RFC 8414).
#[get("/.well-known/oauth-authorization-server")]
pub async fn metadata(access: Data<Access>) -> HttpResponse {
    let issuer = &access.settings.issuer;
    let scopes: Vec<_> = Permission::ALL.iter().filter(|permission| permission.may_be_scope()).map(|permission| permission.key()).collect();
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post", "none"],
        "token_endpoint_auth_signing_alg_values_supported": client_auth::ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
        "service_documentation": format!("{issuer}/docs/"),
        "ui_locales_supported": ["sv", "en"]
    }))
}

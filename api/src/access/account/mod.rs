//! One's own account (konto): name and language, password, address, the second step of signing in. Whoever has only a token
//! for machines cannot touch it, and what matters asks for the password again.

mod api;
pub(super) mod factors;
mod passwords;
pub(super) mod secrets;
mod types;

use utoipa_actix_web::service_config::ServiceConfig;

pub use types::*;

pub fn routes(config: &mut ServiceConfig) {
    passwords::routes(config);
    api::routes(config);
}

use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Federation, types::*};
use crate::{
    By,
    kernel::{Reply, Result},
    policy::needs,
};

/// Show the identity providers
///
/// Returns the providers that people may sign in with, so that a frontend can show a button for each. They are few and
/// come from the settings of the service, so the response is not paged.
#[utoipa::path(tag = "sessions", operation_id = "getIdentityProviders",
    responses((status = 200, description = "The providers", body = IdentityProviders)))]
#[get("/identity-providers")]
async fn show(by: By<needs::StartSession>, federation: Data<Federation>) -> Result<Reply<IdentityProviders>> {
    let login = format!("{}/oauth2/authorize?provider=", federation.public_url);
    let shown = federation.providers.iter().map(|provider| ProviderView {
        id: provider.settings.id.clone(),
        name: provider.settings.name.clone(),
        login_url: format!("{login}{}", provider.settings.id),
    });
    Reply::computed(&by, &IdentityProviders { items: shown.collect() })
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}

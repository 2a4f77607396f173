use actix_web::{get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Federation;
use crate::{
    access::{By, policy::needs},
    kernel::{Reply, Result},
};

/// An organisation's identity provider, with which its people sign in (inloggningstjänst).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentityProvider)]
pub struct Shown {
    /// Names it as `provider` when signing in.
    #[schema(example = "botkyrka")]
    pub id: String,
    /// The name for the button.
    #[schema(example = "Botkyrka kommun")]
    pub name: String,
    /// Where to send the browser: add the parameters of RFC 6749 and 7636 (`response_type`, `client_id`, `redirect_uri`,
    /// `state`, `code_challenge`, `code_challenge_method`).
    #[schema(format = "uri", example = "https://samsyn.example.se/oauth2/authorize?provider=botkyrka")]
    pub login_url: String,
}

/// All identity providers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviders {
    pub items: Vec<Shown>,
}

/// Show the identity providers
///
/// The providers that people may sign in with, so that a frontend can show a button for each. They are few and come from the
/// settings of the service, so they are not divided into pages.
#[utoipa::path(tag = "sessions", operation_id = "getIdentityProviders",
    responses((status = 200, description = "The providers", body = IdentityProviders)), extensions(("x-permission" = json!("sessions.start"))))]
#[get("/identity-providers")]
async fn show(by: By<needs::StartSession>, federation: Data<Federation>) -> Result<Reply<IdentityProviders>> {
    let login = format!("{}/oauth2/authorize?provider=", federation.public_url);
    let shown = federation.providers.iter().map(|provider| Shown {
        id: provider.settings.id.clone(),
        name: provider.settings.name.clone(),
        login_url: format!("{login}{}", provider.settings.id),
    });
    Reply::computed(&by, &IdentityProviders { items: shown.collect() })
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}

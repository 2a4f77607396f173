//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use serde::Serialize;
use utoipa::ToSchema;

/// An organisation's identity provider, with which its people sign in (inloggningstjänst).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentityProvider)]
pub struct ProviderView {
    /// The value of the parameter `provider` when signing in.
    #[schema(example = "botkyrka")]
    pub id: String,
    /// The name to show on the button.
    #[schema(example = "Botkyrka kommun")]
    pub name: String,
    /// The address to send the browser to. Add the parameters of RFC 6749 and 7636 (`response_type`, `client_id`,
    /// `redirect_uri`, `state`, `code_challenge`, `code_challenge_method`).
    #[schema(format = "uri", example = "https://samsyn.example.se/oauth2/authorize?provider=botkyrka")]
    pub login_url: String,
}

/// All identity providers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviders {
    pub items: Vec<ProviderView>,
}

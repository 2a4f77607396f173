//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::extract::trimmed;

/// A change of your own e-mail address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailChange {
    #[schema(max_length = 1024)]
    pub current_password: String,
    /// The new address.
    #[schema(format = Email, max_length = 254)]
    #[serde(deserialize_with = "trimmed")]
    pub email: String,
}

/// A link that is followed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FollowedLink {
    /// The secret of the link in the mail.
    #[schema(min_length = 1, max_length = 200)]
    pub token: String,
}

/// A second factor to be set up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecondFactor {
    #[schema(max_length = 1024)]
    pub current_password: String,
}

/// The data that an app needs to show the codes of the second factor.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorSetup {
    /// The secret to type into the app, in base 32.
    pub secret: String,
    /// The address to show as a QR code (`otpauth:`).
    pub uri: String,
}

/// A code of the second factor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorCode {
    /// The six digits that the app shows.
    #[schema(min_length = 6, max_length = 40)]
    pub code: String,
}

/// Recovery codes, for signing in without the app.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// The codes. Each can be used once. They are shown only in this response.
    pub codes: Vec<String>,
}

/// The removal of the second factor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRemoval {
    #[schema(max_length = 1024)]
    pub current_password: String,
    /// The six digits that the app shows, or a recovery code.
    #[schema(min_length = 6, max_length = 40)]
    pub code: String,
}

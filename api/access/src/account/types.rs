//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::extract::trimmed;

/// A change of the own address.
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

/// A second step to be set up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecondFactor {
    #[schema(max_length = 1024)]
    pub current_password: String,
}

/// What an app needs to show the digits of the second step.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorSetup {
    /// To type into the app, in base 32.
    pub secret: String,
    /// To show as a QR code (`otpauth:`).
    pub uri: String,
}

/// A code of the second step.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorCode {
    /// The six digits that the app shows.
    #[schema(min_length = 6, max_length = 40)]
    pub code: String,
}

/// Codes for the day when the app is gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Each can be used once. They are shown only now.
    pub codes: Vec<String>,
}

/// A second step to be turned off.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRemoval {
    #[schema(max_length = 1024)]
    pub current_password: String,
    /// The six digits that the app shows, or a recovery code.
    #[schema(min_length = 6, max_length = 40)]
    pub code: String,
}

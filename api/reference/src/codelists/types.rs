//! The types of this resource: request and response bodies, filters, enumerations and the id.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::kernel::Id;

/// The id of an entry of a codelist.
pub type EntryId = Id<CodelistEntry>;

/// One code of a codelist.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodelistEntry {
    pub id: EntryId,
    /// The name of the codelist, which is also the name of its schema in the contract.
    #[schema(example = "ActorKind")]
    pub codelist: String,
    /// The code, as other resources have it.
    #[schema(example = "municipality")]
    pub code: String,
    /// The label in Swedish.
    #[schema(example = "Kommun")]
    pub name_sv: String,
    /// The label in English.
    #[schema(example = "Municipality")]
    pub name_en: String,
}

/// All codes of a codelist (kodlista), in the order in which people read them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Codelist {
    /// The name of the codelist.
    #[schema(example = "ActorKind")]
    pub codelist: String,
    pub entries: Vec<CodelistEntry>,
}

/// Filters of the list of codes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct EntryFilter {
    /// Codes of this codelist.
    #[param(nullable = false, max_length = 64, example = "ActorKind")]
    pub codelist: Option<String>,
}

//! The content of a row after it has been read, as it is stored until it is processed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::intake::types::RowFault;

/// The data of an actor in a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The record's id in its own system, or a substitute for it.
    pub external_id: String,
    /// The actor's id, when the file was exported from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The version of the actor in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Members of an actor, as in the API, except that areas and the parent may be given by codes, names and external ids.
    pub fields: Map<String, Value>,
    /// Whether the parent is an earlier row of the same file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent_is_in_file: bool,
    /// The values of columns that are no member of an actor, such as an e-mail address. Empty cells are not kept.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub helpers: Map<String, Value>,
    /// Members that were hidden from the person who made the file, according to the row. Their values in the row are not
    /// the actor's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
    /// Identifiers from columns of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Value>,
    /// Faults of cells that could not be read and that the record can be stored without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<RowFault>,
    /// Members whose values come from the request's options and not from the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<String>,
    /// Whether the organisation number is the substitute for an external id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_number: bool,
}

/// A row that has been read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The number of the row.
    pub row: u32,
    /// The record's id in its own system, also when the row cannot be used; `None` when it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The record, or the faults for which it cannot be used.
    pub read: Result<Record, Vec<RowFault>>,
    /// The earlier rows with the same record. This row is used when none of those could be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<u32>,
    /// The readable part of a row that cannot be used, so that all its faults can be reported at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Record>,
}

//! What has been read of a row, as it waits.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::intake::types::RowFault;

/// What a row says of an actor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What the file's own system calls it, or what stands in for that.
    pub external_id: String,
    /// The actor's id, where the file comes from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The version that the file was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Members of an actor as in the API, except that areas and the parent may be called by codes, names and external ids.
    pub fields: Map<String, Value>,
    /// Whether the parent is an earlier row of the same file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent_is_in_file: bool,
    /// What stands in columns that are no member of an actor: an e-mail address, say. An empty cell of one says nothing.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub helpers: Map<String, Value>,
    /// Members that the row says were hidden from who made the file: what it has of them is not what the actor has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
    /// Identifiers that stand in columns of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Value>,
    /// Cells that could not be read and that the organisation can do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<RowFault>,
    /// Members that the call says and not the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<String>,
    /// Whether the organisation's own number stands in for an external id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_number: bool,
}

/// A row that has been read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number.
    pub row: u32,
    /// What the file's own system calls it, also when it cannot be used; nothing where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What it says, or why it cannot be used.
    pub read: Result<Record, Vec<RowFault>>,
    /// The rows before it with the same record. It can be used all the same when none of those could.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<u32>,
    /// What could be read of a row that cannot be used, so that all that is wrong with it is told at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Record>,
}

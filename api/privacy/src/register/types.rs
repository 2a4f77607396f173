//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::{
    language::Language,
    record::{Rule, Table, columns},
};

/// What is stored about people, and why (registerförteckning).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalDataRegister {
    /// How long things are kept, as set here.
    pub rules: Vec<RetentionTerm>,
    /// Every table of the database.
    pub tables: Vec<RegisteredTable>,
}

/// How long something is kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionTerm {
    pub rule: Rule,
    /// The rule in words, in the caller's language.
    pub description: String,
    /// After how many days it is disposed of; null where no number of days decides.
    #[schema(format = Int32)]
    pub days: Option<i64>,
}

/// One table.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredTable {
    #[schema(example = "user_account")]
    pub table: String,
    /// The columns that hold something about people.
    pub personal: Vec<PersonalColumns>,
    /// The columns that hold nothing about anybody.
    pub other_columns: Vec<String>,
}

/// Columns that hold something about people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalColumns {
    pub columns: Vec<String>,
    /// What they are for, in the caller's language.
    pub purpose: String,
    /// The legal ground, in the caller's language.
    pub legal_basis: String,
    /// How long they are kept.
    pub rule: Rule,
    /// The operations that show them; none where they are shown nowhere.
    pub shown_by: Vec<String>,
    /// What becomes of them when the person is erased, in the caller's language.
    pub at_erasure: String,
}

pub(super) fn table(declared: &Table, language: Language) -> RegisteredTable {
    let names = |list| columns(list).map(|(name, _)| name.to_owned()).collect();
    RegisteredTable {
        table: declared.name.to_owned(),
        personal: declared
            .personal
            .iter()
            .map(|personal| PersonalColumns {
                columns: names(personal.columns),
                purpose: personal.why.purpose().r#in(language).to_owned(),
                legal_basis: personal.why.legal_basis().r#in(language).to_owned(),
                rule: personal.rule,
                shown_by: personal.shown.split_whitespace().map(ToOwned::to_owned).collect(),
                at_erasure: personal.at_erasure.words().r#in(language).to_owned(),
            })
            .collect(),
        other_columns: names(declared.plain),
    }
}

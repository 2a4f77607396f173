//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::{
    language::Language,
    record::{Rule, Table, columns},
};

/// The personal data that is stored, and its purposes (registerförteckning).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalDataRegister {
    /// The rules that say how long data is kept, with the settings of this installation.
    pub rules: Vec<RetentionTerm>,
    /// Every table of the database.
    pub tables: Vec<RegisteredTable>,
}

/// A rule that says how long data is kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionTerm {
    pub rule: Rule,
    /// The rule in words, in the caller's language.
    pub description: String,
    /// The number of days after which data is disposed of; null when the rule has no number of days.
    #[schema(format = Int32)]
    pub days: Option<i64>,
}

/// One table of the database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredTable {
    #[schema(example = "user_account")]
    pub table: String,
    /// The columns that hold personal data.
    pub personal: Vec<PersonalColumns>,
    /// The columns that hold no personal data.
    pub other_columns: Vec<String>,
}

/// Columns that hold personal data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalColumns {
    pub columns: Vec<String>,
    /// The purpose, in the caller's language.
    pub purpose: String,
    /// The legal ground, in the caller's language.
    pub legal_basis: String,
    /// The rule that says how long they are kept.
    pub rule: Rule,
    /// The operations that show them. Empty when no operation does.
    pub shown_by: Vec<String>,
    /// The effect of erasing the person on them, in the caller's language.
    pub at_erasure: String,
}

pub(super) fn registered_table(declared: &Table, language: Language) -> RegisteredTable {
    let names = |list| columns(list).map(|(name, _)| name.to_owned()).collect();
    RegisteredTable {
        table: declared.name.to_owned(),
        personal: declared
            .personal
            .iter()
            .map(|personal| PersonalColumns {
                columns: names(personal.columns),
                purpose: personal.purpose.description().r#in(language).to_owned(),
                legal_basis: personal.purpose.legal_basis().r#in(language).to_owned(),
                rule: personal.rule,
                shown_by: personal.shown.split_whitespace().map(ToOwned::to_owned).collect(),
                at_erasure: personal.at_erasure.words().r#in(language).to_owned(),
            })
            .collect(),
        other_columns: names(declared.plain),
    }
}

//! The cells of a row before they are a value, and the faults that are found in them.

use serde::{Deserialize, Serialize};

use super::types::RowProblem;
use crate::kernel::{Text, language::Language};

/// The reason why a row was not stored, or a warning about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    /// The number of the row.
    pub row: usize,
    /// The column at fault, by its name in the API.
    pub column: String,
    /// A stable code.
    pub code: String,
    /// The problem and its remedy, in Swedish.
    pub sv: String,
    /// The problem and its remedy, in English.
    pub en: String,
}

impl RowFault {
    /// A fault in a row.
    #[must_use]
    pub fn new(row: usize, column: &str, code: &str, detail: Text) -> Self {
        Self { row, column: column.to_owned(), code: code.to_owned(), sv: detail.sv, en: detail.en }
    }

    /// The fault in one language, as the API shows it.
    #[must_use]
    pub fn view(&self, language: Language) -> RowProblem {
        RowProblem {
            row: i32::try_from(self.row).unwrap_or(i32::MAX),
            column: self.column.clone(),
            code: self.code.clone(),
            detail: if language == Language::Sv { self.sv.clone() } else { self.en.clone() },
        }
    }
}

/// The cells of one row as text, at most one for each column.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// The number of the row.
    pub number: usize,
    /// The reason why the row could not be divided into cells.
    pub fault: Option<RowFault>,
    /// Pairs of a column's name in the API and the text of its cell.
    pub cells: Vec<(&'static str, String)>,
}

impl Cells {
    /// The trimmed text of a column; `None` when it is missing or blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.cells.iter().find(|(column, _)| *column == name).map(|(_, text)| text.trim()).filter(|text| !text.is_empty())
    }
}

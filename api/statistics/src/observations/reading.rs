//! Reads rows of statistics from a file: finds the meaning of each column, and parses each row. Nothing is looked up in the
//! database; areas are still the codes of the file.

use std::{collections::HashSet, fs::File, io::Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    cells::{Cells, RowFault},
    columns::{AREA_CODE, COLUMNS, Values},
    rules::{self, Row},
};
use crate::{
    indicators::{Indicator, ValueKind},
    intake::{
        cells::{self, CellValue, formula_error},
        columns::is_formula_error,
        formats::{self, Format, Item},
        headings::{Headings, Meanings},
        spool::Reader,
        types::LeftOutReason,
    },
    kernel::{
        Fault, Problem, Result,
        disk::{Spool, failed},
        hash::digest128,
        language::Text,
        personal_number, say,
    },
};

/// A row that has been read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadRow {
    /// The row, or the reason why it cannot be used.
    pub read: std::result::Result<Row, RowFault>,
    /// Whether an earlier row has the same area, period and breakdown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
}

impl ReadRow {
    /// The number of the row in its file.
    #[must_use]
    pub fn number(&self) -> usize {
        match &self.read {
            Ok(row) => row.number,
            Err(fault) => fault.row,
        }
    }
}

/// Reads rows of one indicator by their headings.
#[derive(Debug)]
pub struct Reading {
    kind: ValueKind,
    variants: Vec<String>,
    headings: Headings,
    /// Short digests of the area, period and breakdown of each row so far.
    known_keys: HashSet<[u8; 16]>,
    /// Warnings to add to the next usable row.
    notes: Vec<RowFault>,
}

impl Reading {
    /// A reader for values of an indicator, before the first row.
    #[must_use]
    pub fn for_indicator(indicator: &Indicator) -> Self {
        Self::new(indicator.fields.value_kind, indicator.fields.variants.clone())
    }

    fn new(kind: ValueKind, variants: Vec<String>) -> Self {
        Self { kind, variants, headings: Headings::default(), known_keys: HashSet::new(), notes: Vec::new() }
    }

    /// Parses a row, and checks whether it repeats an earlier one.
    pub fn read_row(&mut self, cells: &Cells) -> ReadRow {
        let mut read = rules::parse_row(cells, self.kind, &self.variants);
        let mut repeats = false;
        if let Ok(row) = &mut read {
            row.warnings.append(&mut self.notes);
            repeats = !self.known_keys.insert(digest128(&format!("{}/{}/{}", row.area_code, row.period, row.breakdown.key())));
        }
        ReadRow { read, repeats }
    }

    /// Reads the headings. Refuses a table with an unknown column, because that may distinguish rows, or without a required
    /// column.
    fn read_headings(&mut self, names: &[String]) -> Result<()> {
        let mut faults = self.headings.read(names, &Values).err().unwrap_or_default();
        for left in self.headings.left_out.iter().filter(|left| left.reason == LeftOutReason::Unknown) {
            faults.push(unknown_column(&left.heading));
        }
        for needed in [AREA_CODE, "period"] {
            let is_met = names.iter().any(|name| Values.meaning(name).is_some_and(|(column, _)| column.member == needed));
            if !is_met {
                let detail = say!("Kolumnen {needed} saknas.", "The column {needed} is missing.");
                faults.push(Fault::at_pointer(format!("/{needed}"), "missing-column", detail));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }

    /// Adds a warning for each column without a heading that has its first cell in this row.
    fn note_cells_without_heading(&mut self, row: u32, before: usize) {
        for left in &self.headings.left_out[before..] {
            let heading = &left.heading;
            let detail = say!(
                "Kolumnen {heading} har celler men ingen rubrik, så de lästes inte. Skriv en rubrik på första raden.",
                "The column {heading} has cells but no heading, so that they were not read. Write a heading in the first row."
            );
            self.notes.push(RowFault::new(row as usize, heading, "no-heading", detail));
        }
    }

    /// The cells of an object. A breakdown may be an object of its own, as in the API.
    fn object_cells(&mut self, row: u32, mut members: Map<String, Value>) -> std::result::Result<cells::Cells, RowFault> {
        if let Some(Value::Object(breakdown)) = members.remove("breakdown") {
            members.extend(breakdown);
        }
        let mut met = HashSet::new();
        for name in members.keys() {
            let Some((column, _)) = Values.meaning(name) else {
                let fault = unknown_column(name);
                return Err(RowFault::new(row as usize, &personal_number::mask(name), fault.code, fault.detail));
            };
            if !met.insert(column.member) {
                let member = column.member;
                let detail = say!("Raden anger {member} två gånger. Behåll en.", "The row gives {member} twice. Keep one.");
                return Err(RowFault::new(row as usize, member, "repeated-column", detail));
            }
        }
        Ok(self.headings.members(members, &Values))
    }

    fn read_cells(&mut self, row: u32, given: cells::Cells) -> ReadRow {
        let mut cells = Cells { number: row as usize, ..Cells::default() };
        let fault = |column: &str, code: &str, detail: Text| Some(RowFault::new(row as usize, column, code, detail));
        for (column, heading, given) in given {
            let member = column.member;
            match given {
                CellValue::Cell(cell) if is_formula_error(&cell) => {
                    cells.fault = fault(member, "formula-error", formula_error(String::new(), &heading).detail);
                }
                CellValue::Cell(cell) => cells.cells.push((member, cell)),
                CellValue::Json(Value::Null) => {}
                CellValue::Json(Value::Number(number)) => cells.cells.push((member, number.to_string())),
                CellValue::Json(_) => {
                    let detail = say!("Skriv ett tal eller en text.", "Write a number or a text.");
                    cells.fault = fault(member, "wrong-type", detail);
                }
            }
        }
        self.read_row(&cells)
    }
}

impl Reader for Reading {
    type Row = ReadRow;

    fn take(&mut self, item: Item) -> Result<Option<ReadRow>> {
        let before = self.headings.left_out.len();
        Ok(Some(match item {
            Item::Heading(names) => {
                self.read_headings(&names)?;
                return Ok(None);
            }
            Item::Cells(row, cells) => {
                let cells = self.headings.cells(cells);
                self.note_cells_without_heading(row, before);
                self.read_cells(row, cells)
            }
            Item::Object(row, members) => match self.object_cells(row, members) {
                Ok(cells) => self.read_cells(row, cells),
                Err(fault) => ReadRow { read: Err(fault), repeats: false },
            },
            Item::Broken(row, faults) => {
                let unread = || Fault::at_pointer("", "unreadable", say!("Raden går inte att läsa.", "The row cannot be read."));
                let first = faults.into_iter().next().unwrap_or_else(unread);
                let column = first.pointer.trim_start_matches('/');
                ReadRow { read: Err(RowFault::new(row as usize, column, first.code, first.detail)), repeats: false }
            }
        }))
    }

    fn into_headings(self) -> Headings {
        self.headings
    }
}

fn unknown_column(heading: &str) -> Fault {
    let name = personal_number::mask(heading);
    let known = COLUMNS.read();
    let (sv, en): (Vec<_>, Vec<_>) = known.map(|column| (column.swedish.to_lowercase(), column.member)).unzip();
    let (sv, en) = (sv.join(", "), en.join(", "));
    Fault::at_pointer(
        "",
        "unknown-column",
        say!("Kolumnen {name} är okänd. Kända är {sv}.", "The column {name} is unknown. Known are {en}."),
    )
}

/// Reads all rows of a small file.
///
/// # Errors
/// When the file as a whole cannot be used (422).
pub fn read(format: Format, bytes: &[u8], kind: ValueKind, variants: &[String]) -> Result<Vec<ReadRow>> {
    let spool = Spool::default();
    let mut file: File = spool.file()?;
    file.write_all(bytes).map_err(failed)?;
    let (mut reading, mut rows) = (Reading::new(kind, variants.to_vec()), Vec::new());
    formats::read(format, &file, &spool, &mut |item| {
        rows.extend(reading.take(item)?);
        Ok(())
    })?;
    Ok(rows)
}

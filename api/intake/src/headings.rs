//! Headings of a file: the column of the target that each one means, the meanings that the caller gives, and the columns
//! that are left out.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    cells::{CellValue, Cells},
    columns::{Column, Columns, Shape, plain, spreadsheet_letters},
    formats::MAX_COLUMNS,
    types::{ImportColumn, LeftOutColumn, LeftOutReason},
};
use crate::kernel::{Fault, Problem, Result as Outcome, personal_number, say, text};

/// The meanings that a caller gives to headings. Each heading is in the form of [`plain`].
pub type ChosenMeanings = Arc<[(String, &'static Column)]>;

/// Parses the meanings that a caller gives to headings, each written `heading:member`.
///
/// # Errors
/// The faults of the parameter `columns`.
pub fn parse_meanings(columns: &[String], known: &Columns) -> Result<ChosenMeanings, Vec<Fault>> {
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    for one in columns {
        let Some((heading, member)) = one.rsplit_once(':').filter(|(heading, _)| !plain(heading).is_empty()) else {
            faults.push(Fault::of_parameter(
                "columns",
                "wrong-form",
                say!(
                    "Skriv rubriken i filen och uppgiften med kolon emellan, till exempel columns=Org nr:organisationNumber.",
                    "Write the heading in the file and the member with a colon between, for example columns=Org no:organisationNumber."
                ),
            ));
            continue;
        };
        let column = known.find_by_member(member.trim()).or_else(|| known.find_by_heading(member).map(|(column, _)| column));
        if let Some(column) = column.filter(|column| column.shape != Shape::ReadOnly) {
            read.push((plain(heading), column));
            continue;
        }
        let all = known.read().map(|column| column.member);
        let meant = text::nearest(member, all.clone()).map_or_else(|| all.collect::<Vec<_>>().join(", "), ToOwned::to_owned);
        let member = text::quoted(member);
        let detail = say!("Det finns ingen uppgift {member}. Menade du {meant}?", "There is no member {member}. Did you mean {meant}?");
        faults.push(Fault::of_parameter("columns", "not-in-list", detail));
    }
    if faults.is_empty() { Ok(read.into()) } else { Err(faults) }
}

/// The largest number of headings in a message.
const MOST: usize = 20;

/// Checks that the file has all headings to which the caller gave a meaning, among its columns that are read.
///
/// # Errors
/// When the file lacks one of them (400).
pub fn require_headings(columns: &ChosenMeanings, read: &[ImportColumn], left_out: &[LeftOutColumn]) -> Outcome<()> {
    let is_there = |heading: &str| read.iter().any(|column| plain(&column.heading) == heading);
    if columns.iter().all(|(heading, _)| is_there(heading)) {
        return Ok(());
    }
    let headings = read.iter().map(|column| &column.heading).chain(left_out.iter().map(|left| &left.heading));
    let headings = headings.take(MOST).cloned().collect::<Vec<_>>().join(", ");
    Err(Problem::parameters(vec![Fault::of_parameter(
        "columns",
        "not-found",
        say!("Filen har ingen sådan rubrik. Den har {headings}.", "The file has no such heading. It has {headings}."),
    )]))
}

/// The meanings of headings for a target.
pub trait Meanings {
    /// Returns every column that the rows may have.
    fn columns(&self) -> &'static Columns;

    /// Returns the column that a heading means, and the rank of the heading among the names of that column; a lower rank
    /// is better.
    fn meaning(&self, heading: &str) -> Option<(&'static Column, usize)> {
        self.columns().find_by_heading(heading)
    }

    /// Returns the index of the column to be read, if several columns mean the same member. Each is given by its heading
    /// and its rank. `None` when the choice is not clear: then the file is refused.
    fn preferred(&self, _column: &Column, headings: &[(&str, usize)]) -> Option<usize> {
        (0..headings.len()).min_by_key(|at| headings[*at].1)
    }
}

/// The headings of a file, and the columns that were found.
#[derive(Debug, Default)]
pub struct Headings {
    /// The columns of a table in order, with their headings; `None` for a column that is not read.
    table: Vec<Option<(&'static Column, String)>>,
    /// The meanings of the names of members in objects.
    named: HashMap<String, Option<(&'static Column, usize)>>,
    /// The columns that are read.
    pub found: Vec<ImportColumn>,
    /// The columns that are left out.
    pub left_out: Vec<LeftOutColumn>,
    /// Whether each column of a table has no heading.
    headless: Vec<bool>,
    /// The indexes of the columns without a heading that have cells.
    unheaded: HashSet<usize>,
}

impl Headings {
    /// Reads the headings of a table.
    ///
    /// # Errors
    /// One fault for each member that several columns mean, if the choice is not clear.
    pub fn read(&mut self, names: &[String], target: &impl Meanings) -> Result<(), Vec<Fault>> {
        // Headings are shown to the caller, so invisible characters are removed.
        let names: Vec<_> = names.iter().map(|name| text::cleaned(name)).collect();
        let meanings: Vec<_> = names.iter().map(|name| target.meaning(name)).collect();
        let mut faults = Vec::new();
        let mut read: HashMap<&'static str, usize> = HashMap::new();
        for (column, _) in meanings.iter().flatten() {
            if read.contains_key(column.member) {
                continue;
            }
            let about = |(at, meaning): (usize, &Option<(&'static Column, usize)>)| {
                meaning.filter(|(other, _)| other.member == column.member).map(|(_, place)| (at, place))
            };
            let all: Vec<_> = meanings.iter().enumerate().filter_map(about).collect();
            let headings: Vec<_> = all.iter().map(|(at, place)| (names[*at].as_str(), *place)).collect();
            let preferred = if all.len() == 1 { Some(0) } else { target.preferred(column, &headings) };
            if preferred.is_none() {
                faults.push(ambiguous_columns(column, &headings));
            }
            read.insert(column.member, all[preferred.unwrap_or_default()].0);
        }
        for (at, (name, meaning)) in names.into_iter().zip(meanings).enumerate() {
            self.headless.push(name.trim().is_empty());
            let chosen = meaning.filter(|(column, _)| read.get(column.member) == Some(&at)).map(|(column, _)| column);
            self.note(&name, chosen, meaning.is_some(), target);
            self.table.push(chosen.map(|column| (column, name)));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Returns the cells of a table's row, with their columns.
    pub fn cells(&mut self, cells: Vec<String>) -> Cells {
        self.note_cells_without_heading(&cells);
        let cells = self.table.iter().zip(cells).filter_map(|(column, cell)| {
            let (column, heading) = column.as_ref()?;
            Some((*column, heading.clone(), CellValue::Cell(cell)))
        });
        cells.collect()
    }

    fn note_cells_without_heading(&mut self, cells: &[String]) {
        for (at, _) in cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
            if self.headless.get(at).is_none_or(|headless| *headless) && self.unheaded.insert(at) {
                self.left_out.push(LeftOutColumn {
                    heading: spreadsheet_letters(at),
                    did_you_mean: None,
                    reason: LeftOutReason::NoHeading,
                });
            }
        }
    }

    /// Returns the members of an object, with their columns.
    pub fn members(&mut self, members: Map<String, Value>, target: &impl Meanings) -> Cells {
        let mut cells: Vec<(&'static Column, usize, String, CellValue)> = Vec::new();
        for (name, value) in members {
            // No table has more columns, and the memory for names must be limited.
            if !self.named.contains_key(&name) && (self.named.len() >= MAX_COLUMNS || name.len() > 1000) {
                continue;
            }
            let meaning = if let Some(meaning) = self.named.get(&name) {
                *meaning
            } else {
                let meaning = target.meaning(&name);
                self.named.insert(name.clone(), meaning);
                self.note(&name, meaning.map(|(column, _)| column), false, target);
                meaning
            };
            let Some((column, place)) = meaning else { continue };
            let given = match value {
                Value::String(text) => CellValue::Cell(text),
                other => CellValue::Json(other),
            };
            match cells.iter_mut().find(|(known, ..)| known.member == column.member) {
                Some(worse) if worse.1 > place => *worse = (column, place, name, given),
                Some(_) => {}
                None => cells.push((column, place, name, given)),
            }
        }
        cells.into_iter().map(|(column, _, name, given)| (column, name, given)).collect()
    }

    fn note(&mut self, heading: &str, column: Option<&'static Column>, known: bool, target: &impl Meanings) {
        if heading.trim().is_empty() {
            return;
        }
        let shown: String =
            personal_number::mask(&text::cleaned(heading)).chars().filter(|letter| !letter.is_control()).take(200).collect();
        match column {
            Some(column) if column.shape == Shape::ReadOnly => {}
            Some(column) => self.found.push(ImportColumn { heading: shown, member: column.member.to_owned() }),
            None => {
                let (did_you_mean, reason) = if known {
                    (None, LeftOutReason::Repeated)
                } else {
                    (target.columns().nearest(heading).map(ToOwned::to_owned), LeftOutReason::Unknown)
                };
                self.left_out.push(LeftOutColumn { heading: shown, did_you_mean, reason });
            }
        }
    }
}

/// The fault of several columns for one member.
fn ambiguous_columns(column: &Column, headings: &[(&str, usize)]) -> Fault {
    let named = headings.iter().take(MOST).map(|(heading, _)| text::quoted(heading)).collect::<Vec<_>>().join(", ");
    let named = personal_number::mask(&named);
    let (member, swedish) = (column.member, column.swedish);
    Fault::at_pointer(
        format!("/{member}"),
        "repeated-column",
        say!(
            "Flera kolumner betyder {swedish} ({member}): {named}. Behåll en av dem, eller byt rubriken på de andra.",
            "Several columns mean {member}: {named}. Keep one of them, or change the heading of the others."
        ),
    )
}

//! Parses and checks the rows of an import one by one. An impossible value is refused with the reason. Different spellings of the
//! same thing are converted to one.

use serde::{Deserialize, Serialize};

use super::{
    amounts::{Amounts, parse_number, read_amounts},
    cells::{Cells, RowFault},
    spellings::{codes_of_column, find_code, find_variant, is_period, normalise_age, normalise_period, normalise_text},
    types::{Breakdown, ObservationStatus},
};
use crate::{
    indicators::ValueKind,
    kernel::{Text, contract, personal_number, say, text},
};

/// A row of an import that can be stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The number of the row. In a table it is the row of the spreadsheet.
    pub number: usize,
    /// The code of the area.
    pub area_code: String,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    pub period: String,
    /// The group that the value is about.
    pub breakdown: Breakdown,
    /// The value, when there is one.
    pub value: Option<f64>,
    /// The numerator of the value.
    pub numerator: Option<f64>,
    /// The denominator of the value.
    pub denominator: Option<f64>,
    /// The status of the value.
    pub status: ObservationStatus,
    /// Warnings about the row, which is stored anyway.
    pub warnings: Vec<RowFault>,
}

/// Parses one row of an indicator with this kind of values and these variants.
///
/// # Errors
/// The first fault of the row.
pub fn parse_row(cells: &Cells, kind: ValueKind, variants: &[String]) -> Result<Row, RowFault> {
    if let Some(fault) = &cells.fault {
        return Err(fault.clone());
    }
    let number_of_row = cells.number;
    let cell = |name: &str| cells.get(name);
    let fault = |column: &str, code: &str, detail: Text| RowFault::new(number_of_row, column, code, detail);
    for (column, text) in &cells.cells {
        if let Some(letter) = text::forbidden_character(text) {
            return Err(fault(column, "forbidden-character", contract::forbidden(letter)));
        }
        // An amount may look like a personal identity number.
        let amount = matches!(*column, "value" | "numerator" | "denominator") && parse_number(text).is_some();
        if !amount && personal_number::contains(text) {
            return Err(fault(column, personal_number::CODE, personal_number::fault("").detail));
        }
        if text.chars().count() > 60 {
            return Err(fault(column, "too-long", say!("Skriv högst 60 tecken.", "Write at most 60 characters.")));
        }
    }
    let area_code =
        cell("areaCode").ok_or_else(|| fault("areaCode", "required", say!("Ange områdets kod.", "Give the area's code.")))?.to_owned();
    let given = cell("period").ok_or_else(|| fault("period", "required", say!("Ange perioden.", "Give the period.")))?;
    let period = normalise_period(given);
    if !is_period(&period) {
        return Err(fault(
            "period",
            "wrong-form",
            say!(
                "Perioden {given} går inte att läsa. Skriv ett år (2023), ett kvartal (2023K1) eller en månad (2023M05).",
                "The period {given} cannot be read. Write a year (2023), a quarter (2023K1) or a month (2023M05)."
            ),
        ));
    }
    let own = |name: &str| cell(name).and_then(normalise_text);
    let coded = |name: &str| match cell(name) {
        None => Ok(None),
        Some(given) => find_code(name, given).ok_or_else(|| {
            let known = codes_of_column(name).join(", ");
            fault(
                name,
                "not-in-list",
                say!(
                    "Värdet {given} är okänt. Skriv {known}, eller lämna tomt för alla.",
                    "The value {given} is unknown. Write {known}, or leave it empty for all."
                ),
            )
        }),
    };
    let age = cell("age").map(|given| {
        normalise_age(given).ok_or_else(|| {
            fault(
                "age",
                "wrong-form",
                say!(
                    "Åldern {given} går inte att läsa. Skriv som 0-12, 65+ eller 18, eller lämna tomt för alla.",
                    "The age {given} cannot be read. Write as 0-12, 65+ or 18, or leave it empty for all."
                ),
            )
        })
    });
    let variant = own("variant").map(|given| {
        // The parts of a distribution need not be declared, because a distribution has no values without parts.
        let free = variants.is_empty() && kind == ValueKind::Distribution;
        find_variant(&given, variants).cloned().or_else(|| free.then(|| given.clone())).ok_or_else(|| {
            let known = variants.join(", ");
            let detail = if variants.is_empty() {
                say!("Indikatorn har inga varianter. Lämna tomt.", "The indicator has no variants. Leave it empty.")
            } else {
                say!(
                    "Indikatorn har inte varianten {given}. Skriv en av dem som den har: {known}.",
                    "The indicator does not have the variant {given}. Write one of those that it has: {known}."
                )
            };
            fault("variant", "not-in-list", detail)
        })
    });
    let breakdown = Breakdown {
        sex: coded("sex")?,
        age: age.transpose()?.flatten(),
        born: coded("born")?,
        background: coded("background")?,
        region_of_birth: own("regionOfBirth"),
        time_in_sweden: own("timeInSweden"),
        variant: variant.transpose()?,
    };
    let Amounts { value, numerator, denominator, status, warnings } = read_amounts(number_of_row, cells, kind)?;
    Ok(Row { number: number_of_row, area_code, period, breakdown, value, numerator, denominator, status, warnings })
}

#[cfg(test)]
mod tests {
    use super::{super::reading::read, *};
    use crate::intake::formats::Format;

    fn rows(text: &[u8], kind: ValueKind) -> Vec<Result<Row, RowFault>> {
        read(Format::Csv, text, kind, &[]).unwrap().into_iter().map(|row| row.read).collect()
    }

    #[test]
    fn a_table_is_read_as_people_have_it() {
        let text = "\u{FEFF}Områdeskod;År;Kön;Täljare;Nämnare\n0127;2023;kvinnor;1 200;4 800\n0127;2023;;..;..\n";
        let rows = rows(text.as_bytes(), ValueKind::Share);
        let [Ok(first), Ok(second)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((first.number, first.value, first.breakdown.sex.as_deref()), (2, Some(25.0), Some("women")));
        assert_eq!((second.number, second.value, second.status), (3, None, ObservationStatus::NotAvailable));
    }

    #[test]
    fn the_same_breakdown_is_the_same_however_it_is_written() {
        let text = "kod;period;född;bakgrund;värde\n0127;2023Q1;Sverige;utländsk;1\n0127;2023K1;in_sweden;foreign;1\n";
        let read = read(Format::Csv, text.as_bytes(), ValueKind::Mean, &[]).unwrap();
        let [first, second] = read.as_slice() else { panic!("{read:?}") };
        let same = |row: &Result<Row, RowFault>| row.as_ref().map(|row| (row.period.clone(), row.breakdown.clone())).unwrap();
        assert_eq!(same(&first.read), same(&second.read));
        assert_eq!((first.repeats, second.repeats), (false, true));
        for wrong in ["2023M+1", "2023K5", "+203", "2023M13", "20233"] {
            assert!(!is_period(wrong), "{wrong}");
        }
        let hidden = rows("kod;period;värde\n0127;2023\u{0};1\n".as_bytes(), ValueKind::Mean);
        assert_eq!(hidden[0].as_ref().map_err(|fault| fault.code.as_str()).err(), Some("forbidden-character"));
    }

    #[test]
    fn each_fault_has_its_code() {
        let text = "kod;år;kön;värde;täljare;nämnare\n0127;20x3;;1;;\n0127;2023;alien;1;;\n0127;2023;;ett;;\n0127;2023;;;5;0\n\
            0127;2023;;;9;4\n0127;2023;;;;\n;2023;;1;;\n0127;2023;;#SAKNAS!;;\n";
        let codes: Vec<_> =
            rows(text.as_bytes(), ValueKind::Share).into_iter().filter_map(|row| row.err().map(|fault| fault.code)).collect();
        assert_eq!(codes, ["wrong-form", "not-in-list", "not-a-number", "zero", "too-large", "required", "required", "formula-error"]);
    }
}

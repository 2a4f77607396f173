//! Reads the numbers of a row, checks them, and computes the value when only its counts are given.

use super::{
    cells::{Cells, RowFault},
    types::ObservationStatus,
};
use crate::{
    indicators::ValueKind,
    kernel::{language::Text, say},
};

/// The numbers of a row, their status, and warnings about them.
#[derive(Default)]
pub(super) struct Amounts {
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    pub warnings: Vec<RowFault>,
}

/// Reads the numbers of a row.
///
/// # Errors
/// The first fault of the numbers.
pub(super) fn read_amounts(number_of_row: usize, cells: &Cells, kind: ValueKind) -> Result<Amounts, RowFault> {
    let cell = |name: &str| cells.get(name);
    let fault = |column: &str, code: &str, detail: Text| RowFault::new(number_of_row, column, code, detail);
    let given: Option<ObservationStatus> = match cell("status").map(ToOwned::to_owned) {
        None => None,
        Some(name) => Some(serde_json::from_value(name.clone().into()).map_err(|_| {
            fault(
                "status",
                "not-in-list",
                say!(
                    "Statusen {name} är okänd; se kodlistan ObservationStatus.",
                    "The status {name} is unknown; see the codelist ObservationStatus."
                ),
            )
        })?),
    };
    // `..` stands for a value that is not available, `.` for one that is not applicable. Neither is 0.
    let symbol = |column: &str| match cell(column) {
        Some("..") => Some(ObservationStatus::NotAvailable),
        Some(".") => Some(ObservationStatus::NotApplicable),
        _ => None,
    };
    let behind = || symbol("numerator").or_else(|| symbol("denominator"));
    let symbol_status = symbol("value").or_else(|| cell("value").is_none().then(behind).flatten());
    let status = given.filter(|status| status.is_empty()).or(symbol_status).or(given).unwrap_or_default();
    let read = |column: &'static str| match cell(column) {
        Some(text) if symbol(column).is_none() => parse_number(text)
            .map(Some)
            .ok_or_else(|| fault(column, "not-a-number", say!("{text} är inte ett tal.", "{text} is not a number."))),
        _ => Ok(None),
    };
    if status.is_empty() {
        // Numbers in a row whose value is suppressed or missing are not stored, because stored numbers could be read.
        let named = ["value", "numerator", "denominator"].into_iter().find(|column| cell(column).is_some() && symbol(column).is_none());
        let warnings = named.map(|column| {
            fault(
                column,
                "not-kept",
                say!(
                    "Uppgiften är skyddad eller saknas, så radens tal har inte sparats.",
                    "The figure is kept back or missing, so the row's numbers were not stored."
                ),
            )
        });
        return Ok(Amounts { status, warnings: warnings.into_iter().collect(), ..Amounts::default() });
    }
    let (value, numerator, denominator) = (read("value")?, read("numerator")?, read("denominator")?);
    let read = Amounts { value, numerator, denominator, status, warnings: Vec::new() };
    check_amounts(number_of_row, cells, kind, read)
}

/// Checks the numbers of a row. Computes the value from the counts when no value is given.
fn check_amounts(number_of_row: usize, cells: &Cells, kind: ValueKind, mut amounts: Amounts) -> Result<Amounts, RowFault> {
    let fault = |column: &str, code: &str, detail: Text| Err(RowFault::new(number_of_row, column, code, detail));
    let Amounts { value, numerator, denominator, .. } = amounts;
    let of_whole = matches!(kind, ValueKind::Share | ValueKind::Distribution);
    let counted = of_whole || kind == ValueKind::Count;
    let counts = [
        ("value", value.filter(|_| kind == ValueKind::Count)),
        ("numerator", numerator.filter(|_| counted)),
        ("denominator", denominator.filter(|_| counted)),
    ];
    for (column, count) in counts {
        if let Some(count) = count.filter(|count| *count < 0.0 || count.fract() != 0.0) {
            return fault(
                column,
                "not-a-count",
                say!(
                    "{count} kan inte vara ett antal. Skriv ett helt tal från 0.",
                    "{count} cannot be a count. Write a whole number from 0."
                ),
            );
        }
    }
    if denominator == Some(0.0) && numerator.is_some() {
        return fault(
            "denominator",
            "zero",
            say!("Nämnaren är 0, så det finns ingen andel att räkna ut.", "The denominator is 0, so there is no share to work out."),
        );
    }
    let more = numerator.zip(denominator).filter(|(numerator, denominator)| of_whole && numerator > denominator);
    if let Some((numerator, denominator)) = more {
        // Producers add a little noise to protect small groups.
        if numerator > denominator + NOISE && numerator * 100.0 > denominator * 101.0 {
            return fault(
                "numerator",
                "too-large",
                say!(
                    "Täljaren ({numerator}) är större än nämnaren ({denominator}).",
                    "The numerator ({numerator}) is larger than the denominator ({denominator})."
                ),
            );
        }
        amounts.warnings.push(RowFault::new(
            number_of_row,
            "numerator",
            "a-little-too-large",
            say!(
                "Täljaren ({numerator}) är lite större än nämnaren ({denominator}). Andelen är satt till 100.",
                "The numerator ({numerator}) is a little larger than the denominator ({denominator}). The share is set to 100."
            ),
        ));
    }
    let follows = value_from_counts(kind, numerator, denominator);
    let near = |value: f64, follows: f64| {
        let rounded = half_of_last_digit(cells.get("value").unwrap_or_default());
        (value - follows).abs() <= rounded + 1e-6 * follows.abs().max(1.0)
    };
    if let (Some(value), Some(follows)) = (value, follows)
        && !near(value, follows)
        // When the numerator is larger, the producer may have written 100 per cent.
        && !(more.is_some() && near(value, 100.0))
    {
        return fault(
            "value",
            "contradicts-counts",
            say!(
                "Värdet {value} stämmer inte med täljare och nämnare, som ger {follows}. Rätta det, eller lämna värdet tomt.",
                "The value {value} does not agree with the numerator and denominator, which give {follows}. Correct it, or leave the value empty."
            ),
        );
    }
    amounts.value = if more.is_some() { Some(100.0) } else { value.or(follows) };
    match amounts.value {
        None => fault(
            "value",
            "required",
            say!(
                "Raden saknar värde. Skriv värdet, täljare och nämnare, eller .. där uppgift saknas.",
                "The row has no value. Write the value, numerator and denominator, or .. where there is none."
            ),
        ),
        Some(value) if of_whole && !(0.0..=100.0).contains(&value) => fault(
            "value",
            "out-of-range",
            say!("En andel är 0–100 procent; {value} kan den inte vara.", "A share is 0–100 per cent; it cannot be {value}."),
        ),
        Some(_) => Ok(amounts),
    }
}

/// An excess of the numerator over the denominator that is always taken for a producer's noise. With large counts up to 1 per
/// cent is.
const NOISE: f64 = 3.0;

/// The largest distance between a number and the one that it was rounded from: half of its last written digit.
fn half_of_last_digit(written: &str) -> f64 {
    let decimals = written.replace(',', ".").split_once('.').map_or(0, |(_, decimals)| decimals.bytes().filter(u8::is_ascii_digit).count());
    0.5 / 10_f64.powi(i32::try_from(decimals).unwrap_or(i32::MAX))
}

/// The value that is computed from counts; a share is in per cent. `None` for medians and means.
fn value_from_counts(kind: ValueKind, numerator: Option<f64>, denominator: Option<f64>) -> Option<f64> {
    match kind {
        ValueKind::Share | ValueKind::Distribution => Some(numerator? / denominator? * 100.0),
        ValueKind::Ratio => Some(numerator? / denominator?),
        ValueKind::Count => numerator,
        ValueKind::Median | ValueKind::Mean => None,
    }
}

/// Parses a number as people write it: decimal comma or point, spaces between thousands, a percent sign.
#[must_use]
pub fn parse_number(text: &str) -> Option<f64> {
    let text = text.strip_suffix('%').unwrap_or(text);
    let plain: String = text.chars().filter(|sign| !matches!(sign, ' ' | '\u{A0}' | '\u{202F}')).collect();
    plain.replace(',', ".").replace('\u{2212}', "-").parse().ok().filter(|number: &f64| number.is_finite())
}

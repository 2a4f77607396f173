//! The forms of an exported table, and the choice of one by the request.

use super::Dialect;
use crate::kernel::problem::{Kind, Problem, Result};

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// CSV.
    Csv(Dialect),
    /// A workbook.
    Xlsx,
}

/// The media type of XLSX.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

impl Format {
    /// The media types of lists other than JSON.
    pub const MEDIA_TYPES: [&str; 3] = ["text/csv", XLSX, "application/x-ndjson"];
    /// The values of the parameter `format`.
    pub const NAMES: [&str; 5] = ["json", "csv", "excel-sv", "xlsx", "ndjson"];

    /// Returns the form that a caller asks for: by the parameter `format`, otherwise by `Accept`. `None` means JSON.
    ///
    /// # Errors
    /// When `Accept` names no form of the service (406).
    pub fn asked(parameter: Option<&str>, accept: &str) -> Result<Option<Self>> {
        match parameter {
            Some("csv") => Ok(Some(Self::Csv(Dialect::Rfc4180))),
            Some("excel-sv") => Ok(Some(Self::Csv(Dialect::ExcelSv))),
            Some("xlsx") => Ok(Some(Self::Xlsx)),
            Some("ndjson") => Ok(Some(Self::Ndjson)),
            Some(_) => Ok(None),
            None if accept.trim().is_empty() => Ok(None),
            None => Self::accepted(accept),
        }
    }

    /// Returns the form with the greatest quality in `Accept`; of equal qualities the first.
    fn accepted(accept: &str) -> Result<Option<Self>> {
        let mut best: Option<(u16, Option<Self>)> = None;
        for range in accept.to_ascii_lowercase().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut dialect) = (1000, Dialect::Rfc4180);
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match (name.trim(), value.trim().trim_matches('"')) {
                    ("q", value) => quality = thousandths(value),
                    ("dialect", "rfc4180") => {}
                    ("dialect", "excel-sv") => dialect = Dialect::ExcelSv,
                    ("dialect", _) => quality = 0,
                    _ => {}
                }
            }
            let form = match kind {
                "*/*" | "application/*" | "application/json" => None,
                "application/problem+json" => {
                    // The form of problems says nothing about the form of lists.
                    quality = quality.min(1);
                    None
                }
                "text/*" | "text/csv" => Some(Self::Csv(dialect)),
                XLSX => Some(Self::Xlsx),
                "application/x-ndjson" => Some(Self::Ndjson),
                _ => continue,
            };
            if quality > 0 && best.is_none_or(|(before, _)| quality > before) {
                best = Some((quality, form));
            }
        }
        best.map(|(_, form)| form).ok_or_else(|| Problem::new(Kind::NotAcceptable))
    }

    /// Returns the media type of the answer.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv(Dialect::Rfc4180) => "text/csv; charset=utf-8; header=present",
            Self::Csv(Dialect::ExcelSv) => "text/csv; charset=utf-8; header=present; dialect=excel-sv",
            Self::Xlsx => XLSX,
        }
    }

    /// Returns the extension of the file, without a dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv(_) => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Converts a quality such as `0.8` to thousandths.
fn thousandths(quality: &str) -> u16 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let part = part.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit.wrapping_sub(b'0') % 10));
    if whole == "0" { part } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_with_the_greatest_quality_is_chosen() {
        let asked = |accept: &str| Format::asked(None, accept).map_err(|problem| problem.kind);
        let csv = Format::Csv(Dialect::Rfc4180);
        assert_eq!(asked(""), Ok(None));
        assert_eq!(asked("*/*"), Ok(None));
        assert_eq!(asked("text/csv"), Ok(Some(csv)));
        assert_eq!(asked("text/csv, application/problem+json"), Ok(Some(csv)));
        assert_eq!(asked("application/problem+json, text/csv"), Ok(Some(csv)));
        assert_eq!(asked("application/problem+json"), Ok(None));
        assert_eq!(asked("Text/CSV; Dialect=\"excel-sv\""), Ok(Some(Format::Csv(Dialect::ExcelSv))));
        assert_eq!(asked("text/csv;q=0.5, application/json;q=0.9"), Ok(None));
        assert_eq!(asked("text/csv;q=0.95, application/json;q=0.9"), Ok(Some(csv)));
        assert_eq!(asked("application/json;q=0, application/x-ndjson;q=0.001"), Ok(Some(Format::Ndjson)));
        assert_eq!(asked(&format!("image/png, {XLSX}")), Ok(Some(Format::Xlsx)));
        assert_eq!(asked("text/csv;dialect=tabs"), Err(Kind::NotAcceptable));
        assert_eq!(asked("text/csv;q=0"), Err(Kind::NotAcceptable));
    }

    #[test]
    fn the_parameter_takes_precedence_over_the_header() {
        assert_eq!(Format::asked(Some("json"), "text/csv").ok(), Some(None));
        assert_eq!(Format::asked(Some("xlsx"), "application/json").ok(), Some(Some(Format::Xlsx)));
        assert!(Format::NAMES.iter().all(|name| Format::asked(Some(name), "image/png").is_ok()));
    }
}

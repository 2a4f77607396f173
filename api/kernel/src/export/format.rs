//! The forms of an exported table, and the choice of one by the request.

use super::Dialect;
use crate::{
    fields::{self, Item},
    problem::{Kind, Problem, Result},
};

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
    pub fn requested(parameter: Option<&str>, accept: &[Item<'_>]) -> Result<Option<Self>> {
        match parameter {
            Some("csv") => Ok(Some(Self::Csv(Dialect::Rfc4180))),
            Some("excel-sv") => Ok(Some(Self::Csv(Dialect::ExcelSv))),
            Some("xlsx") => Ok(Some(Self::Xlsx)),
            Some("ndjson") => Ok(Some(Self::Ndjson)),
            Some(_) => Ok(None),
            None if accept.is_empty() => Ok(None),
            None => Self::accepted(accept),
        }
    }

    /// Returns the form with the greatest weight in `Accept`; of equal weights the first.
    fn accepted(ranges: &[Item<'_>]) -> Result<Option<Self>> {
        let forms = [None, Some(Self::Csv(Dialect::Rfc4180)), Some(Self::Csv(Dialect::ExcelSv)), Some(Self::Xlsx), Some(Self::Ndjson)];
        let fits = |range: &Item<'_>, form: Option<Self>| match form {
            None => fields::fits_media_type(range, "application/json"),
            Some(Self::Csv(dialect)) => {
                let close = fields::fits_media_type(range, "text/csv")?;
                match range.parameter("dialect").map(str::to_ascii_lowercase).as_deref() {
                    None => Some(close),
                    Some("rfc4180") if dialect == Dialect::Rfc4180 => Some(close + 1),
                    Some("excel-sv") if dialect == Dialect::ExcelSv => Some(close + 1),
                    Some(_) => None,
                }
            }
            Some(Self::Xlsx) => fields::fits_media_type(range, XLSX),
            Some(Self::Ndjson) => fields::fits_media_type(range, "application/x-ndjson"),
        };
        // Who names only the form of problems gets lists as they are without the field.
        let only_problems = || fields::names_media_type(ranges, "application/problem+json").then_some(None);
        fields::preferred(ranges, &forms, fits).or_else(only_problems).ok_or_else(|| Problem::new(Kind::NotAcceptable))
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

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderMap};

    use super::*;

    #[test]
    fn the_form_with_the_greatest_quality_is_chosen() {
        let asked = |accept: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            Format::requested(None, &fields::items(&headers, ACCEPT).collect::<Vec<_>>()).map_err(|problem| problem.kind)
        };
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
        assert_eq!(asked("application/json;q=0, */*"), Ok(Some(csv)));
        assert_eq!(asked("text/csv;dialect=tabs"), Err(Kind::NotAcceptable));
        assert_eq!(asked("text/csv;q=0"), Err(Kind::NotAcceptable));
    }

    #[test]
    fn the_parameter_takes_precedence_over_the_header() {
        let headers = HeaderMap::from_iter([(ACCEPT, "text/csv".parse().unwrap())]);
        let ranges: Vec<_> = fields::items(&headers, ACCEPT).collect();
        assert_eq!(Format::requested(Some("json"), &ranges).ok(), Some(None));
        assert_eq!(Format::requested(Some("xlsx"), &ranges).ok(), Some(Some(Format::Xlsx)));
        assert!(Format::NAMES.iter().all(|name| Format::requested(Some(name), &ranges).is_ok()));
    }
}

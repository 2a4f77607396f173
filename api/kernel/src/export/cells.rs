//! The cells of an exported table, and the writing of CSV.

use serde_json::{Number, Value};

/// A cell of a table: the value of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Null or an empty list.
    Empty,
    Text(String),
    Number(Number),
    Bool(bool),
}

impl Cell {
    /// Converts the value of a member: a scalar stays as it is, the scalars of a list are joined by `|`, and any other value becomes
    /// compact JSON.
    pub(super) fn from_value(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Empty,
            Some(Value::Bool(value)) => Self::Bool(*value),
            Some(Value::Number(value)) => Self::Number(value.clone()),
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(Value::Array(items)) if items.is_empty() => Self::Empty,
            Some(Value::Array(items)) => match items.iter().map(scalar).collect::<Option<Vec<_>>>() {
                Some(items) => Self::Text(items.join("|")),
                None => Self::Text(Value::Array(items.clone()).to_string()),
            },
            Some(object) => Self::Text(object.to_string()),
        }
    }
}

/// Returns a scalar as an item of a list, with `\` before each `|` and `\`; `None` when the value is no scalar.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.replace('\\', "\\\\").replace('|', "\\|")),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A way of writing CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 4180: commas, and values without changes.
    Rfc4180,
    /// The form that Excel reads in Sweden: semicolons, a byte order mark, decimal commas, and no cell that could be a formula.
    ExcelSv,
}

impl Dialect {
    /// Returns the text before the headings: the byte order mark, or nothing.
    #[must_use]
    pub const fn beginning(self) -> &'static str {
        match self {
            Self::Rfc4180 => "",
            Self::ExcelSv => "\u{feff}",
        }
    }

    const fn separator(self) -> char {
        match self {
            Self::Rfc4180 => ',',
            Self::ExcelSv => ';',
        }
    }

    /// Writes a line.
    pub(super) fn line(self, cells: impl IntoIterator<Item = Cell>, table: &mut String) {
        let start = table.len();
        for (column, cell) in cells.into_iter().enumerate() {
            if column > 0 {
                table.push(self.separator());
            }
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => self.text(&text, table),
                Cell::Bool(value) => table.push_str(if value { "true" } else { "false" }),
                Cell::Number(number) => match self {
                    Self::Rfc4180 => self.quoted(&number.to_string(), table),
                    Self::ExcelSv => self.quoted(&number.to_string().replace('.', ","), table),
                },
            }
        }
        // Readers of CSV skip an empty line, so a row of empty cells needs at least quotes.
        if table.len() == start {
            table.push_str("\"\"");
        }
        table.push_str("\r\n");
    }

    /// Writes a line of texts. An empty text becomes an empty cell.
    pub fn texts<'a>(self, texts: impl IntoIterator<Item = &'a str>, table: &mut String) {
        self.line(texts.into_iter().map(|text| if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }), table);
    }

    fn text(self, text: &str, table: &mut String) {
        if self == Self::ExcelSv && is_formula(text) {
            self.quoted(&format!("'{text}"), table);
        } else {
            self.quoted(text, table);
        }
    }

    /// Writes text, with quotes where the format needs them. An empty text gets quotes too, which distinguish it from an empty cell.
    fn quoted(self, text: &str, table: &mut String) {
        if text.is_empty() || text.contains([self.separator(), '"', '\r', '\n']) {
            table.push('"');
            table.push_str(&text.replace('"', "\"\""));
            table.push('"');
        } else {
            table.push_str(text);
        }
    }
}

/// Whether a spreadsheet would read a text as a formula, at once or after leading apostrophes are removed. Such a text gets one
/// apostrophe before it. A reader removes one apostrophe from exactly these texts.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn line(dialect: Dialect, values: &[Value]) -> String {
        let mut table = String::new();
        dialect.line(values.iter().map(|value| Cell::from_value(Some(value))), &mut table);
        table
    }

    #[test]
    fn cells_are_as_the_members_are() {
        let values = [json!(null), json!(""), json!("a,b"), json!("a;b"), json!("\"x\"\n"), json!(1.5), json!(-2), json!(true)];
        assert_eq!(line(Dialect::Rfc4180, &values), ",\"\",\"a,b\",a;b,\"\"\"x\"\"\n\",1.5,-2,true\r\n");
        assert_eq!(line(Dialect::ExcelSv, &values), ";\"\";a,b;\"a;b\";\"\"\"x\"\"\n\";1,5;-2;true\r\n");
        let lists = [json!([]), json!(["a|b", "c\\d", 3]), json!([{"a": 1}]), json!({"a": null})];
        assert_eq!(line(Dialect::Rfc4180, &lists), ",a\\|b|c\\\\d|3,\"[{\"\"a\"\":1}]\",\"{\"\"a\"\":null}\"\r\n");
    }

    #[test]
    fn a_row_of_nothing_is_still_a_row() {
        assert_eq!(line(Dialect::Rfc4180, &[json!(null)]), "\"\"\r\n");
    }

    #[test]
    fn no_cell_is_a_formula_for_excel() {
        for text in ["=1+1", "+1", "-x", "@SUM(A1)", "\tx", "\rx", "'=x", "''=x"] {
            let mut table = String::new();
            Dialect::ExcelSv.texts([text], &mut table);
            assert!(table.trim_start_matches('"').starts_with(&format!("'{text}")), "{table:?}");
        }
        assert_eq!(line(Dialect::ExcelSv, &[json!("'x"), json!("a=1")]), "'x;a=1\r\n");
        assert_eq!(line(Dialect::Rfc4180, &[json!("=1+1")]), "=1+1\r\n");
    }

    /// Reverses the writing of formulas as a reader does: removes one apostrophe before the beginning of a formula.
    fn unescape_formula(text: &str) -> &str {
        if text.starts_with('\'') && is_formula(text) { &text[1..] } else { text }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read_back(texts in proptest::collection::vec("[=+@'\"|;,a\u{00A0}å\r\n\t -]{0,6}", 2..5)) {
            for dialect in [Dialect::Rfc4180, Dialect::ExcelSv] {
                let values: Vec<_> = texts.iter().map(|text| json!(text)).collect();
                let table = line(dialect, &values);
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .delimiter(if dialect == Dialect::Rfc4180 { b',' } else { b';' })
                    .from_reader(table.as_bytes());
                let read = reader.records().next().unwrap().unwrap();
                let read: Vec<_> = read.iter().map(|text| if dialect == Dialect::ExcelSv { unescape_formula(text) } else { text }).collect();
                prop_assert_eq!(read, texts.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
}

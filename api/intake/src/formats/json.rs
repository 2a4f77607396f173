//! Objects as JSON, one on each line or all in one array. Each object is cut out of the file and parsed separately, so
//! that a malformed one does not affect the others, and a large file is never in memory as a whole.

use std::{
    fs::File,
    io::{BufRead, Read},
};

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    Item, MAX_ROW, Taker,
    text::{self, Text},
    too_long, unreadable,
};
use crate::kernel::{Fault, Problem, Result, disk::failed, extract, language, say};

pub fn lines(file: &File, take: &mut Taker<'_>) -> Result<()> {
    let mut text = text::plain(file)?;
    let mut number = 0u32;
    let mut line = Vec::new();
    while (&mut text).take(MAX_ROW as u64 + 1).read_until(b'\n', &mut line).map_err(failed)? > 0 {
        number = number.saturating_add(1);
        if line.len() > MAX_ROW && !line.ends_with(b"\n") {
            text.skip_until(b'\n').map_err(failed)?;
            take(Item::Broken(number, vec![too_long()]))?;
        } else if !line.trim_ascii().is_empty() {
            take(object(number, &line))?;
        }
        line.clear();
    }
    Ok(())
}

pub fn array(file: &File, take: &mut Taker<'_>) -> Result<()> {
    let mut scan = Scan { text: text::plain(file)?, value: Vec::new() };
    let no_list = || {
        unreadable(
            "no-list",
            say!(
                "Filen ska vara en JSON-lista av objekt, eller ett objekt med listan i items.",
                "The file must be a JSON array of objects, or an object with the array in items."
            ),
        )
    };
    if scan.next()? == Some(b'{') && !scan.enter_items()? {
        return Err(no_list());
    }
    if scan.next()? != Some(b'[') {
        return Err(no_list());
    }
    scan.advance()?;
    let mut number = 0u32;
    loop {
        match scan.next()? {
            Some(b']') => return Ok(()),
            Some(b',') => drop(scan.advance()?),
            None => return Err(cut_off()),
            Some(_) => {
                number = number.saturating_add(1);
                if !scan.skip_value()? {
                    return Err(cut_off());
                }
                take(if scan.value.len() > MAX_ROW { Item::Broken(number, vec![too_long()]) } else { object(number, &scan.value) })?;
            }
        }
    }
}

fn cut_off() -> Problem {
    unreadable("cut-off", say!("Filen slutar mitt i listan. Skicka hela filen.", "The file ends within the array. Send the whole file."))
}

fn object(number: u32, bytes: &[u8]) -> Item {
    match extract::parse(bytes.trim_ascii()) {
        Ok(Value::Object(members)) => Item::Object(number, members),
        Ok(_) => Item::Broken(
            number,
            vec![Fault::at_pointer("", "wrong-type", say!("Varje rad ska vara ett JSON-objekt.", "Each row must be a JSON object."))],
        ),
        Err(problem) if problem.faults.is_empty() => {
            let detail = malformed(bytes).or(problem.detail).unwrap_or_else(|| problem.kind.title());
            Item::Broken(number, vec![Fault::at_pointer("", "malformed-json", detail)])
        }
        Err(problem) => Item::Broken(number, problem.faults),
    }
}

/// Describes where the JSON of an object is malformed. The object was cut out of its file, so the line is counted from
/// the beginning of the object.
fn malformed(bytes: &[u8]) -> Option<language::Text> {
    let error = serde_json::from_slice::<IgnoredAny>(bytes.trim_ascii()).err()?;
    let (line, column) = (error.line(), error.column());
    Some(if line > 1 {
        say!(
            "Objektet är inte giltig JSON: felet upptäcktes på dess rad {line}, tecken {column}.",
            "The object is not valid JSON: the fault was found at its line {line}, column {column}."
        )
    } else {
        say!(
            "Objektet är inte giltig JSON: felet upptäcktes vid tecken {column}.",
            "The object is not valid JSON: the fault was found at column {column}."
        )
    })
}

/// Finds where values begin and end, without parsing them.
struct Scan<'a> {
    text: Text<'a>,
    /// The bytes of the last value, at most [`MAX_ROW`] + 1 of them: the additional byte shows that there were more.
    value: Vec<u8>,
}

impl Scan<'_> {
    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.text.fill_buf().map_err(failed)?.first().copied())
    }

    /// Skips blanks and returns the next byte without consuming it.
    fn next(&mut self) -> Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.text.consume(1);
        }
        Ok(None)
    }

    /// Consumes the next byte.
    fn advance(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.text.consume(1);
            if self.value.len() <= MAX_ROW {
                self.value.push(byte);
            }
        }
        Ok(byte)
    }

    /// Consumes a string that begins here.
    fn skip_string(&mut self) -> Result<()> {
        self.advance()?;
        while let Some(byte) = self.advance()? {
            match byte {
                b'\\' => drop(self.advance()?),
                b'"' => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Consumes the value that begins here. Returns false when the file ends within it.
    fn skip_value(&mut self) -> Result<bool> {
        self.value.clear();
        let mut depth = 0u32;
        loop {
            match self.peek()? {
                None => return Ok(false),
                Some(b'"') => self.skip_string()?,
                Some(b'{' | b'[') => {
                    depth = depth.saturating_add(1);
                    self.advance()?;
                }
                Some(b'}' | b']' | b',') if depth == 0 => return Ok(true),
                Some(b'}' | b']') => {
                    depth -= 1;
                    self.advance()?;
                    if depth == 0 {
                        return Ok(true);
                    }
                }
                Some(_) => drop(self.advance()?),
            }
        }
    }

    /// Goes from the beginning of an object to the value of its member `items` or `rows`. Returns false when there is
    /// none.
    fn enter_items(&mut self) -> Result<bool> {
        self.advance()?;
        while self.next()? == Some(b'"') {
            self.value.clear();
            self.skip_string()?;
            let is_items = self.value == b"\"items\"" || self.value == b"\"rows\"";
            if self.next()? != Some(b':') {
                return Ok(false);
            }
            self.advance()?;
            self.next()?;
            if is_items {
                return Ok(true);
            }
            if !self.skip_value()? {
                return Ok(false);
            }
            if self.next()? == Some(b',') {
                self.advance()?;
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Format, all};

    fn names(format: Format, text: &str) -> Vec<String> {
        let name = |item| match item {
            Item::Object(number, members) => format!("{number} {}", members["name"].as_str().unwrap_or_default()),
            Item::Broken(number, faults) => format!("{number} {}", faults[0].code),
            other => format!("{other:?}"),
        };
        all(format, text.as_bytes()).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn a_list_is_read_wherever_it_stands() {
        let list = r#"[{"name":"a, ]} \" b"},{"name":"c"} , {"name": nope}, 3, {"name":"d","x":[{}]}]"#;
        let read = ["1 a, ]} \" b", "2 c", "3 malformed-json", "4 wrong-type", "5 d"];
        assert_eq!(names(Format::Json, list), read);
        assert_eq!(names(Format::Json, &format!("{{\"total\":{{\"a\":[1]}}, \"items\" : {list}, \"next\":null}}")), read);
        assert!(names(Format::Json, "[]").is_empty());
    }

    #[test]
    fn what_is_no_list_is_refused_whole() {
        for text in ["", "3", "{}", r#"{"items":3}"#, r#"[{"name":"a""#, r#"[{"name":"a"}"#, r#"{"a":1"#] {
            assert!(all(Format::Json, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_are_read_each_on_its_own() {
        let text = "{\"name\":\"a\"}\r\n\n{\"name\":\n{\"name\":\"811228-9874\"}\n{\"name\":\"b\"}";
        assert_eq!(names(Format::Ndjson, text), ["1 a", "3 malformed-json", "4 personal-identity-number", "5 b"]);
    }

    #[test]
    fn what_is_nested_deeply_is_a_broken_row() {
        let deep = format!("[{}{}]", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(names(Format::Json, &deep), ["1 malformed-json"]);
    }
}

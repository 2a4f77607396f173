//! Objects as JSON, one on each line or all in one array. Each is cut out and read on its own, so that a wrong one stops no
//! other, and a large file is never a tree in memory.

use serde_json::Value;

use super::{Item, Taker, text, unreadable};
use crate::kernel::{Fault, Problem, Result, extract, say};

pub fn lines(bytes: &[u8], take: &mut Taker<'_>) -> Result<()> {
    let bytes = bytes.strip_prefix(text::MARK).unwrap_or(bytes);
    let mut number = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        number += 1;
        if !line.trim_ascii().is_empty() {
            take(object(number, line))?;
        }
    }
    Ok(())
}

pub fn array(bytes: &[u8], take: &mut Taker<'_>) -> Result<()> {
    let bytes = bytes.strip_prefix(text::MARK).unwrap_or(bytes);
    let mut scan = Scan { bytes, at: 0 };
    let no_list = || {
        unreadable(
            "no-list",
            say!(
                "Filen ska vara en JSON-lista av objekt, eller ett objekt med listan i items.",
                "The file must be a JSON array of objects, or an object with the array in items."
            ),
        )
    };
    if scan.next() == Some(b'{') && !scan.enter_items() {
        return Err(no_list());
    }
    if scan.next() != Some(b'[') {
        return Err(no_list());
    }
    scan.at += 1;
    let mut number = 0;
    loop {
        match scan.next() {
            Some(b']') => return Ok(()),
            Some(b',') => scan.at += 1,
            None => return Err(cut_off()),
            Some(_) => {
                number += 1;
                let Some(value) = scan.value() else { return Err(cut_off()) };
                take(object(number, value))?;
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
            vec![Fault::at("", "wrong-type", say!("Varje rad ska vara ett JSON-objekt.", "Each row must be a JSON object."))],
        ),
        Err(problem) if problem.faults.is_empty() => {
            let detail = problem.detail.unwrap_or_else(|| problem.kind.title());
            Item::Broken(number, vec![Fault::at("", "malformed-json", detail)])
        }
        Err(problem) => Item::Broken(number, problem.faults),
    }
}

/// Finds where values begin and end, without reading what is in them.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Past the end of a text that begins here.
    fn pass_text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }

    /// The value that begins here; nothing when the file ends within it.
    fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut depth = 0u32;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => self.pass_text(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.bytes.get(start..self.at)
    }

    /// From the beginning of an object to its member `items`.
    fn enter_items(&mut self) -> bool {
        self.at += 1;
        while self.next() == Some(b'"') {
            let start = self.at;
            self.pass_text();
            let name = self.bytes.get(start..self.at);
            if self.next() != Some(b':') {
                return false;
            }
            self.at += 1;
            self.next();
            if name == Some(b"\"items\"") {
                return true;
            }
            if self.value().is_none() {
                return false;
            }
            if self.next() == Some(b',') {
                self.at += 1;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::imports::formats::{Format, all};

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

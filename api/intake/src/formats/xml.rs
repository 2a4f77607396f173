//! The XML of a workbook's parts, one event at a time. The size of an event and the depth of elements are limited.

use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, Read},
};

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

use super::{MAX_ROW, no_workbook, too_large};
use crate::kernel::Result;

/// The largest size of an event, in bytes: more than the text that fits into a cell.
const MAX_EVENT: usize = MAX_ROW;
/// The largest depth of nested elements.
const MAX_DEPTH: usize = 100;

/// A part that is being parsed.
pub(super) struct Xml<R> {
    reader: Reader<LimitedReader<BufReader<R>>>,
    depth: usize,
    buffer: Vec<u8>,
}

impl<R: Read> Xml<R> {
    pub(super) fn new(part: R) -> Self {
        let mut reader = Reader::from_reader(LimitedReader { source: BufReader::new(part), left: 0 });
        let config = reader.config_mut();
        config.check_end_names = false;
        config.expand_empty_elements = true;
        Self { reader, depth: 0, buffer: Vec::new() }
    }

    /// Returns the next event.
    pub(super) fn next(&mut self) -> Result<Event<'_>> {
        self.buffer.clear();
        self.reader.get_mut().left = MAX_EVENT;
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| match &error {
            quick_xml::Error::Io(io) if io.kind() == io::ErrorKind::FileTooLarge => too_large(),
            _ => no_workbook(&error),
        })?;
        match &event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        // The library keeps the names of all open elements in memory.
        if self.depth > MAX_DEPTH { Err(too_large()) } else { Ok(event) }
    }
}

/// A reader that stops when an event is too large.
struct LimitedReader<R> {
    source: R,
    left: usize,
}

impl<R: BufRead> Read for LimitedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for LimitedReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let bytes = self.source.fill_buf()?;
        Ok(&bytes[..bytes.len().min(self.left)])
    }

    fn consume(&mut self, read: usize) {
        self.left = self.left.saturating_sub(read);
        self.source.consume(read);
    }
}

/// Returns the value of an attribute by its local name, with entities as they are written.
pub(super) fn attribute<'a>(element: &'a BytesStart<'_>, name: &str) -> Option<Cow<'a, str>> {
    let mut all = element.attributes();
    // Checking for duplicate attributes would take quadratic time.
    all.with_checks(false).flatten().find(|attribute| attribute.key.local_name().as_ref() == name).map(|attribute| attribute.value)
}

/// Collects the text of a cell or a shared string from its runs. Phonetic hints are left out.
#[derive(Default)]
pub(super) struct Runs {
    /// The text so far. It is cut off somewhere beyond [`MAX_ROW`].
    pub(super) text: String,
    run: String,
    is_within: bool,
    keeps_blanks: bool,
    is_phonetic: bool,
}

impl Runs {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.run.clear();
        (self.is_within, self.is_phonetic) = (false, false);
    }

    /// Processes an event. Collects the text of runs (`t`), and of values (`v`) if `value` is true.
    pub(super) fn feed(&mut self, event: &Event<'_>, value: bool) -> Result<()> {
        match event {
            Event::Start(element) => match element.local_name().as_ref() {
                "rPh" => self.is_phonetic = true,
                "t" if !self.is_phonetic => {
                    self.is_within = true;
                    self.keeps_blanks = attribute(element, "space").is_some_and(|space| space == "preserve");
                }
                "v" if value => (self.is_within, self.keeps_blanks) = (true, true),
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "rPh" => self.is_phonetic = false,
                "t" | "v" if self.is_within => {
                    self.is_within = false;
                    let run = if self.keeps_blanks { self.run.as_str() } else { self.run.trim_matches([' ', '\t', '\r', '\n']) };
                    self.text.push_str(&unescaped(run));
                    self.run.clear();
                }
                _ => {}
            },
            _ if !self.is_within || self.text.len() + self.run.len() > MAX_ROW => {}
            Event::Text(text) => self.run.push_str(&text.xml10_content()),
            Event::CData(text) => self.run.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => match resolve_xml_entity(name.as_ref()) {
                Some(letter) => self.run.push_str(letter),
                None => match name.resolve_char_ref() {
                    Ok(Some(letter)) => self.run.push(letter),
                    // Entities that the file declares itself are not expanded.
                    _ => return Err(no_workbook(&"an entity of its own")),
                },
            },
            _ => {}
        }
        Ok(())
    }
}

/// Decodes Excel's notation for characters that XML cannot contain: `_x000D_` is a carriage return, and `_x005F_` is an
/// underscore that would otherwise begin such a notation.
fn unescaped(text: &str) -> Cow<'_, str> {
    let unit = |text: &str| {
        let digits = text.get(..7)?.strip_prefix("_x")?.strip_suffix('_')?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("_x") {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut units = Vec::new();
        while let Some(next) = unit(rest).filter(|_| units.len() < 2) {
            units.push(next);
            rest = &rest[7..];
            if !(0xD800..0xDC00).contains(&next) {
                break;
            }
        }
        if units.is_empty() {
            plain.push_str("_x");
            rest = &rest[2..];
        }
        plain.extend(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_have_is_written_out() {
        for (written, meant) in
            [("a_x000D_b", "a\rb"), ("_x005F_x000D_", "_x000D_"), ("_xD83D__xDE00_", "😀"), ("a_x_b_x12", "a_x_b_x12"), ("_xåä", "_xåä")]
        {
            assert_eq!(unescaped(written), meant, "{written}");
        }
    }

    #[test]
    fn what_is_large_or_deep_is_not_read_into_memory() {
        let read = |xml: String| {
            let mut xml = Xml::new(io::Cursor::new(xml));
            loop {
                match xml.next() {
                    Ok(Event::Eof) => return Ok(xml.buffer.capacity()),
                    Ok(_) => {}
                    Err(problem) => return Err(problem.kind),
                }
            }
        };
        let large = "x".repeat(MAX_EVENT + 10);
        for xml in
            [large.clone(), format!("<a b=\"{large}\">"), format!("<!--{large}-->"), format!("<![CDATA[{large}]]>"), "<a>".repeat(200)]
        {
            assert_eq!(read(xml.clone()), Err(crate::kernel::problem::Kind::TooLarge), "{}", &xml[..10]);
        }
        assert!(read("<a><b/>x</a>".repeat(100_000)).unwrap() < 1000);
    }
}

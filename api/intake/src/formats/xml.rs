//! The XML of a workbook's parts, one event at a time. None may be large, and none deep within others, whatever the file is.

use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, Read},
};

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

use super::{MAX_ROW, too_large, workbook::no_workbook};
use crate::kernel::Result;

/// The most bytes of an event: more than the text that fits in a cell.
const MAX_EVENT: usize = MAX_ROW;
/// How deep elements may stand within each other.
const MAX_DEPTH: usize = 100;

/// A part that is being read.
pub(super) struct Xml<R> {
    reader: Reader<Leash<BufReader<R>>>,
    depth: usize,
    buffer: Vec<u8>,
}

impl<R: Read> Xml<R> {
    pub(super) fn new(part: R) -> Self {
        let mut reader = Reader::from_reader(Leash { source: BufReader::new(part), left: 0 });
        let config = reader.config_mut();
        config.check_end_names = false;
        config.expand_empty_elements = true;
        Self { reader, depth: 0, buffer: Vec::new() }
    }

    /// What comes next.
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
        // The library remembers what each is called that has not ended.
        if self.depth > MAX_DEPTH { Err(too_large()) } else { Ok(event) }
    }
}

/// Lets no more be read than one event may have.
struct Leash<R> {
    source: R,
    left: usize,
}

impl<R: BufRead> Read for Leash<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Leash<R> {
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

/// An attribute as it stands there, whatever namespace it is of.
pub(super) fn attribute<'a>(element: &'a BytesStart<'_>, name: &str) -> Option<Cow<'a, str>> {
    let mut all = element.attributes();
    // To look for those that stand twice takes the square of their number.
    all.with_checks(false).flatten().find(|attribute| attribute.key.local_name().as_ref() == name).map(|attribute| attribute.value)
}

/// Gathers the text of a cell or a shared string from its runs. What is said of how to pronounce it is left out.
#[derive(Default)]
pub(super) struct Runs {
    /// The text so far. What is longer than a row may be ends somewhere after that.
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

    /// Takes what an event says: of runs (`t`), and where `value` of a cell's value (`v`) too.
    pub(super) fn see(&mut self, event: &Event<'_>, value: bool) -> Result<()> {
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
                    // Entities of the file's own are not expanded.
                    _ => return Err(no_workbook(&"an entity of its own")),
                },
            },
            _ => {}
        }
        Ok(())
    }
}

/// A text without Excel's own way to write what XML cannot have: `_x000D_` is a carriage return, and `_x005F_` the line that
/// such a thing begins with.
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

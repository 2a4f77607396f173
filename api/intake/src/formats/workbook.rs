//! The structure of a workbook: its parts, its first sheet, its shared strings, and the number formats of its cells. Only
//! data of limited size is kept in memory; a large amount of shared strings is kept on the disk.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
};

use quick_xml::{escape::unescape, events::Event};
use tempfile::SpooledTempFile;
use zip::{ZipArchive, read::ZipFile};

use super::{
    no_workbook, too_large,
    xml::{Runs, Xml, attribute},
};
use crate::kernel::{
    Result,
    disk::{Spool, failed},
};

/// The largest unpacked size of any file, in bytes.
pub(super) const MAX_UNPACKED: u64 = 200 << 20;
/// The unpacked size that every file may have, in bytes.
const MIN_UNPACKED: u64 = 64 << 20;
/// Between these two limits, the largest ratio of the unpacked size to the size of the file.
const MAX_RATIO: u64 = 20;
/// The largest number of parts of a file.
const MAX_PARTS: usize = 2000;
/// The largest number of cell formats, as in Excel itself.
const MAX_FORMATS: usize = 65_536;
/// The largest number of shared strings.
const MAX_STRINGS: usize = 2_000_000;
/// The least size of a cell that refers to a shared string, in bytes: `<c t="s"><v>0</v></c>`.
const SMALLEST_REFERENCE: u64 = 21;
/// The number of bytes of shared strings that are kept in memory. The rest is kept on the disk.
const STRINGS_IN_MEMORY: usize = 8 << 20;

/// A sheet: its XML, the meanings of the cell formats, and the shared strings.
type Sheet<'b, 'a> = (Xml<ZipFile<'b, BufReader<&'a File>>>, &'b [Meaning], &'b mut Strings);

/// A workbook.
pub(super) struct Book<'a> {
    archive: ZipArchive<BufReader<&'a File>>,
    /// The indexes of the parts in the archive, by name in lower case.
    parts: HashMap<String, usize>,
    /// The name of the part of the first sheet.
    sheet: String,
    /// Whether days are counted from 1904 and not from 1900.
    pub(super) from_1904: bool,
    /// The meanings of numbers, by cell format.
    formats: Vec<Meaning>,
    strings: Strings,
    /// The unpacked size of all parts, in bytes.
    unpacked: u64,
}

/// The meaning of a number in a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The number itself.
    #[default]
    Number,
    /// A day, or a day with a time.
    Moment,
    /// Digits that are shown in a pattern, such as `0000` or `000000-0000`.
    Digits(String),
    /// A share that is shown in percent: 0.5 is `50%`.
    Percent,
}

impl<'a> Book<'a> {
    /// Opens a workbook. First all of it is unpacked without storing it, to find out its real size; the sizes that the
    /// file states are not trusted.
    pub(super) fn open(file: &'a File, spool: &Spool) -> Result<Self> {
        let size = file.metadata().map_err(failed)?.len();
        if entries(file)? > MAX_PARTS {
            return Err(too_large());
        }
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| no_workbook(&error))?;
        let limit = size.saturating_mul(MAX_RATIO).clamp(MIN_UNPACKED, MAX_UNPACKED);
        let mut parts = HashMap::new();
        let mut unpacked = 0;
        for at in 0..archive.len() {
            let mut part = archive.by_index(at).map_err(|error| no_workbook(&error))?;
            let name = part.name().map_err(|error| no_workbook(&error))?.to_lowercase();
            parts.insert(name.trim_start_matches('/').replace('\\', "/"), at);
            unpacked +=
                std::io::copy(&mut (&mut part).take(limit + 1 - unpacked), &mut std::io::sink()).map_err(|error| no_workbook(&error))?;
            if unpacked > limit {
                return Err(too_large());
            }
        }
        let strings = Strings::new(spool, limit);
        let mut book = Self { archive, parts, sheet: String::new(), from_1904: false, formats: Vec::new(), strings, unpacked };
        book.read_parts()?;
        Ok(book)
    }

    /// Reads the parts that are needed.
    fn read_parts(&mut self) -> Result<()> {
        let mut workbook = None;
        self.relations("_rels/.rels", |_, kind, target| {
            if kind.ends_with("/officeDocument") {
                workbook = Some(target);
            }
        })?;
        let workbook = workbook.ok_or_else(|| no_workbook(&"no workbook in it"))?.trim_start_matches('/').to_owned();
        let sheets = self.sheets(&workbook)?;
        let (folder, name) = workbook.rsplit_once('/').map_or(("", workbook.as_str()), |(folder, name)| (folder, name));
        let below = |path: &str| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        let at = |target: String| target.strip_prefix('/').map_or_else(|| below(&target), ToOwned::to_owned);
        let (mut found, mut strings, mut styles) = (HashMap::new(), below("sharedStrings.xml"), below("styles.xml"));
        self.relations(&below(&format!("_rels/{name}.rels")), |id, kind, target| {
            if kind.ends_with("/worksheet") {
                found.insert(id.to_owned(), at(target));
            } else if kind.ends_with("/sharedStrings") {
                strings = at(target);
            } else if kind.ends_with("/styles") {
                styles = at(target);
            }
        })?;
        // A chart sheet has no cells.
        self.sheet = sheets.iter().find_map(|id| found.remove(id)).ok_or_else(|| no_workbook(&"no sheet"))?;
        self.read_formats(&styles)?;
        self.read_strings(&strings)
    }

    /// Returns a part; `None` when there is no part of this name.
    fn part(&mut self, name: &str) -> Result<Option<ZipFile<'_, BufReader<&'a File>>>> {
        match self.parts.get(&name.to_lowercase()) {
            Some(at) => self.archive.by_index(*at).map(Some).map_err(|error| no_workbook(&error)),
            None => Ok(None),
        }
    }

    /// Reads the relations of a part, and passes the id, type and target of each to `see`.
    fn relations(&mut self, name: &str, mut see: impl FnMut(&str, &str, String)) -> Result<()> {
        let Some(part) = self.part(name)? else { return Err(no_workbook(&name)) };
        let mut xml = Xml::new(part);
        loop {
            match xml.next()? {
                Event::Start(element) if element.local_name().as_ref() == "Relationship" => {
                    let of = |name| attribute(&element, name).unwrap_or_default();
                    let target = of("Target");
                    let target = unescape(&target).map_err(|error| no_workbook(&error))?;
                    see(&of("Id"), &of("Type"), target.into_owned());
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    /// Returns the relation ids of the sheets: the visible ones first, then the hidden ones. Also reads whether days are
    /// counted from 1904.
    fn sheets(&mut self, workbook: &str) -> Result<Vec<String>> {
        let Some(part) = self.part(workbook)? else { return Err(no_workbook(&workbook)) };
        let mut xml = Xml::new(part);
        let mut from_1904 = false;
        let (mut seen, mut hidden) = (Vec::new(), Vec::new());
        loop {
            match xml.next()? {
                Event::Start(element) => match element.local_name().as_ref() {
                    "workbookPr" => from_1904 |= attribute(&element, "date1904").is_some_and(|value| matches!(&*value, "1" | "true")),
                    "sheet" if seen.len() + hidden.len() < MAX_PARTS => {
                        let is_hidden = attribute(&element, "state").is_some_and(|state| state != "visible");
                        let id = attribute(&element, "id").unwrap_or_default().into_owned();
                        if is_hidden { &mut hidden } else { &mut seen }.push(id);
                    }
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        drop(xml);
        self.from_1904 = from_1904;
        seen.extend(hidden);
        Ok(seen)
    }

    /// Reads the meanings of the cell formats.
    fn read_formats(&mut self, name: &str) -> Result<()> {
        let Some(part) = self.part(name)? else { return Ok(()) };
        let mut xml = Xml::new(part);
        let (mut own, mut formats, mut within) = (HashMap::new(), Vec::new(), false);
        loop {
            match xml.next()? {
                Event::Start(element) => match element.local_name().as_ref() {
                    "numFmt" if own.len() < MAX_FORMATS => {
                        let code = attribute(&element, "formatCode").unwrap_or_default();
                        let code = unescape(&code).map_err(|error| no_workbook(&error))?;
                        if let Some(id) = number(attribute(&element, "numFmtId").as_deref()) {
                            own.insert(id, meaning(&code));
                        }
                    }
                    "cellXfs" => within = true,
                    "xf" if within && formats.len() < MAX_FORMATS => {
                        let id = number(attribute(&element, "numFmtId").as_deref()).unwrap_or_default();
                        formats.push(own.get(&id).cloned().unwrap_or_else(|| built_in(id)));
                    }
                    _ => {}
                },
                Event::End(element) if element.local_name().as_ref() == "cellXfs" => break,
                Event::Eof => break,
                _ => {}
            }
        }
        drop(xml);
        self.formats = formats;
        Ok(())
    }

    /// Reads the shared strings.
    fn read_strings(&mut self, name: &str) -> Result<()> {
        let mut strings = std::mem::take(&mut self.strings.ends);
        let mut blob = BufWriter::new(std::mem::replace(&mut self.strings.blob, SpooledTempFile::new(0)));
        if let Some(part) = self.part(name)? {
            let mut xml = Xml::new(part);
            let mut runs = Runs::default();
            let mut written = 0u32;
            loop {
                let event = xml.next()?;
                match &event {
                    Event::Start(element) if element.local_name().as_ref() == "si" => runs.clear(),
                    Event::End(element) if element.local_name().as_ref() == "si" => {
                        if strings.len() == MAX_STRINGS {
                            return Err(too_large());
                        }
                        blob.write_all(runs.text.as_bytes()).map_err(failed)?;
                        written = written.saturating_add(u32::try_from(runs.text.len()).unwrap_or(u32::MAX));
                        strings.push(written);
                        runs.clear();
                    }
                    Event::Eof => break,
                    event => runs.feed(event, false)?,
                }
            }
        }
        self.strings.blob = blob.into_inner().map_err(|error| failed(error.into_error()))?;
        self.strings.ends = strings;
        Ok(())
    }

    /// Returns the first sheet, with the formats and strings that its cells refer to.
    pub(super) fn first(&mut self) -> Result<Sheet<'_, 'a>> {
        let at = *self.parts.get(&self.sheet.to_lowercase()).ok_or_else(|| no_workbook(&"no sheet"))?;
        let part = self.archive.by_index(at).map_err(|error| no_workbook(&error))?;
        Ok((Xml::new(part), &self.formats, &mut self.strings))
    }

    /// Whether the cells could refer to more bytes of shared strings than the limit. Only then is it worth while to count
    /// the references before reading.
    pub(super) fn may_swell(&self) -> bool {
        self.strings.longest().saturating_mul(self.unpacked / SMALLEST_REFERENCE) > self.strings.left
    }
}

/// The shared strings of a workbook.
pub(super) struct Strings {
    /// All strings, one after the other.
    blob: SpooledTempFile,
    /// The position in `blob` where each string ends.
    ends: Vec<u32>,
    /// The number of bytes that may still be read. A few strings with many references would also make a file swell.
    left: u64,
}

impl Strings {
    fn new(spool: &Spool, limit: u64) -> Self {
        let blob = match &spool.folder {
            Some(folder) => tempfile::spooled_tempfile_in(STRINGS_IN_MEMORY, folder),
            None => tempfile::spooled_tempfile(STRINGS_IN_MEMORY),
        };
        Self { blob, ends: Vec::new(), left: limit }
    }

    /// The length of a string in bytes, by its index; 0 when there is none.
    pub(super) fn length(&self, at: usize) -> u64 {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.ends.get(at).map_or(0, |end| end.saturating_sub(start)).into()
    }

    /// The number of bytes that may still be read.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    fn longest(&self) -> u64 {
        (0..self.ends.len()).map(|at| self.length(at)).max().unwrap_or_default()
    }

    /// Returns a string by its index.
    pub(super) fn get(&mut self, at: usize) -> Result<String> {
        let end = *self.ends.get(at).ok_or_else(|| no_workbook(&"a text that is not there"))?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let length = end.saturating_sub(start);
        self.left = self.left.checked_sub(u64::from(length)).ok_or_else(too_large)?;
        let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
        self.blob.seek(SeekFrom::Start(start.into())).and_then(|_| self.blob.read_exact(&mut text)).map_err(failed)?;
        String::from_utf8(text).map_err(|error| no_workbook(&error))
    }
}

/// Returns the largest possible number of parts, by counting the signatures of the central directory. The archive's own
/// number is not trusted, because the library allocates memory for as many entries as it states.
fn entries(file: &File) -> Result<usize> {
    const MARK: &[u8] = b"PK\x01\x02";
    (&*file).seek(SeekFrom::Start(0)).map_err(failed)?;
    let (mut file, mut found, mut held) = (file, 0, 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer[held..]).map_err(failed)?;
        if read == 0 {
            break;
        }
        let filled = held + read;
        found += buffer[..filled].windows(MARK.len()).filter(|bytes| *bytes == MARK).count();
        held = filled.min(MARK.len() - 1);
        buffer.copy_within(filled - held..filled, 0);
    }
    Ok(found)
}

/// Parses an attribute that is a whole number.
pub(super) fn number(text: Option<&str>) -> Option<u32> {
    text?.trim().parse().ok()
}

/// Returns the meaning of numbers in a built-in format, by its id.
const fn built_in(id: u32) -> Meaning {
    match id {
        9 | 10 => Meaning::Percent,
        14..=22 | 27..=36 | 45 | 47 | 50..=58 => Meaning::Moment,
        _ => Meaning::Number,
    }
}

/// Returns the meaning of numbers in a format. It is a day or a time if the format contains a letter for one outside
/// quotation marks and escapes. A duration (`[h]:mm`) is not a day.
fn meaning(code: &str) -> Meaning {
    let mut letters = code.chars();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            _ if quoted => {}
            ';' => break,
            '\\' | '_' | '*' => drop(letters.next()),
            '[' => {
                let within: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                if !within.is_empty() && within.chars().all(|letter| matches!(letter.to_ascii_lowercase(), 'h' | 'm' | 's')) {
                    break;
                }
            }
            '%' => return Meaning::Percent,
            letter if matches!(letter.to_ascii_lowercase(), 'd' | 'm' | 'h' | 'y' | 's') => return Meaning::Moment,
            _ => {}
        }
    }
    digits(code).map_or(Meaning::Number, Meaning::Digits)
}

/// Returns the pattern of a format that shows digits or signs which the number alone does not have: leading zeros, or
/// signs between digits.
fn digits(code: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ';' => break,
            '"' => pattern.extend(letters.by_ref().take_while(|letter| *letter != '"')),
            '\\' => pattern.extend(letters.next()),
            '[' => letters.by_ref().take_while(|letter| *letter != ']').for_each(drop),
            '0' | '#' | '-' | ' ' => pattern.push(letter),
            _ => return None,
        }
    }
    let zeros = pattern.matches('0').count();
    let is_plain = pattern.chars().all(|sign| matches!(sign, '0' | '#' | '-' | ' ' | '\u{A0}'));
    (is_plain && zeros >= 2 && pattern.len() <= 40).then_some(pattern)
}

/// Writes a whole number in a pattern.
pub(super) fn format_digits(number: f64, pattern: &str) -> Option<String> {
    if !(0.0..1e15).contains(&number) || number.fract() != 0.0 {
        return None;
    }
    let digits = format!("{number:.0}");
    let mut left = digits.chars().rev().peekable();
    let mut places = pattern.chars().filter(|sign| matches!(sign, '0' | '#')).count();
    let mut backwards = String::new();
    for sign in pattern.chars().rev() {
        if !matches!(sign, '0' | '#') {
            backwards.push(sign);
            continue;
        }
        places -= 1;
        backwards.extend(left.next().or((sign == '0').then_some('0')));
        if places == 0 {
            // A number with more digits than the pattern is shown whole.
            backwards.extend(left.by_ref());
        }
    }
    Some(backwards.chars().rev().collect::<String>().trim_start_matches(['-', ' ']).to_owned())
}

/// Writes a share in percent, with up to ten decimals. Further decimals are rounding errors of binary fractions.
pub(super) fn percent(number: f64) -> String {
    let shown = format!("{:.10}", number * 100.0);
    format!("{}%", shown.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_days_are_known() {
        for code in ["yyyy-mm-dd", "DD/MM/YY", "H:MM:SS;@", "[$-41D]d mmmm yyyy", "\"den \"d mmm", "[Red]yyyy", "h:mm AM/PM"] {
            assert_eq!(meaning(code), Meaning::Moment, "{code}");
        }
        assert_eq!(["0%", "0.00 %", "[Red]0,0%"].map(meaning), [const { Meaning::Percent }; 3]);
        assert_eq!([0.125, 0.07, 1.0, -0.003].map(percent), ["12.5%", "7%", "100%", "-0.3%"]);
        for code in ["0000", "000000-0000", "00\\ 00", "000000\"-\"0000"] {
            assert!(matches!(meaning(code), Meaning::Digits(_)), "{code}");
        }
        let of = |number, code| format_digits(number, &digits(code).unwrap_or_default());
        assert_eq!(of(127.0, "0000").as_deref(), Some("0127"));
        assert_eq!(of(2_120_001_439.0, "000000\\-0000").as_deref(), Some("212000-1439"));
        assert_eq!((of(12_345.0, "0000").as_deref(), of(1.5, "0000")), (Some("12345"), None));
        for code in
            ["0", "# ##0", "0.00", "General", "#,##0\\ [$\\u20bd-46D]", "0\" dagar\"", "[h]:mm", "[mm]:ss", "0\\d", "_d0", "@", "[Red]0"]
        {
            assert_eq!(meaning(code), Meaning::Number, "{code}");
        }
    }
}

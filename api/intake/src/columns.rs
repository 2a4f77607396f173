//! Columns of tables: the member's name in the API, the Swedish heading, other names that people use in their own files,
//! and the way its cells are read. Each target has its own dictionary. Imports and exports share it, so that an exported
//! file can be imported again.

use crate::kernel::text;

/// Codes, each with the words that people write for it. The first word is the Swedish one.
pub type Words = &'static [(&'static str, &'static [&'static str])];

/// The form of a member in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// A text of digits, which a spreadsheet may have turned into one large number.
    Digits,
    /// A code, or the Swedish or English word for it.
    Word(Words),
    /// Texts separated by `|`. Within a text, `|` is written `\|` and `\` is written `\\`.
    List,
    /// A list of objects, as JSON.
    Objects,
    /// A day, `2026-03-31`. A year alone means its first day.
    Day,
    /// A day on which a period ends. A year alone means its last day.
    LastDay,
    /// A whole number.
    Whole,
    /// Known but not read, because the service sets the value itself.
    ReadOnly,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// The member's name in the API.
    pub member: &'static str,
    /// The heading in Swedish.
    pub swedish: &'static str,
    /// The form of the member in a cell.
    pub shape: Shape,
    /// Other names, in lower case and with letters and digits only.
    pub also: &'static [&'static str],
}

/// Makes a column.
#[must_use]
pub const fn column(member: &'static str, swedish: &'static str, shape: Shape, also: &'static [&'static str]) -> Column {
    Column { member, swedish, shape, also }
}

/// The dictionary of a target: every column that its files may have. The names of a column are ordered: member, Swedish
/// heading, other names. If a file has several columns for one member, the name that comes first is preferred.
#[derive(Debug)]
pub struct Columns(pub &'static [Column]);

impl Columns {
    /// Returns the column that a heading means, and the rank of the heading among the names of that column; a lower rank
    /// is better.
    #[must_use]
    pub fn find_by_heading(&self, heading: &str) -> Option<(&'static Column, usize)> {
        if heading.len() > LONGEST {
            return None;
        }
        let heading = plain(heading);
        self.0.iter().find_map(|column| {
            let own = [plain(column.member), plain(column.swedish)];
            let mut names = own.iter().map(String::as_str).chain(column.also.iter().copied());
            names.position(|name| name == heading).map(|place| (column, place))
        })
    }

    /// Returns the column of a member.
    #[must_use]
    pub fn find_by_member(&self, member: &str) -> Option<&'static Column> {
        self.0.iter().find(|column| column.member == member)
    }

    /// Returns the columns that a caller may give. The service sets the others itself.
    pub fn read(&self) -> impl Iterator<Item = &'static Column> + Clone {
        self.0.iter().filter(|column| column.shape != Shape::ReadOnly)
    }

    /// Returns the known heading most similar to an unknown one, if it is similar enough.
    #[must_use]
    pub fn nearest(&self, heading: &str) -> Option<&'static str> {
        if heading.len() > LONGEST {
            return None;
        }
        let heading = plain(heading);
        let names = self.read().flat_map(|column| {
            let own = [column.swedish, column.member].map(|name| (plain(name), name));
            // Of the other names, short ones are similar to too many words.
            let also =
                column.also.iter().filter(|name| name.chars().count() >= LONG_ENOUGH).map(|name| ((*name).to_owned(), column.swedish));
            also.chain(own)
        });
        // This measure counts omitted, added and swapped letters. A common beginning is not enough, since such words
        // often differ in meaning.
        let length = heading.chars().count();
        let edits = names.map(|(name, shown)| (strsim::damerau_levenshtein(&heading, &name), length.max(name.chars().count()), shown));
        // At most one letter in four differs. The fewest in proportion win, and of equals the last, which are a column's own names.
        let near = edits.filter(|(edits, length, _)| 4 * edits <= *length);
        near.max_by(|one, other| (other.0 * one.1).cmp(&(one.0 * other.1))).map(|(.., name)| name)
    }
}

/// Returns the letters by which spreadsheets call a column (`A`, `Z`, `AA`); `at` counts from 0.
#[must_use]
pub fn spreadsheet_letters(at: usize) -> String {
    let last = char::from(b'A' + u8::try_from(at % 26).unwrap_or_default());
    if at < 26 { last.to_string() } else { format!("{}{last}", spreadsheet_letters(at / 26 - 1)) }
}

/// Whether a cell holds an error that a spreadsheet shows in place of a value (`#SAKNAS!`, `#N/A`, `####`), in any
/// language.
#[must_use]
pub fn is_formula_error(cell: &str) -> bool {
    let Some(word) = cell.trim().strip_prefix('#') else { return false };
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_uppercase() || letter.is_ascii_digit() || matches!(letter, '/' | '_'))
    };
    matches!(word, "N/A" | "SAKNAS" | "GETTING_DATA")
        || word.strip_suffix(['!', '?']).is_some_and(is_word)
        || (word.len() >= 2 && word.bytes().all(|sign| sign == b'#'))
}

/// Returns a heading without differences in spelling: case, blanks, hyphens, full stops.
#[must_use]
pub fn plain(heading: &str) -> String {
    text::fold(heading).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// The largest length of a heading that is looked up, in bytes.
const LONGEST: usize = 400;

/// The least length of an `also` name that is compared by similarity, in letters.
const LONG_ENOUGH: usize = 6;

/// Returns the code that a word stands for; `None` when it is unknown.
#[must_use]
pub fn code(words: Words, written: &str) -> Option<&'static str> {
    // Most files contain the codes themselves, and so do all exports.
    if let Some((code, _)) = words.iter().find(|(code, _)| *code == written) {
        return Some(code);
    }
    let folded = text::fold(written.trim());
    let is = |code: &str| text::fold(code) == folded || code.replace('_', " ") == folded;
    words.iter().find(|(code, also)| is(code) || also.iter().any(|word| text::fold(word) == folded)).map(|(code, _)| *code)
}

/// Writes a list as the content of one cell.
#[must_use]
pub fn join_list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|item| item.replace('\\', "\\\\").replace('|', "\\|")).collect::<Vec<_>>().join("|")
}

/// Reads the items of a list in a cell; the inverse of [`join_list`].
#[must_use]
pub fn split_list(cell: &str) -> Vec<String> {
    if cell.is_empty() {
        return Vec::new();
    }
    let mut items = vec![String::new()];
    let mut letters = cell.chars();
    while let Some(letter) = letters.next() {
        let written = match letter {
            '|' => {
                items.push(String::new());
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(item) = items.last_mut() {
            item.push(written);
        }
    }
    items
}

/// Whether a spreadsheet would take a text for a formula, either as it is or without the apostrophes before it.
#[must_use]
pub fn is_like_a_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_spreadsheet_shows_for_no_value_is_known() {
        assert!(["#SAKNAS!", "#N/A", " #REF! ", "#VÄRDEFEL!", "#DIV/0!", "#NAMN?", "#####"].iter().all(|cell| is_formula_error(cell)));
        assert!(["#", "#1", "#metoo", "#Jämlikhet!", "C#", "A#N/A", "##"].iter().all(|cell| !is_formula_error(cell)));
        assert_eq!([0, 25, 26, 701, 702].map(spreadsheet_letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }

    proptest! {
        #[test]
        fn lists_come_back_as_they_were(items in prop::collection::vec("[a-c|\\\\ ]{1,6}", 0..5)) {
            prop_assert_eq!(split_list(&join_list(items.iter().map(String::as_str))), items);
        }
    }
}

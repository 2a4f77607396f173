//! Columns of tables: what each is called in the API, how it is written above a column in Swedish, what people call it in their
//! own files, and how its cells are read. Each target has a dictionary of its own; imports and exports share it, so that what is
//! exported can be read again.

use crate::kernel::text;

/// Codes, each with the words that people write for it; the first is the Swedish one.
pub type Words = &'static [(&'static str, &'static [&'static str])];

/// How a member stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text, as it is.
    Text,
    /// A text of digits, which a spreadsheet may have taken for one large number.
    Digits,
    /// A code, or the Swedish or English word for it.
    Word(Words),
    /// Texts with `|` between; a `|` within a text is `\|` and a `\` is `\\`.
    List,
    /// A list of objects, as JSON.
    Objects,
    /// A day, `2026-03-31`; of a year alone its first.
    Day,
    /// The same where something ends: of a year alone its last.
    LastDay,
    /// A whole number.
    Whole,
    /// Known, and not read: the service sets it itself.
    Ours,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// The member's name in the API.
    pub member: &'static str,
    /// The heading in Swedish.
    pub swedish: &'static str,
    /// How it stands in a cell.
    pub shape: Shape,
    /// What else it is called, in lower case without anything but letters and digits.
    pub also: &'static [&'static str],
}

/// A column of a dictionary.
#[must_use]
pub const fn column(member: &'static str, swedish: &'static str, shape: Shape, also: &'static [&'static str]) -> Column {
    Column { member, swedish, shape, also }
}

/// Every column that files of a kind of record may have. Where a file has several for one member, the name that stands first
/// here is the better one.
#[derive(Debug)]
pub struct Columns(pub &'static [Column]);

impl Columns {
    /// The column that a heading means, and how good a name it is for it: the lower the better.
    #[must_use]
    pub fn named(&self, heading: &str) -> Option<(&'static Column, usize)> {
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

    /// The column of a member.
    #[must_use]
    pub fn of_member(&self, member: &str) -> Option<&'static Column> {
        self.0.iter().find(|column| column.member == member)
    }

    /// The columns that a caller may name; the service sets the others itself.
    pub fn read(&self) -> impl Iterator<Item = &'static Column> + Clone {
        self.0.iter().filter(|column| column.shape != Shape::Ours)
    }

    /// The known heading nearest to one that is not known, when near enough to be what was meant.
    #[must_use]
    pub fn nearest(&self, heading: &str) -> Option<&'static str> {
        if heading.len() > LONGEST {
            return None;
        }
        let heading = plain(heading);
        let names = self.read().flat_map(|column| {
            let own = [column.swedish, column.member].map(|name| (plain(name), name));
            // Of what people write else, short words are near too much.
            let also =
                column.also.iter().filter(|name| name.chars().count() >= LONG_ENOUGH).map(|name| ((*name).to_owned(), column.swedish));
            also.chain(own)
        });
        // Letters left out, added or swapped: words that only begin alike mean something else.
        let likeness = names.map(|(name, shown)| (strsim::normalized_damerau_levenshtein(&heading, &name), shown));
        likeness.filter(|(likeness, _)| *likeness >= 0.75).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
    }
}

/// What a spreadsheet calls a column, by its place from 0.
#[must_use]
pub fn letters(at: usize) -> String {
    let last = char::from(b'A' + u8::try_from(at % 26).unwrap_or_default());
    if at < 26 { last.to_string() } else { format!("{}{last}", letters(at / 26 - 1)) }
}

/// Whether a cell is what a spreadsheet shows in place of a value (`#SAKNAS!`, `#N/A`, `####`), whatever its language.
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

/// A heading without what people write differently: case, blanks, hyphens, points.
#[must_use]
pub fn plain(heading: &str) -> String {
    text::fold(heading).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// The most bytes of a heading that may mean something.
const LONGEST: usize = 400;

/// How many letters another name of a column has at the least that a heading may be near.
const LONG_ENOUGH: usize = 6;

/// The code that a word stands for; nothing when it is none of them.
#[must_use]
pub fn code(words: Words, written: &str) -> Option<&'static str> {
    // Most files have the codes as they are, and so do all of ours.
    if let Some((code, _)) = words.iter().find(|(code, _)| *code == written) {
        return Some(code);
    }
    let folded = text::fold(written.trim());
    let is = |code: &str| text::fold(code) == folded || code.replace('_', " ") == folded;
    words.iter().find(|(code, also)| is(code) || also.iter().any(|word| text::fold(word) == folded)).map(|(code, _)| *code)
}

/// A list as it stands in a cell.
#[must_use]
pub fn joined<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|item| item.replace('\\', "\\\\").replace('|', "\\|")).collect::<Vec<_>>().join("|")
}

/// The items of a list in a cell; the inverse of [`joined`].
#[must_use]
pub fn split(cell: &str) -> Vec<String> {
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

/// Whether a spreadsheet would take a text for a formula, or might once an apostrophe before it is taken away.
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
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }

    proptest! {
        #[test]
        fn lists_come_back_as_they_were(items in prop::collection::vec("[a-c|\\\\ ]{1,6}", 0..5)) {
            prop_assert_eq!(split(&joined(items.iter().map(String::as_str))), items);
        }
    }
}

//! Checks the text around digits: whether the digits are a number of their own, or part of something longer.

use std::ops::Range;

use super::{Group, begins_with_date, digit, digits, luhn};

/// A text, with a cache of the word around the last checked digits. One word can contain many numbers and is examined only once.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    text: &'a str,
    /// The last examined run of letters and digits, and whether it is a digest.
    run: (Range<usize>, bool),
    /// The last examined word between blanks, and where the scheme of a web address ends in it.
    word: (Range<usize>, Option<usize>),
}

impl<'a> Surroundings<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, run: (0..0, false), word: (0..0, None) }
    }

    /// Returns the byte range of the number that the groups form together, if they form one.
    pub(super) fn find_number(&mut self, groups: &[Group]) -> Option<Range<usize>> {
        let (start, end) = (groups.first()?.place.start, groups.last()?.place.end);
        if !matches!(groups.iter().map(|group| group.digits).fold(0, u32::saturating_add), 10 | 12) {
            return None;
        }
        let all = digits(self.text, groups);
        // The serial number after the date is never 000.
        let has_serial = &all[all.len() - 4..all.len() - 1] != "000";
        let found = has_serial && begins_with_date(&all) && luhn(&all[all.len() - 10..]) && self.stands_alone(start, end, groups.len() > 1);
        found.then_some(start..end)
    }

    /// Whether the digits are not part of something longer. `separated` says that something visible stands between them.
    fn stands_alone(&mut self, start: usize, end: usize, separated: bool) -> bool {
        let text = self.text;
        let (before, after) = (text[..start].chars().next_back(), text[end..].chars().next());
        let is_digit = |sign: Option<char>| sign.is_some_and(|sign| digit(sign).is_some());
        if is_digit(before) || is_digit(after) || (!separated && self.in_hexadecimal(start, end)) {
            return false;
        }
        // Counts the digits beyond the next character. Counts above twelve need no distinction.
        let digits_beyond =
            |signs: &mut dyn Iterator<Item = char>| signs.skip(1).take_while(|sign| digit(*sign).is_some()).take(13).count();
        let (behind, ahead) = (digits_beyond(&mut text[..start].chars().rev()), digits_beyond(&mut text[end..].chars()));
        // A part of a longer number with hyphens, such as an ISBN.
        if (before == Some('-') && behind > 0) || (after == Some('-') && ahead > 0) {
            return false;
        }
        if !separated {
            let point = |sign: Option<char>| matches!(sign, Some('.' | ','));
            // A decimal number. A list of personal numbers also has commas, but then as many digits as a number beyond them.
            let decimal = (point(before) && !matches!(behind, 0 | 4 | 10 | 12)) || (point(after) && !matches!(ahead, 0 | 6 | 8 | 10 | 12));
            if decimal || before == Some('+') {
                return false;
            }
        }
        !in_uuid(text.as_bytes(), start, end) && !self.in_address(start, end, separated)
    }

    /// Whether the range lies within a word of at least sixteen hexadecimal digits, with letters among them, such as a digest. Other
    /// letters next to a number do not make it something else.
    fn in_hexadecimal(&mut self, start: usize, end: usize) -> bool {
        if !self.run.0.contains(&start) {
            let place = around(self.text, start, |sign| !sign.is_alphanumeric());
            let word = &self.text[place.clone()];
            let digest = word.len() >= 16
                && word.bytes().all(|byte| byte.is_ascii_hexdigit())
                && word.bytes().any(|byte| byte.is_ascii_alphabetic());
            self.run = (place, digest);
        }
        // A word that something invisible divides is no digest.
        self.run.1 && end <= self.run.0.end
    }

    /// Whether the digits are part of a web address. Separated digits are so only when they are part of a longer slug.
    fn in_address(&mut self, start: usize, end: usize, separated: bool) -> bool {
        if !self.word.0.contains(&start) {
            let place = around(self.text, start, |sign| sign.is_whitespace() || "<>\"()".contains(sign));
            let scheme = self.text[place.clone()].find("://").map(|at| place.start + at + 3);
            self.word = (place, scheme);
        }
        let (place, scheme) = &self.word;
        if scheme.is_none_or(|scheme| scheme > start) {
            return false;
        }
        let part_of_slug = |sign: Option<char>| matches!(sign, Some('-' | '_' | '.' | '~' | '%'));
        !separated || part_of_slug(self.text[place.start..start].chars().next_back()) || part_of_slug(self.text[end..].chars().next())
    }
}

/// Returns the byte range around `position` up to the nearest characters on both sides for which `ends` is true.
fn around(text: &str, position: usize, ends: impl Fn(char) -> bool) -> Range<usize> {
    let start = text[..position].char_indices().rev().find(|(_, sign)| ends(*sign)).map_or(0, |(before, sign)| before + sign.len_utf8());
    let end = text[position..].find(&ends).map_or(text.len(), |length| position + length);
    start..end
}

/// Whether the range lies within a UUID.
fn in_uuid(bytes: &[u8], start: usize, end: usize) -> bool {
    (end.saturating_sub(36)..=start).filter_map(|from| bytes.get(from..from + 36)).any(|window| {
        window.iter().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
    })
}

//! What stands around digits, and whether it makes them part of something else than a number of their own.

use std::ops::Range;

use super::{Group, digit, digits, is_a_day, luhn};

/// A text, and what is known of the words of the place that was last looked at: many numbers may stand in one word, and it is
/// looked through once.
#[derive(Debug)]
pub(super) struct Words<'a> {
    text: &'a str,
    /// Letters and digits, and whether they are a digest.
    run: (Range<usize>, bool),
    /// What stands between blanks, and where the scheme of a web address ends in it.
    word: (Range<usize>, Option<usize>),
}

impl<'a> Words<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, run: (0..0, false), word: (0..0, None) }
    }

    /// The place of the number that groups make together, if they make one.
    pub(super) fn number(&mut self, groups: &[Group]) -> Option<Range<usize>> {
        let (start, end) = (groups.first()?.place.start, groups.last()?.place.end);
        if !matches!(groups.iter().map(|group| group.digits).fold(0, u32::saturating_add), 10 | 12) {
            return None;
        }
        let all = digits(self.text, groups);
        // Birth numbers begin with 001.
        let is_born = &all[all.len() - 4..all.len() - 1] != "000";
        let found = is_born && is_a_day(&all) && luhn(&all[all.len() - 10..]) && self.stands_alone(start, end, groups.len() > 1);
        found.then_some(start..end)
    }

    /// Whether what stands around the digits leaves them a number of their own.
    fn stands_alone(&mut self, start: usize, end: usize, separated: bool) -> bool {
        let text = self.text;
        let (before, after) = (text[..start].chars().next_back(), text[end..].chars().next());
        let is_digit = |sign: Option<char>| sign.is_some_and(|sign| digit(sign).is_some());
        if is_digit(before) || is_digit(after) || (!separated && self.in_hexadecimal(start, end)) {
            return false;
        }
        // More than twelve are all alike.
        let run = |signs: &mut dyn Iterator<Item = char>| signs.skip(1).take_while(|sign| digit(*sign).is_some()).take(13).count();
        let (behind, ahead) = (run(&mut text[..start].chars().rev()), run(&mut text[end..].chars()));
        // A part of a longer number with hyphens, such as an ISBN.
        if (before == Some('-') && behind > 0) || (after == Some('-') && ahead > 0) {
            return false;
        }
        if !separated {
            let point = |sign: Option<char>| matches!(sign, Some('.' | ','));
            // A decimal number; but a list of such numbers has commas too.
            let decimal = (point(before) && !matches!(behind, 0 | 4 | 10 | 12)) || (point(after) && !matches!(ahead, 0 | 6 | 8 | 10 | 12));
            if decimal || before == Some('+') {
                return false;
            }
        }
        !in_uuid(text.as_bytes(), start, end) && !self.in_address(start, end, separated)
    }

    /// Whether the place lies within a word of sixteen hexadecimal digits or more, letters among them, such as a digest. Any other
    /// letters beside a number do not make it something else.
    fn in_hexadecimal(&mut self, start: usize, end: usize) -> bool {
        if !self.run.0.contains(&start) {
            let place = around(self.text, start, |sign| !sign.is_alphanumeric());
            let word = &self.text[place.clone()];
            let digest = word.len() >= 16
                && word.bytes().all(|byte| byte.is_ascii_hexdigit())
                && word.bytes().any(|byte| byte.is_ascii_alphabetic());
            self.run = (place, digest);
        }
        // What is parted within by something invisible is no such word.
        self.run.1 && end <= self.run.0.end
    }

    /// Whether the digits are the opaque part of a web address. With a hyphen, and as a part of their own, they are not.
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

/// The piece of a text around a place that has no sign of some kind in it.
fn around(text: &str, at: usize, parts: impl Fn(char) -> bool) -> Range<usize> {
    let start = text[..at].char_indices().rev().find(|(_, sign)| parts(*sign)).map_or(0, |(before, sign)| before + sign.len_utf8());
    let end = text[at..].find(&parts).map_or(text.len(), |length| at + length);
    start..end
}

/// Whether the place lies within a UUID.
fn in_uuid(bytes: &[u8], start: usize, end: usize) -> bool {
    (end.saturating_sub(36)..=start).filter_map(|from| bytes.get(from..from + 36)).any(|window| {
        window.iter().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
    })
}

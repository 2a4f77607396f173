//! Finds Swedish personal identity numbers (personnummer) and coordination numbers (samordningsnummer) in free text, so
//! that they can be refused where text comes in and masked where text is logged.
//!
//! A number counts as one when its date is a day of the calendar (a coordination number has 60 added to the day) and its
//! check digit is right by Luhn. An organisation number has 2 or more as its third digit, where a month has 0 or 1, so it
//! is never taken for one. Digits that belong to something longer are not looked at: a UUID, a digest, a telephone
//! number, a decimal number, the opaque part of an address.

use std::{borrow::Cow, ops::Range};

use chrono::NaiveDate;

use super::{language::say, problem::Fault};

/// The code of the fault, and of the kind of problem, that such a number makes.
pub const CODE: &str = "personal-identity-number";

/// What stands in the place of a masked number.
pub const MASK: &str = "[personnummer]";

/// What people write between the date and the last four digits.
const SEPARATORS: &[char] = &['-', '+', ' ', '\u{A0}', '\u{202F}', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}'];

/// Whether a text has such a number in it.
#[must_use]
pub fn contains(text: &str) -> bool {
    scan(text).next().is_some()
}

/// The same text with every such number masked.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut copied = 0;
    for found in scan(text) {
        masked.push_str(&text[copied..found.start]);
        masked.push_str(MASK);
        copied = found.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

/// The fault of such a number in a body. It never repeats the number.
#[must_use]
pub fn fault(pointer: impl Into<String>) -> Fault {
    Fault::at(
        pointer,
        CODE,
        say!(
            "Texten innehåller ett personnummer eller samordningsnummer. Sådana får inte registreras här. Ta bort numret och skriv i stället en funktion, en roll eller ett ärendenummer.",
            "The text contains a personal identity number or coordination number. Those may not be registered here. Remove the number and write a function, a role or a case number instead."
        ),
    )
}

/// The same for a parameter of the address or a header.
#[must_use]
pub fn fault_of_parameter(name: &str) -> Fault {
    Fault { pointer: String::new(), parameter: Some(name.to_owned()), ..fault("") }
}

/// Whether the ten digits of a personal or organisation number end with the right check digit.
#[must_use]
pub fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0')) * if place % 2 == 0 { 1 } else { 2 };
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

fn scan(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    // Most texts have not ten digits in all, and need not be looked at further.
    let enough = bytes.iter().filter(|byte| byte.is_ascii_digit()).nth(9).is_some();
    let mut at = if enough { 0 } else { bytes.len() };
    std::iter::from_fn(move || {
        while at < bytes.len() {
            if !bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let run = digits(bytes, at);
            if let Some(found) = number(text, at, run) {
                at = found.end;
                return Some(found);
            }
            at += run;
        }
        None
    })
}

/// How many digits there are from a place on.
fn digits(bytes: &[u8], from: usize) -> usize {
    bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count()
}

/// The number that begins with a run of digits, if it is one.
fn number(text: &str, start: usize, run: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let (end, separated) = match run {
        10 | 12 => (start + run, false),
        6 | 8 => {
            let separator = text[start + run..].chars().next().filter(|sign| SEPARATORS.contains(sign))?;
            let last = start + run + separator.len_utf8();
            (digits(bytes, last) == 4).then_some((last + 4, true))?
        }
        _ => return None,
    };
    let all: String = text[start..end].chars().filter(char::is_ascii_digit).collect();
    let found = is_a_day(&all) && luhn(&all[all.len() - 10..]) && stands_alone(text, start, end, separated);
    found.then_some(start..end)
}

/// Whether the digits begin with a day of the calendar, in this century or one of the two before.
fn is_a_day(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or_default();
    let date = digits.len() - 10;
    let (short, month, day) = (part(date, date + 2), part(date + 2, date + 4), part(date + 4, date + 6));
    let day = if day > 60 { day - 60 } else { day };
    let centuries = if date == 2 { part(0, 2)..=part(0, 2) } else { 18..=20 };
    centuries
        .filter(|century| (18..=20).contains(century))
        .any(|century| i32::try_from(century * 100 + short).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day)).is_some())
}

/// Whether what stands around the digits leaves them a number of their own.
fn stands_alone(text: &str, start: usize, end: usize, separated: bool) -> bool {
    let (before, after) = (text[..start].chars().next_back(), text[end..].chars().next());
    if before.is_some_and(char::is_alphanumeric) || after.is_some_and(char::is_alphanumeric) {
        return false;
    }
    let bytes = text.as_bytes();
    let ahead = after.map_or(0, |sign| digits(bytes, end + sign.len_utf8()));
    let behind = before.map_or(0, |sign| bytes[..start - sign.len_utf8()].iter().rev().take_while(|byte| byte.is_ascii_digit()).count());
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
    !in_uuid(bytes, start, end) && !in_address(text, start, end, separated)
}

/// Whether the place lies within a UUID.
fn in_uuid(bytes: &[u8], start: usize, end: usize) -> bool {
    (end.saturating_sub(36)..=start).filter_map(|from| bytes.get(from..from + 36)).any(|window| {
        window.iter().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
    })
}

/// Whether the digits are the opaque part of a web address. With a hyphen, and as a part of their own, they are not.
fn in_address(text: &str, start: usize, end: usize, separated: bool) -> bool {
    let word = text[..start].rsplit(|sign: char| sign.is_whitespace() || "<>\"()".contains(sign)).next().unwrap_or_default();
    if !word.contains("://") {
        return false;
    }
    let part_of_slug = |sign: Option<char>| matches!(sign, Some('-' | '_' | '.' | '~' | '%'));
    !separated || part_of_slug(word.chars().next_back()) || part_of_slug(text[end..].chars().next())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The ten digits with their check digit.
    fn checked(nine: &str) -> String {
        (0..10).map(|last| format!("{nine}{last}")).find(|digits| luhn(digits)).unwrap_or_default()
    }

    #[test]
    fn a_number_is_found_as_people_write_it() {
        for text in [
            "811228-9874",
            "8112289874",
            "811228+9874",
            "811228 9874",
            "811228–9874",
            "19811228-9874",
            "198112289874",
            "19811228 9874",
            "Bor hos Anna (811228-9874), Fittja.",
            "pnr:811228-9874;",
            "pnr-811228-9874",
            "_811228-9874_",
            "a\n811228-9874\nb",
            "8112289874,8112289874",
            "1981-12-28, 811228-9874.",
            // A coordination number: the day plus 60.
            &format!("70106{}", &checked("701063239")[5..]),
            "https://example.se/personer/811228-9874",
        ] {
            assert!(contains(text), "{text}");
            assert!(!contains(&mask(text)), "{text}");
        }
        // The day that is there only in leap years, which 1900 was not.
        assert!(contains(&checked("000229001")));
        assert!(!contains(&format!("19{}", checked("000229001"))));
        assert!(contains(&format!("20{}", checked("000229001"))));
        assert!(!contains(&checked("010229001")));
    }

    #[test]
    fn what_is_something_else_is_left_alone() {
        for text in [
            "212000-2882",
            "16212000-2882",
            "802001-0008",
            "811228-9875",
            "811328-9874",
            "a811228-9874",
            "811228-98741",
            "1811228-9874",
            "811228--9874",
            "+8112289874",
            "18112289874",
            "3.8112289874",
            "8112289874,25",
            "17811228-9874",
            "https://example.se/artikel/8112289874?x=1",
            "https://example.se/artikel-811228-9874",
            "2026-11-22T13:00:00Z",
            "",
        ] {
            assert!(!contains(text), "{text}");
            assert_eq!(mask(text), text);
        }
    }

    proptest! {
        #[test]
        fn every_right_number_is_found_and_masked(
            (year, ordinal, serial) in (1850_i32..2030, 1_u32..366, 0_u32..1000),
            coordination: bool,
            long: bool,
            separator in prop::sample::select(vec!["", "-", "+", " "]),
            (before, after) in ("[a-zåäö]{0,5}[ (:/;]", "[ ).;!?/][a-zåäö]{0,5}"),
        ) {
            let Some(day) = NaiveDate::from_yo_opt(year, ordinal) else { return Ok(()) };
            let date = day.format("%y%m").to_string();
            let of_month: u32 = day.format("%d").to_string().parse().unwrap_or_default();
            let ten = checked(&format!("{date}{:02}{serial:03}", of_month + if coordination { 60 } else { 0 }));
            let century = if long { (year / 100).to_string() } else { String::new() };
            let written = format!("{century}{}{separator}{}", &ten[..6], &ten[6..]);
            let text = format!("{before}{written}{after}");
            prop_assert!(contains(&text), "{text}");
            let masked = mask(&text).into_owned();
            prop_assert_eq!(&masked, &format!("{before}{MASK}{after}"));
            // With another check digit it is none, and within a longer word neither.
            let wrong = (ten[9..].parse::<u32>().unwrap_or_default() + 1) % 10;
            let wrong = format!("{before}{}{wrong}{after}", &written[..written.len() - 1]);
            prop_assert!(!contains(&wrong));
            let within = format!("x{written}x");
            prop_assert!(!contains(&within));
        }

        #[test]
        fn organisation_numbers_and_ids_are_never_taken_for_one(bytes: [u8; 16], nine in "[1-9][0-9][2-9][0-9]{6}", separator in "[ +-]?") {
            let id = uuid::Uuid::from_bytes(bytes).to_string();
            prop_assert!(!contains(&id), "{id}");
            let digest = format!("sha256:{}", crate::kernel::hash::sha256_hex(&bytes));
            prop_assert!(!contains(&digest), "{digest}");
            let number = checked(&nine);
            let number = format!("{}{separator}{}", &number[..6], &number[6..]);
            prop_assert!(!contains(&number), "{number}");
        }

        #[test]
        fn no_text_breaks_it(text in "[0-9a-f åé+.,–-]{0,60}|\\PC{0,40}") {
            prop_assert!(!contains(&mask(&text)));
            prop_assert_eq!(contains(&text), mask(&text) != text);
        }
    }
}

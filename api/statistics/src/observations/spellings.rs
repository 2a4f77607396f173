//! What is written in many ways and kept in one: periods, ages, groups and variants.

use super::types::Breakdown;
use crate::kernel::text;

/// A period under the one name that it is kept by: the quarters of others (`2023Q1`, `2023-q1`) are ours (`2023K1`).
#[must_use]
pub fn period(given: &str) -> String {
    given.to_uppercase().replace([' ', '-'], "").replace('Q', "K")
}

/// Free text of a breakdown in one form: composed, one kind of dash, single blanks. What stands for all is nothing.
pub(super) fn one_form(given: &str) -> Option<String> {
    let plain = text::composed(given).replace(DASHES, "-");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    (!plain.is_empty() && !ALL.contains(&plain.to_lowercase().as_str())).then_some(plain)
}

/// An age in one form, `0-12`, `65+` or `18`; nothing when it cannot be one, and `None` within for all.
#[expect(clippy::option_option, reason = "unknown and all are two things")]
pub(super) fn age(given: &str) -> Option<Option<String>> {
    let Some(plain) = one_form(given) else { return Some(None) };
    let plain: String = plain.to_lowercase().split_whitespace().collect();
    let plain = ["år", "years"].into_iter().find_map(|word| plain.strip_suffix(word)).unwrap_or(&plain);
    let years = |text: &str| {
        let digits = (1..=3).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse::<u8>().ok().filter(|years| digits && *years <= OLDEST)
    };
    if let Some(from) = plain.strip_suffix(['+', '-', 'w']) {
        let from = years(from.strip_suffix('-').unwrap_or(from))?;
        return Some(Some(format!("{from}+")));
    }
    let Some((from, to)) = plain.split_once('-') else { return Some(Some(years(plain)?.to_string())) };
    let (from, to) = (years(from)?, years(to)?);
    (from <= to).then(|| Some(format!("{from}-{to}")))
}

/// The one of an indicator's variants that a text stands for.
pub(super) fn declared<'a>(given: &str, variants: &'a [String]) -> Option<&'a String> {
    variants.iter().find(|variant| one_form(variant).is_some_and(|one| one.to_lowercase() == given.to_lowercase()))
}

/// The breakdown as rows of an indicator with these variants are kept, whatever way it was written.
#[must_use]
pub fn kept(breakdown: &Breakdown, variants: &[String]) -> Breakdown {
    let own = |text: &Option<String>| text.as_deref().and_then(one_form);
    let age = breakdown.age.as_deref().map(|given| age(given).unwrap_or_else(|| Some(given.to_owned())));
    Breakdown {
        age: age.flatten(),
        region_of_birth: own(&breakdown.region_of_birth),
        time_in_sweden: own(&breakdown.time_in_sweden),
        variant: own(&breakdown.variant).map(|given| declared(&given, variants).cloned().unwrap_or(given)),
        ..breakdown.clone()
    }
}

/// What people write for a dash.
const DASHES: [char; 7] = ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];
/// What people write for all.
const ALL: [&str; 4] = ["totalt", "total", "alla", "all"];
/// No age is higher.
const OLDEST: u8 = 130;

/// Whether it is a year, quarter or month.
pub(super) fn is_period(text: &str) -> bool {
    let (year, rest) = text.split_at_checked(4).unwrap_or_default();
    let in_year = |rest: &str, from: u32, to: u32| {
        rest.bytes().all(|digit| digit.is_ascii_digit()) && rest.parse::<u32>().is_ok_and(|number| (from..=to).contains(&number))
    };
    in_year(year, 1900, 2100)
        && match rest.as_bytes() {
            [] => true,
            [b'K' | b'Q', _] => in_year(&rest[1..], 1, 4),
            [b'M', _, _] => in_year(&rest[1..], 1, 12),
            _ => false,
        }
}

/// The codes of columns that have a fixed list, with what people write for them. An empty code stands for all.
const CODES: &[(&str, &str, &[&str])] = &[
    ("sex", "women", &["kvinnor", "kvinna", "k", "flickor"]),
    ("sex", "men", &["män", "man", "m", "pojkar"]),
    ("sex", "", &["totalt", "total", "alla", "t", "båda"]),
    ("born", "in_sweden", &["sverige", "i sverige", "född i sverige"]),
    ("born", "abroad", &["utrikes", "utomlands", "utrikes född"]),
    ("born", "", &["totalt", "total", "alla"]),
    ("background", "swedish", &["svensk", "svensk bakgrund"]),
    ("background", "foreign", &["utländsk", "utländsk bakgrund"]),
    ("background", "", &["totalt", "total", "alla"]),
];

/// The code that a text stands for in a column; nothing when it stands for none, and `None` within for all.
#[expect(clippy::option_option, reason = "unknown and all are two things")]
pub(super) fn code(column: &str, given: &str) -> Option<Option<String>> {
    let given = text::composed(given).to_lowercase();
    let fits = |(of, code, written): &&(&str, &str, &[&str])| *of == column && (*code == given || written.contains(&given.as_str()));
    CODES.iter().find(fits).map(|(_, code, _)| (!code.is_empty()).then(|| (*code).to_owned()))
}

/// The codes of a column that has a fixed list.
pub(super) fn codes(column: &str) -> Vec<&'static str> {
    CODES.iter().filter(|(of, code, _)| *of == column && !code.is_empty()).map(|(_, code, _)| *code).collect()
}

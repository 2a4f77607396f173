//! Converts the many spellings of periods, ages, groups and variants to the stored one.

use super::types::Breakdown;
use crate::kernel::text;

/// Converts a period to its stored spelling: the quarter `2023Q1` or `2023-q1` becomes `2023K1`. Does not check that it is a
/// period.
#[must_use]
pub fn normalise_period(given: &str) -> String {
    given.to_uppercase().replace([' ', '-'], "").replace('Q', "K")
}

/// Converts free text of a breakdown to one spelling: composed characters, one kind of dash, single spaces. `None` when it is
/// empty or means all.
pub(super) fn normalise_text(given: &str) -> Option<String> {
    let plain = text::composed(given).replace(DASHES, "-");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    (!plain.is_empty() && !ALL.contains(&plain.to_lowercase().as_str())).then_some(plain)
}

/// Converts an age to one spelling: `0-12`, `65+` or `18`. `None` when it is not an age, `Some(None)` when it means all ages.
#[expect(clippy::option_option, reason = "unknown and all are two things")]
pub(super) fn normalise_age(given: &str) -> Option<Option<String>> {
    let Some(plain) = normalise_text(given) else { return Some(None) };
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

/// The variant of an indicator that a text means.
pub(super) fn find_variant<'a>(given: &str, variants: &'a [String]) -> Option<&'a String> {
    variants.iter().find(|variant| normalise_text(variant).is_some_and(|one| one.to_lowercase() == given.to_lowercase()))
}

/// Converts a breakdown to the spelling in which an indicator with these variants stores it.
#[must_use]
pub fn normalise_breakdown(breakdown: &Breakdown, variants: &[String]) -> Breakdown {
    let own = |text: &Option<String>| text.as_deref().and_then(normalise_text);
    let age = breakdown.age.as_deref().map(|given| normalise_age(given).unwrap_or_else(|| Some(given.to_owned())));
    Breakdown {
        age: age.flatten(),
        region_of_birth: own(&breakdown.region_of_birth),
        time_in_sweden: own(&breakdown.time_in_sweden),
        variant: own(&breakdown.variant).map(|given| find_variant(&given, variants).cloned().unwrap_or(given)),
        ..breakdown.clone()
    }
}

/// The characters that people write as a dash.
const DASHES: [char; 7] = ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];
/// The words that mean all, in lower case.
const ALL: [&str; 4] = ["totalt", "total", "alla", "all"];
/// The highest age, in years.
const OLDEST: u8 = 130;

/// Whether the text is a year, a quarter or a month.
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

/// The codes of columns with a fixed list: column, code, and the spellings that people use. An empty code means all.
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

/// The code that a text means in a column. `None` when it is unknown, `Some(None)` when it means all.
#[expect(clippy::option_option, reason = "unknown and all are two things")]
pub(super) fn find_code(column: &str, given: &str) -> Option<Option<String>> {
    let given = text::composed(given).to_lowercase();
    let fits = |(of, code, written): &&(&str, &str, &[&str])| *of == column && (*code == given || written.contains(&given.as_str()));
    CODES.iter().find(fits).map(|(_, code, _)| (!code.is_empty()).then(|| (*code).to_owned()))
}

/// The codes of a column that has a fixed list.
pub(super) fn codes_of_column(column: &str) -> Vec<&'static str> {
    CODES.iter().filter(|(of, code, _)| *of == column && !code.is_empty()).map(|(_, code, _)| *code).collect()
}

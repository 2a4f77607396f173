//! Parses header fields as RFC 9110 defines them: a list may have several lines (5.3), a value may be a quoted string (5.6.4), names of
//! parameters are case-insensitive, and preferences have weights (12.4.2). All code that reads a structured field uses this module.

use std::{borrow::Cow, cmp::Reverse};

use actix_web::http::header::{AsHeaderName, HeaderMap, IF_MATCH, IF_NONE_MATCH};

use super::codings::without_coding;

/// The weight of an item without `q`, in thousandths.
const FULL_WEIGHT: u16 = 1000;

/// One item of a list, such as `text/csv;dialect=excel-sv;q=0.5`, `sv-SE` or `return=minimal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The text before the first `;` or `=`, such as `text/csv` or `return`.
    pub name: &'a str,
    /// The text after the `=` that follows the name, without quotes.
    pub value: Option<Cow<'a, str>>,
    /// The parameters after the first `;`, by name, without quotes.
    parameters: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Item<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut pairs = split(text, b';', true).map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (pair, None),
        });
        let (name, value) = pairs.next().filter(|(name, _)| !name.is_empty())?;
        Some(Self { name, value, parameters: pairs.map(|(name, value)| (name, value.unwrap_or_default())).collect() })
    }

    /// Returns the value of a parameter. The name is case-insensitive.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Returns the weight `q` in thousandths, 0 to 1000: 1000 without one, 0 when it is not a number.
    #[must_use]
    pub fn weight(&self) -> u16 {
        self.parameter("q").map_or(FULL_WEIGHT, thousandths)
    }
}

/// Returns the items of a list field from all its lines. A line that is not visible ASCII has no items.
pub fn items(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Item<'_>> {
    headers.get_all(name).filter_map(|line| line.to_str().ok()).flat_map(|line| split(line, b',', true)).filter_map(Item::parse)
}

/// Returns the first line of a field that is not a list. `None` when it is missing or not visible ASCII.
#[must_use]
pub fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|line| line.to_str().ok())
}

/// Returns the value of a cookie. The name is case-sensitive.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(actix_web::http::header::COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(known, value)| (known == name).then_some(value))
}

/// Returns the value of a preference (RFC 7240), empty when it has no value. `None` when the caller does not state it. Of several, the
/// first counts.
#[must_use]
pub fn preference<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    items(headers, "prefer").find(|item| item.name.eq_ignore_ascii_case(name)).map(|item| item.value.unwrap_or_default())
}

/// Returns the candidate with the greatest weight. Of equal weights, the one whose range is first in the field; then the first candidate.
/// `None` when every candidate has weight 0 or fits no range.
///
/// `specificity` returns how closely a range of the field fits a candidate (a higher number is closer), or `None` when it does not fit.
/// The weight of a candidate is that of its closest range (RFC 9110, 12.5.1).
pub fn preferred<C: Copy>(ranges: &[Item<'_>], candidates: &[C], specificity: impl Fn(&Item<'_>, C) -> Option<u8>) -> Option<C> {
    let weighed = candidates.iter().enumerate().filter_map(|(order, candidate)| {
        let fitting = ranges.iter().enumerate().filter_map(|(index, range)| Some((specificity(range, *candidate)?, Reverse(index), range)));
        let (_, index, range) = fitting.max_by_key(|(close, index, _)| (*close, *index))?;
        Some((range.weight(), index, Reverse(order), *candidate)).filter(|(weight, ..)| *weight > 0)
    });
    weighed.max_by_key(|(weight, index, order, _)| (*weight, *index, *order)).map(|(.., candidate)| candidate)
}

/// Returns how closely a range of `Accept` fits a media type: 2 for the type itself, 1 for `text/*`, 0 for `*/*`, `None` when it does not
/// fit. Parameters are ignored.
#[must_use]
pub fn fits_media_type(range: &Item<'_>, media_type: &str) -> Option<u8> {
    if range.name.eq_ignore_ascii_case(media_type) {
        return Some(2);
    }
    let (kind, subtype) = range.name.split_once('/')?;
    match (kind, subtype) {
        ("*", "*") => Some(0),
        (_, "*") => media_type.split('/').next().filter(|known| known.eq_ignore_ascii_case(kind)).map(|_| 1),
        _ => None,
    }
}

/// Whether a field names exactly this media type, without `*`, and with a weight above 0.
#[must_use]
pub fn names_media_type(ranges: &[Item<'_>], media_type: &str) -> bool {
    ranges.iter().any(|range| range.name.eq_ignore_ascii_case(media_type) && range.weight() > 0)
}

/// An entity tag (RFC 9110, 8.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    is_weak: bool,
    text: String,
}

/// The entity tags of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Whether the field has `*`, which means any version that exists.
    pub any: bool,
    /// Whether the field has text that is neither an entity tag nor `*`, such as a tag without quotes.
    pub malformed: bool,
    listed: Vec<Tag>,
}

impl Tags {
    /// Returns the tags of `If-Match`; `None` when the field is absent. Text that is no entity tag matches nothing.
    #[must_use]
    pub fn if_match(headers: &HeaderMap) -> Option<Self> {
        headers.contains_key(IF_MATCH).then(|| Self::parse(headers.get_all(IF_MATCH).map(|line| line.to_str().unwrap_or_default())))
    }

    /// Returns the tags of `If-None-Match`; no tags when the field is absent.
    #[must_use]
    pub fn if_none_match(headers: &HeaderMap) -> Self {
        Self::parse(headers.get_all(IF_NONE_MATCH).map(|line| line.to_str().unwrap_or_default()))
    }

    /// Parses the lines of a field. Text that is neither an entity tag nor `*` matches nothing.
    pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut read = Self::default();
        for text in lines.flat_map(|line| split(line, b',', false)) {
            let (is_weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
            match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(text) => read.listed.push(Tag { is_weak, text: text.to_owned() }),
                None if text == "*" => read.any = true,
                None => read.malformed = true,
            }
        }
        read
    }

    /// Whether there are weak tags only.
    #[must_use]
    pub fn all_weak(&self) -> bool {
        !self.listed.is_empty() && self.listed.iter().all(|tag| tag.is_weak)
    }

    /// Whether a strong tag satisfies `fits`, which gets the text of the tag without quotes. `*` is not considered.
    pub fn any_strong(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.listed.iter().any(|tag| !tag.is_weak && fits(&tag.text))
    }

    /// Whether the tag of an answer, such as `"v3"`, equals one of these by weak comparison. With `*` always true.
    #[must_use]
    pub fn contains(&self, etag: &str) -> bool {
        self.any || self.same_content(etag.trim_start_matches("W/").trim_matches('"')).is_some()
    }

    /// Returns the text of the first tag for the same content as this one, in whatever coding.
    pub(super) fn same_content(&self, text: &str) -> Option<&str> {
        let plain = without_coding(text);
        self.listed.iter().map(|tag| tag.text.as_str()).find(|known| without_coding(known) == plain)
    }
}

/// Splits text at a delimiter outside quoted strings. With `escapes`, a backslash in a quoted string escapes the next character (in
/// entity tags it does not). The parts are trimmed, and empty parts are left out.
fn split(text: &str, delimiter: u8, escapes: bool) -> impl Iterator<Item = &str> {
    let (mut from, mut is_quoted, mut is_escaped, mut position) = (0, false, false, 0);
    let bytes = text.as_bytes();
    std::iter::from_fn(move || {
        while position < bytes.len() {
            let byte = bytes[position];
            position += 1;
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_quoted && escapes => is_escaped = true,
                b'"' => is_quoted = !is_quoted,
                byte if byte == delimiter && !is_quoted => {
                    let part = &text[from..position - 1];
                    from = position;
                    return Some(part);
                }
                _ => {}
            }
        }
        let rest = text.get(from..).filter(|_| from <= bytes.len());
        from = bytes.len() + 1;
        rest
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

/// Returns the text of a quoted string, or a token unchanged.
fn unquoted(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return value.into() };
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut text = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        text.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    text.into()
}

/// Returns a weight such as `0.8` in thousandths: at most 1000, and 0 when the text is not a number. Further decimals are cut off.
fn thousandths(weight: &str) -> u16 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    if !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) || whole.is_empty() {
        return 0;
    }
    let part = part.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    if whole.bytes().all(|digit| digit == b'0') { part } else { FULL_WEIGHT }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_list_stands_on_several_lines_and_holds_quoted_strings() {
        let headers =
            headers(&[("prefer", "foo=\"return=minimal, x\"; wait=5"), ("prefer", " , Handling = strict ,"), ("prefer", "respond-async")]);
        let names: Vec<_> = items(&headers, "prefer").map(|item| item.name).collect();
        assert_eq!(names, ["foo", "Handling", "respond-async"]);
        assert_eq!(preference(&headers, "foo").as_deref(), Some("return=minimal, x"));
        assert_eq!(preference(&headers, "handling").as_deref(), Some("strict"));
        assert_eq!(preference(&headers, "respond-async").as_deref(), Some(""));
        assert_eq!(preference(&headers, "return"), None);
        assert_eq!(items(&headers, "prefer").next().unwrap().parameter("WAIT"), Some("5"));
        let escaped = self::headers(&[("x", r#"a="say \"hi\", or \\"; b"#)]);
        let item = items(&escaped, "x").next().unwrap();
        assert_eq!(item.value.as_deref(), Some(r#"say "hi", or \"#));
    }

    #[test]
    fn weights_are_exact() {
        let weights =
            [("1", 1000), ("1.000", 1000), ("0", 0), ("0.0", 0), ("0.8", 800), ("0.85", 850), ("0.001", 1), ("2", 1000), ("x", 0), ("", 0)];
        for (text, weight) in weights {
            assert_eq!(thousandths(text), weight, "{text}");
        }
        let headers = headers(&[("accept", "a/b;Q=0.2"), ("accept", "c/d ; q=0.3 , e/f")]);
        assert_eq!(items(&headers, "accept").map(|item| item.weight()).collect::<Vec<_>>(), [200, 300, 1000]);
    }

    #[test]
    fn the_closest_range_weighs_a_media_type() {
        let best = |accept: &str| {
            let headers = headers(&[("accept", accept)]);
            let ranges: Vec<_> = items(&headers, "accept").collect();
            preferred(&ranges, &["application/json", "text/csv", "text/html"], fits_media_type)
        };
        assert_eq!(best("*/*"), Some("application/json"));
        assert_eq!(best("text/*"), Some("text/csv"));
        assert_eq!(best("Text/HTML, text/csv"), Some("text/html"));
        assert_eq!(best("application/json;q=0, */*"), Some("text/csv"));
        assert_eq!(best("text/*;q=0.3, text/html;q=0.7, */*;q=0.5"), Some("text/html"));
        assert_eq!(best("text/csv;q=0.95, application/json;q=0.9"), Some("text/csv"));
        assert_eq!(best("image/png"), None);
        assert_eq!(best("*/*;q=0"), None);
    }

    #[test]
    fn tags_are_read_from_all_lines() {
        let headers = headers(&[("if-match", "\"v1\" , W/\"v2\", \"\\\""), ("if-match", "v4,\"a,b\"")]);
        let tags = Tags::if_match(&headers).unwrap();
        assert!(tags.any_strong(|tag| tag == "v1") && tags.any_strong(|tag| tag == "a,b") && !tags.any);
        assert!(!tags.any_strong(|tag| tag == "v2" || tag == "v4"), "weak tags and bare words match nothing");
        assert!(tags.contains("\"v2\"") && tags.contains("W/\"v1\"") && !tags.contains("\"v4\""));
        assert!(Tags::parse(["\"x\", *"].into_iter()).any);
        assert_eq!(Tags::if_match(&HeaderMap::new()), None);
        assert!(!Tags::if_none_match(&HeaderMap::new()).contains("\"v1\""));
    }

    #[test]
    fn a_cookie_is_found_on_any_line() {
        let headers = headers(&[("cookie", "a=1; b=x=y"), ("cookie", "c=3")]);
        assert_eq!((cookie(&headers, "b"), cookie(&headers, "c"), cookie(&headers, "d")), (Some("x=y"), Some("3"), None));
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read(line in "[ -~]{0,40}") {
            let headers = headers(&[("accept", &line), ("if-match", &line)]);
            let parts = items(&headers, "accept").count();
            proptest::prop_assert!(parts <= line.len());
            let _ = Tags::if_match(&headers);
        }
    }
}

//! The fields in the head of a request, read as RFC 9110 says: a list may stand on several lines (5.3), a value may be a
//! quoted string (5.6.4), names do not heed case, and the caller weighs what it prefers (12.4.2). Everything in the service
//! that reads a field with structure reads it here.

use std::{borrow::Cow, cmp::Reverse};

use actix_web::http::header::{AsHeaderName, HeaderMap, IF_MATCH, IF_NONE_MATCH};

/// The weight of an item without `q`, in thousandths.
const FULL: u16 = 1000;

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

    /// A parameter by its name, in any case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The weight `q` in thousandths: 1000 without one, 0 when it is not a number.
    #[must_use]
    pub fn weight(&self) -> u16 {
        self.parameter("q").map_or(FULL, thousandths)
    }
}

/// The items of a list field, over all its lines. A line that is not visible ASCII has none.
pub fn items(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Item<'_>> {
    headers.get_all(name).filter_map(|line| line.to_str().ok()).flat_map(|line| split(line, b',', true)).filter_map(Item::parse)
}

/// The first line of a field that is not a list, when it is visible ASCII.
#[must_use]
pub fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|line| line.to_str().ok())
}

/// The value of a cookie.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(actix_web::http::header::COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(known, value)| (known == name).then_some(value))
}

/// The value of a preference (RFC 7240), empty where it has none; `None` where the caller does not state it. The first of
/// several counts.
#[must_use]
pub fn preference<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    items(headers, "prefer").find(|item| item.name.eq_ignore_ascii_case(name)).map(|item| item.value.unwrap_or_default())
}

/// Of the candidates the one that the caller weighs highest; of several the one whose range stands first in the field, then
/// the first candidate. `None` when it refuses them all.
///
/// `specificity` says how closely a range of the field fits a candidate (a higher number is closer) or that it does not fit. The
/// closest range is the one that weighs a candidate (RFC 9110, 12.5.1).
pub fn preferred<C: Copy>(ranges: &[Item<'_>], candidates: &[C], specificity: impl Fn(&Item<'_>, C) -> Option<u8>) -> Option<C> {
    let weighed = candidates.iter().enumerate().filter_map(|(order, candidate)| {
        let fitting = ranges.iter().enumerate().filter_map(|(at, range)| Some((specificity(range, *candidate)?, Reverse(at), range)));
        let (_, at, range) = fitting.max_by_key(|(close, at, _)| (*close, *at))?;
        Some((range.weight(), at, Reverse(order), *candidate)).filter(|(weight, ..)| *weight > 0)
    });
    weighed.max_by_key(|(weight, at, order, _)| (*weight, *at, *order)).map(|(.., candidate)| candidate)
}

/// How closely a range of `Accept` fits a media type, without its parameters.
#[must_use]
pub fn fits_media_type(range: &Item<'_>, media_type: &str) -> Option<u8> {
    if range.name.eq_ignore_ascii_case(media_type) {
        return Some(2);
    }
    let (kind, below) = range.name.split_once('/')?;
    match (kind, below) {
        ("*", "*") => Some(0),
        (_, "*") => media_type.split('/').next().filter(|known| known.eq_ignore_ascii_case(kind)).map(|_| 1),
        _ => None,
    }
}

/// Whether a field names a media type itself, not by a range, and does not refuse it.
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

/// The entity tags of a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// `*`: any version that there is.
    pub any: bool,
    tags: Vec<Tag>,
}

impl Tags {
    /// The tags of `If-Match`; `None` where the field is absent. Text that is no entity tag matches nothing.
    #[must_use]
    pub fn if_match(headers: &HeaderMap) -> Option<Self> {
        headers.contains_key(IF_MATCH).then(|| Self::parse(headers.get_all(IF_MATCH).map(|line| line.to_str().unwrap_or_default())))
    }

    /// The tags of `If-None-Match`; none where the field is absent.
    #[must_use]
    pub fn if_none_match(headers: &HeaderMap) -> Self {
        Self::parse(headers.get_all(IF_NONE_MATCH).map(|line| line.to_str().unwrap_or_default()))
    }

    /// Reads the lines of a field.
    pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut read = Self::default();
        for text in lines.flat_map(|line| split(line, b',', false)) {
            let (is_weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
            match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(text) => read.tags.push(Tag { is_weak, text: text.to_owned() }),
                None => read.any |= text == "*",
            }
        }
        read
    }

    /// Whether one of the tags is strong and fits.
    pub fn any_strong(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.tags.iter().any(|tag| !tag.is_weak && fits(&tag.text))
    }

    /// Whether a tag of an answer, such as `"v3"`, is among them by weak comparison.
    #[must_use]
    pub fn contains(&self, etag: &str) -> bool {
        let text = etag.trim_start_matches("W/").trim_matches('"');
        self.any || self.tags.iter().any(|tag| tag.text == text)
    }
}

/// Splits at a delimiter outside quoted strings, in which a backslash may escape a letter (it does not in entity tags). The
/// parts are without blanks around them, and none is empty.
fn split(text: &str, delimiter: u8, escapes: bool) -> impl Iterator<Item = &str> {
    let (mut from, mut is_quoted, mut is_escaped, mut at) = (0, false, false, 0);
    let bytes = text.as_bytes();
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let byte = bytes[at];
            at += 1;
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_quoted && escapes => is_escaped = true,
                b'"' => is_quoted = !is_quoted,
                byte if byte == delimiter && !is_quoted => {
                    let part = &text[from..at - 1];
                    from = at;
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

/// A token as it is, or the text of a quoted string.
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

/// A weight such as `0.8` in thousandths; 0 for what is not a number.
fn thousandths(weight: &str) -> u16 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    if !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) || whole.is_empty() {
        return 0;
    }
    let part = part.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    if whole.bytes().all(|digit| digit == b'0') { part } else { FULL }
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

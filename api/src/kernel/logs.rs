//! The log: one line of JSON for each event, whatever stands in it, and no personal identity number in a path.

use std::{borrow::Cow, io};

use tracing_subscriber::EnvFilter;

/// Where the log goes and in which form: `text` for people, otherwise JSON.
///
/// # Errors
/// When the filter is none, or the log has been started before.
pub fn start<W: io::Write + 'static>(
    filter: &str,
    format: &str,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log: {filter} is no filter: {error}"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        "text" => subscriber.try_init(),
        _ => subscriber.json().flatten_event(true).try_init(),
    }
}

/// Makes a panic an event like any other, told by its place alone, because its words may hold anything.
pub fn take_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// The path as it may stand in the log: with `…` where it holds a personal identity number.
#[must_use]
pub fn masked(path: &str) -> Cow<'_, str> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let bytes = path.as_bytes();
    let mut masked = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_digit(&bytes[at]) || at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric()) {
            at += 1;
            continue;
        }
        // Eight or six digits, perhaps a sign, four digits, and then no more.
        let found = [8, 6].into_iter().find_map(|day| {
            let sign = match bytes.get(at + day) {
                Some(b'-' | b'+') => 1,
                Some(b'%') if matches!(path.get(at + day..at + day + 3), Some("%2D" | "%2d" | "%2B" | "%2b")) => 3,
                _ => 0,
            };
            let (date, last) = (path.get(at..at + day)?, path.get(at + day + sign..at + day + sign + 4)?);
            let end = at + day + sign + 4;
            let alone = bytes.get(end).is_none_or(|next| !next.is_ascii_alphanumeric());
            (alone && is_personal_number(&date[day - 6..], last)).then_some(end)
        });
        if let Some(end) = found {
            masked.push_str(&path[kept..at]);
            masked.push('…');
            (kept, at) = (end, end);
        } else {
            at += 1;
        }
    }
    if masked.is_empty() { Cow::Borrowed(path) } else { Cow::Owned(masked + &path[kept..]) }
}

/// Whether `YYMMDD` and four digits make a personal identity number or a coordination number (day + 60).
fn is_personal_number(date: &str, last: &str) -> bool {
    let digits: Option<Vec<u32>> = date.chars().chain(last.chars()).map(|digit| digit.to_digit(10)).collect();
    let Some(digits) = digits else { return false };
    let pair = |at: usize| digits[at] * 10 + digits[at + 1];
    let luhn: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit * 2 } else { *digit })
        .map(|product| product / 10 + product % 10)
        .sum();
    matches!(pair(2), 1..=12) && matches!(pair(4), 1..=31 | 61..=91) && luhn.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_numbers_are_masked_and_other_numbers_are_not() {
        for (path, expected) in [
            ("/actors/811218-9876", "/actors/…"),
            ("/a/198112189876/b", "/a/…/b"),
            ("/a/19811218-9876?", "/a/…?"),
            ("/a/811218%2B9876", "/a/…"),
            ("/a/8112789873", "/a/8112789873"),
            ("/a/811278-9873", "/a/811278-9873"),
            ("/a/811218-9877", "/a/811218-9877"),
            ("/actors/01890a5d-ac96-774b-bcce-b302099a8057", "/actors/01890a5d-ac96-774b-bcce-b302099a8057"),
            ("/å/811218-9876", "/å/…"),
        ] {
            assert_eq!(masked(path), expected);
        }
    }
}

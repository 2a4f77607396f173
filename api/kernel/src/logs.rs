//! The log: one line for each event, in JSON unless set otherwise, and no personal identity numbers in paths.

use std::{borrow::Cow, io};

use actix_web::http::Method;
use tracing_subscriber::EnvFilter;

use super::{percent, personal_number};

/// How many times over a path may be percent-encoded and still be logged.
const MAX_ENCODINGS: usize = 5;
/// Stands in the log in the place of a value that may not be logged.
const OMITTED: &str = "[…]";

/// Starts the log. `filter` is a filter of `tracing`, such as `info`. `format` is `text` for people; any other value gives JSON.
///
/// # Errors
/// When the filter cannot be parsed, or the log was started before.
pub fn start<W: io::Write + 'static>(
    filter: &str,
    format: &str,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log: {filter} is no filter: {error}"))?;
    // A line that cannot be written is dropped without an error: an attempt to report it would probably fail too.
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || Lossy(writer())).log_internal_errors(false);
    match format {
        "text" => subscriber.try_init(),
        _ => subscriber.json().flatten_event(true).try_init(),
    }
}

/// A writer that ignores errors, so that the service goes on when the log cannot be written.
#[derive(Debug)]
struct Lossy<W>(W);

impl<W: io::Write> io::Write for Lossy<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Ok(self.0.write(line).unwrap_or(line.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().or(Ok(()))
    }
}

/// Logs each panic as an event with its place in the source. Its message is left out, because it may contain any data.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// Returns a path as it may be logged: with personal identity numbers masked, also when they are percent-encoded.
#[must_use]
pub fn mask_path(path: &str) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(path);
    for _ in 0..MAX_ENCODINGS {
        if !plain.contains('%') {
            return personal_number::mask(path);
        }
        let decoded = String::from_utf8_lossy(&percent::decode(&plain)).into_owned();
        if personal_number::contains(&decoded) {
            // Decoded line breaks and other control characters must not reach the log.
            return personal_number::mask(&decoded).replace(|sign: char| !sign.is_ascii_graphic(), "%").into();
        }
        if decoded == plain {
            return personal_number::mask(path);
        }
        plain = Cow::Owned(decoded);
    }
    OMITTED.into()
}

/// Returns a method as it may be logged. HTTP permits any word as a method, also a personal identity number, so unknown methods
/// are left out.
#[must_use]
pub fn method_name(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ];
    if known.contains(method) { method.as_str() } else { OMITTED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_numbers_are_masked_and_other_numbers_are_not() {
        for (path, expected) in [
            ("/actors/811218-9876", "/actors/[personnummer]"),
            ("/a/198112189876/b", "/a/[personnummer]/b"),
            ("/a/19811218-9876?", "/a/[personnummer]?"),
            ("/a/811218%2B9876", "/a/[personnummer]"),
            ("/a/811278-9873", "/a/[personnummer]"),
            ("/a/811298-9873", "/a/811298-9873"),
            ("/a/811218-9877", "/a/811218-9877"),
            ("/actors/01890a5d-ac96-774b-bcce-b302099a8057", "/actors/01890a5d-ac96-774b-bcce-b302099a8057"),
            ("/å/811218-9876", "/å/[personnummer]"),
        ] {
            assert_eq!(mask_path(path), expected);
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_dropped_without_an_error() {
        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let mut log = Lossy(Full);
        assert!(io::Write::write_all(&mut log, b"a line").is_ok() && io::Write::flush(&mut log).is_ok());
    }

    #[test]
    fn abuse_124_a_method_that_is_none_is_not_logged() {
        for (given, logged) in [("GET", "GET"), ("PATCH", "PATCH"), ("P8112289874", "[…]"), ("811228-9874", "[…]")] {
            assert_eq!(method_name(&Method::from_bytes(given.as_bytes()).unwrap()), logged);
        }
    }

    #[test]
    fn abuse_78_a_personal_identity_number_in_an_address_is_not_logged() {
        for path in [
            "/actors/811228-9874",
            "/actors/811228%2D9874",
            "/actors/19811228%209874",
            "/actors/%38112289874",
            "/a%0A/8112289874",
            "/actors/%2538112289874",
            "/actors/%252538112289874",
        ] {
            let logged = mask_path(path);
            assert!(logged.contains("[personnummer]") && !logged.contains("9874") && !logged.contains('\n'), "{logged}");
        }
        assert_eq!(mask_path("/actors/%C3%A5"), "/actors/%C3%A5");
        assert_eq!(mask_path("/100%"), "/100%");
        assert_eq!(mask_path(&format!("/actors/%{}38112289874", "25".repeat(40))), "[…]");
    }
}

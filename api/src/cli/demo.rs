use super::Outcome;
use crate::config::Config;

/// What the demo sets unless told otherwise: a folder of its own, and a log for people.
pub(super) fn defaults(settings: &mut Vec<(String, String)>) {
    for (name, value) in [("log", "warn"), ("log_format", "text")] {
        if !settings.iter().any(|(known, _)| known == name) {
            settings.push((name.to_owned(), value.to_owned()));
        }
    }
}

pub(super) fn run(config: Config, fresh: bool) -> Outcome {
    let _ = fresh;
    super::serve::run(config)
}

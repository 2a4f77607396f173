//! Hides passwords and secrets in settings that are printed.

use toml::Value;

/// A value without passwords and secrets.
pub(super) fn redacted(name: &str, value: &Value) -> Value {
    match value {
        Value::String(secret) if name.ends_with("secret") && !secret.is_empty() => Value::from("…"),
        Value::String(text) => Value::from(without_password(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| redacted(name, item)).collect()),
        Value::Table(members) => Value::Table(members.iter().map(|(name, member)| (name.clone(), redacted(name, member))).collect()),
        other => other.clone(),
    }
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, after) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let (place, after) = if scheme.starts_with("http") {
        (place, after)
    } else {
        // A password may also be among the parameters, or have characters that should have been encoded.
        (rest.split_once('?').map_or(rest, |(rest, _)| rest), "")
    };
    match place.rsplit_once('@') {
        Some((who, place)) => format!("{scheme}://{}:…@{place}{after}", who.split(':').next().unwrap_or_default()),
        None => format!("{scheme}://{place}{after}"),
    }
}

//! Columns that are no members of an actor but occur in people's files: an e-mail address, an organisation number, a
//! municipality, words for what an organisation does. Their values become members of the actor.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::{mapping::FileContext, record::Record};
use crate::{
    columns,
    kernel::{hash::sha256_hex, text},
    registry::actors::rules,
};

fn text_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

/// Moves the values of helper columns from the fields to `helpers`, and completes some members. In a file of a source an
/// empty cell means that there is no value; in other files it means nothing. With `exact`, the file was exported from here
/// and its values are not completed.
pub(super) fn apply_helpers(record: &mut Record, context: &FileContext, exact: bool) {
    let Record { fields, helpers, .. } = record;
    for name in [columns::CATEGORIES, columns::EMAIL, columns::PHONE, columns::LOCALITY] {
        if let Some(value) = fields.remove(name) {
            helpers.insert(name.to_owned(), value);
        }
    }
    if let Some(Value::Array(words)) = helpers.get(columns::CATEGORIES) {
        let words = words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        helpers.insert(columns::CATEGORIES.to_owned(), if words.is_empty() { Value::Null } else { json!(words) });
    }
    if context.from_source {
        if helpers.contains_key(columns::CATEGORIES) && text_of(fields, "focus").is_none() {
            fields.insert("focus".to_owned(), Value::Null);
        }
        if [columns::EMAIL, columns::PHONE].iter().any(|name| helpers.contains_key(*name)) && !fields.contains_key("contactPoints") {
            fields.insert("contactPoints".to_owned(), Value::Null);
        }
    }
    helpers.retain(|_, value| !value.is_null());
    if context.from_source {
        let kind = kind(fields, context);
        overlay_helpers(fields, helpers, &Map::from_iter(kind.map(|kind| ("kind".to_owned(), json!(kind)))));
        if let Some(points) = fields.get_mut("contactPoints").filter(|points| points.is_null()) {
            *points = json!([]);
        }
        helpers.retain(|name, _| name == columns::LOCALITY);
    }
    if exact {
        return;
    }
    if let Some(website) = text_of(fields, "website")
        && !website.contains("://")
        && website.contains('.')
    {
        let website = format!("https://{website}");
        fields.insert("website".to_owned(), json!(website));
    }
    if let Some(ended) = fields.get("dissolved")
        && !fields.contains_key("status")
    {
        let over = ended.as_str().and_then(|day| day.parse::<NaiveDate>().ok()).is_some_and(|day| day <= context.today);
        // Without an end an organisation is not necessarily active: it may be dormant.
        if over || context.from_source {
            fields.insert("status".to_owned(), json!(if over { "dissolved" } else { "active" }));
        }
    }
}

/// Writes the values of helper columns to `fields`, where the row has no value of its own. `under` are the present members
/// of the actor.
pub(super) fn overlay_helpers(fields: &mut Map<String, Value>, helpers: &Map<String, Value>, under: &Map<String, Value>) {
    if let Some(words) = helpers.get(columns::CATEGORIES)
        && fields.get("focus").or_else(|| under.get("focus")).is_none_or(Value::is_null)
    {
        fields.insert("focus".to_owned(), words.clone());
    }
    let ways: Vec<_> = [columns::EMAIL, columns::PHONE].into_iter().filter_map(|name| Some((name, helpers.get(name)?))).collect();
    if ways.is_empty() || fields.get("contactPoints").is_some_and(|points| !points.is_null()) {
        return;
    }
    let public = ["municipality", "region", "county_board", "municipal_association", "agency", "administration"];
    let kind = text_of(fields, "kind").or_else(|| text_of(under, "kind"));
    let function = if kind.is_some_and(|kind| public.contains(&kind)) { "Registrator" } else { "Kontakt" };
    let mut points = under.get("contactPoints").and_then(Value::as_array).cloned().unwrap_or_default();
    let at = points.iter().position(|point| point["function"] == function).unwrap_or_else(|| {
        points.push(json!({"function": function}));
        points.len() - 1
    });
    for (name, way) in ways {
        points[at][name] = way.clone();
    }
    fields.insert("contactPoints".to_owned(), points.into());
}

fn kind(fields: &Map<String, Value>, context: &FileContext) -> Option<String> {
    let of_file = || serde_json::to_value(context.kind?).ok()?.as_str().map(ToOwned::to_owned);
    text_of(fields, "kind").map(ToOwned::to_owned).or_else(of_file)
}

/// Collects the identifiers from columns of their own, and finds the seat.
pub(super) fn collect_identifiers(record: &mut Record, context: &FileContext) {
    let fields = &mut record.fields;
    let mut take = |name: &str| fields.remove(name);
    let (number, kolada) = (take(columns::ORGANISATION_NUMBER), take(columns::KOLADA_ID));
    let (municipality, county) = (take(columns::MUNICIPALITY), take(columns::COUNTY));
    let given = number.is_some() || kolada.is_some();
    let padded = |code: Option<&Value>, length: usize| {
        let code = code?.as_str()?.to_owned();
        let digits = code.bytes().all(|byte| byte.is_ascii_digit());
        Some(if digits && code.len() < length { format!("{code:0>length$}") } else { code })
    };
    let (municipality_code, county_code) = (padded(municipality.as_ref(), 4), padded(county.as_ref(), 2));
    let hidden = record.redacted.iter().any(|member| member == "identifiers");
    let mut number_of = |scheme: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| !hidden) {
            record.numbers.push(json!({"scheme": scheme, "value": value}));
        }
    };
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(ToOwned::to_owned));
    number_of(rules::ORGANISATION_NUMBER, text(number).map(|number| rules::organisation_number(&number, "").unwrap_or(number)));
    number_of("kolada_id", padded(text(kolada).map(Value::from).as_ref(), 4));
    let is_code = |code: &Option<String>| code.clone().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    match kind(fields, context).as_deref() {
        Some("municipality") => number_of("municipality_code", is_code(&municipality_code)),
        Some("region") => number_of("county_code", is_code(&county_code)),
        _ => {}
    }
    // In a file without a source they are laid over the actor's present identifiers instead.
    if context.from_source && (given || !record.numbers.is_empty()) && !fields.contains_key("identifiers") {
        fields.insert("identifiers".to_owned(), json!([]));
    }
    // An empty cell of the seat does not override a municipality or county.
    if fields.get("seatAreaId").is_some_and(Value::is_null) && [&municipality_code, &county_code].into_iter().any(Option::is_some) {
        fields.remove("seatAreaId");
    }
    if (municipality.is_some() || county.is_some()) && !fields.contains_key("seatAreaId") {
        // An existing actor is not moved to its county because the cell of its municipality is empty.
        let county_code = county_code.filter(|_| record.id.is_none() || municipality.is_none());
        match municipality_code.or(county_code) {
            Some(code) => drop(fields.insert("seatAreaId".to_owned(), code.into())),
            None if context.from_source => drop(fields.insert("seatAreaId".to_owned(), Value::Null)),
            None => {}
        }
    }
}

/// Returns the organisation's own number, which is used when a record has no external id.
pub(super) fn id_from_number(record: &Record) -> Option<String> {
    let own =
        |number: &&Value| number["scheme"] == rules::ORGANISATION_NUMBER && number["scope"].as_str().is_none_or(|scope| scope == "own");
    let listed = || record.fields.get("identifiers")?.as_array()?.iter().find(own);
    let number = record.numbers.iter().find(own).or_else(listed)?;
    rules::organisation_number(number["value"].as_str()?, "").ok()
}

/// Returns the substitute for an external id when the number cannot be used: the number and the name; without a number, the
/// seat and the name.
pub(super) fn id_from_name(record: &Record) -> String {
    let name = record.fields.get("name").and_then(Value::as_str).map(text::fold).unwrap_or_default();
    let number = record.numbers.iter().find(|number| number["scheme"] == rules::ORGANISATION_NUMBER);
    let listed = || record.fields.get("identifiers")?.as_array()?.iter().find(|number| number["scheme"] == rules::ORGANISATION_NUMBER);
    let number = number.or_else(listed).and_then(|number| number["value"].as_str());
    let place = record.fields.get("seatAreaId").and_then(Value::as_str).unwrap_or_default();
    let id = format!("{}/{name}", number.unwrap_or(place));
    // A long name would exceed the maximum length, so its digest is used.
    if id.chars().count() > 200 { format!("{}/{}", number.unwrap_or(place), sha256_hex(name.as_bytes())) } else { id }
}

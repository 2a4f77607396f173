//! Compiles schemas of the contract, and explains the faults of a value in sentences that a person can act on.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Broken},
};
use serde_json::{Map, Value, json};

use super::{
    contract::{CODE_OF, array},
    language::{Text, say},
    problem::Fault,
    text,
};

/// Returns the name of the component schema that a schema refers to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// Compiles a schema together with all schemas that it refers to, directly or indirectly. A validator stores the document that it is
/// given, so giving each validator all schemas of the contract would take hundreds of megabytes.
///
/// # Errors
/// When the schema refers to one that does not exist.
pub(super) fn compile(schema: &Value, schemas: &Value) -> Result<Validator, String> {
    let mut needed = BTreeSet::new();
    collect_references(schema, schemas, &mut needed);
    let needed: Map<_, _> = needed.into_iter().map(|name| (name.to_owned(), schemas[name].clone())).collect();
    let mut root = schema.clone();
    root["components"] = json!({"schemas": needed});
    require_ids(&mut root);
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .with_format("date", is_day)
        .with_format("date-time", is_point_in_time)
        .with_format("area", is_id)
        .with_format("indicator", is_id)
        .with_format("actor", is_id)
        .with_format("scope", is_id)
        .offline()
        .build(&root)
        .map_err(|error| error.to_string())
}

/// Makes every place for an id or a code accept only ids. Codes are replaced by ids before a call is checked, so a code that is left
/// is unknown.
fn require_ids(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(of) = members.get(CODE_OF).cloned() {
                members.insert("format".to_owned(), of);
                members.remove("maxLength");
            }
            members.values_mut().for_each(require_ids);
        }
        Value::Array(items) => items.iter_mut().for_each(require_ids),
        _ => {}
    }
}

fn is_id(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok()
}

/// Whether a text is a date of the form `2026-03-31`. The year 0 is refused, because other formats do not have it.
fn is_day(text: &str) -> bool {
    let formed = text.len() == 10 && text.bytes().enumerate().all(|(at, byte)| matches!(at, 4 | 7) || byte.is_ascii_digit());
    formed && text.parse::<NaiveDate>().is_ok_and(|day| day.year() > 0)
}

/// Whether a text is a point in time (RFC 3339) that both databases store and sort alike: in the years from 1 to 9999, also in UTC,
/// and not in a leap second, which neither database can store.
fn is_point_in_time(text: &str) -> bool {
    let formed = text.get(..10).is_some_and(is_day) && matches!(text.as_bytes().get(10), Some(b'T' | b't'));
    formed
        && DateTime::parse_from_rfc3339(text)
            .is_ok_and(|time| time.nanosecond() < 1_000_000_000 && (1..=9999).contains(&time.to_utc().year()))
}

/// Collects the names of the component schemas that a schema refers to, directly or indirectly.
fn collect_references<'a>(schema: &'a Value, schemas: &'a Value, needed: &mut BTreeSet<&'a str>) {
    if let Some(name) = reference(schema)
        && schemas.get(name).is_some()
        && needed.insert(name)
    {
        collect_references(&schemas[name], schemas, needed);
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| collect_references(member, schemas, needed)),
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, schemas, needed)),
        _ => {}
    }
}

/// The largest number of faults in one answer.
pub(super) const MOST_FAULTS: usize = 200;
/// The largest number of list items that are checked for all their faults, because the library stores every error.
const MOST_ITEMS: usize = 5000;

/// Returns the faults of a value, at most [`MOST_FAULTS`]. Of a value with more than [`MOST_ITEMS`] items in its lists, these are the
/// first fault of the whole value and the faults of its beginning.
pub(super) fn faults(validator: &Validator, value: &Value) -> Vec<Fault> {
    if validator.is_valid(value) {
        return Vec::new();
    }
    if count_items(value) <= MOST_ITEMS {
        return validator.iter_errors(value).flat_map(|error| explain_error(&error)).take(MOST_FAULTS).collect();
    }
    let mut found: Vec<_> = validator.validate(value).err().iter().flat_map(explain_error).collect();
    let beginning = beginning(value, &mut MOST_ITEMS.clone());
    for fault in validator.iter_errors(&beginning).flat_map(|error| explain_error(&error)).take(MOST_FAULTS) {
        if !found.contains(&fault) {
            found.push(fault);
        }
    }
    found.truncate(MOST_FAULTS);
    found
}

/// Counts the items of all lists in a value.
fn count_items(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.len() + list.iter().map(count_items).sum::<usize>(),
        Value::Object(members) => members.values().map(count_items).sum(),
        _ => 0,
    }
}

/// Returns the value with at most `left` items in its lists. Each list keeps its first two items in any case, because a schema may
/// demand some.
fn beginning(value: &Value, left: &mut usize) -> Value {
    const FEW: usize = 2;
    match value {
        Value::Array(list) => {
            let mut kept = Vec::new();
            for item in list {
                if *left == 0 && kept.len() >= FEW {
                    break;
                }
                *left = left.saturating_sub(1);
                kept.push(beginning(item, left));
            }
            Value::Array(kept)
        }
        Value::Object(members) => Value::Object(members.iter().map(|(name, member)| (name.clone(), beginning(member, left))).collect()),
        other => other.clone(),
    }
}

/// Converts an error of the validator to faults that a person can act on.
fn explain_error(error: &ValidationError<'_>) -> Vec<Fault> {
    let pointer = error.instance_path().to_string();
    let one = |code: &'static str, detail: Text| vec![Fault::at_pointer(pointer.clone(), code, detail)];
    if let Some((code, detail)) = explain_limit(error.kind()) {
        return one(code, detail);
    }
    match error.kind() {
        Broken::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![Fault::at_pointer(
                format!("{pointer}/{name}"),
                "required",
                say!("Ange {name}; uppgiften krävs.", "Give {name}; it is required."),
            )]
        }
        Broken::AdditionalProperties { unexpected } => unexpected
            .iter()
            .take(MOST_FAULTS)
            .map(|name| {
                let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let name = text::quoted(name);
                Fault::at_pointer(
                    place,
                    "unknown",
                    say!(
                        "Uppgiften {name} är okänd här eller kan inte skrivas. Ta bort den eller rätta namnet.",
                        "The member {name} is unknown here or cannot be written. Remove it or correct its name."
                    ),
                )
            })
            .collect(),
        Broken::Type { kind } => {
            let (sv, en) = type_names(kind);
            one("wrong-type", say!("Värdet ska vara {sv}.", "The value must be {en}."))
        }
        Broken::Enum { options } => {
            let options: Vec<_> = array(options).filter_map(Value::as_str).collect();
            let all = options.join(", ");
            let given = error.instance().as_str().unwrap_or_default();
            match text::nearest(given, options.iter().copied()) {
                Some(meant) => one(
                    "not-in-list",
                    say!("Välj ett av värdena {all}. Menade du {meant}?", "Choose one of the values {all}. Did you mean {meant}?"),
                ),
                None => one("not-in-list", say!("Välj ett av värdena {all}.", "Choose one of the values {all}.")),
            }
        }
        Broken::UniqueItems => {
            one("repeated", say!("Samma värde står flera gånger; ange det en gång.", "The same value stands several times; give it once."))
        }
        Broken::Pattern { pattern } => {
            let given = error.instance().as_str().unwrap_or_default();
            one("wrong-form", explain_pattern(pattern, given))
        }
        Broken::Format { format } => {
            let (sv, en) = match format.as_str() {
                "uuid" => {
                    ("ett id, till exempel 01890a5d-ac96-774b-bcce-b302099a8057", "an id, for example 01890a5d-ac96-774b-bcce-b302099a8057")
                }
                "area" => (
                    "ett områdes id eller kod, till exempel 0127; koder är text med alla nollor",
                    "an area's id or code, for example 0127; codes are text with all zeros",
                ),
                "indicator" => ("en indikators id eller kod, till exempel neet", "an indicator's id or code, for example neet"),
                "scope" => (
                    "ett id, eller områdets eller aktörens kod, till exempel 0127",
                    "an id, or the code of the area or actor, for example 0127",
                ),
                "actor" => (
                    "en aktörs id eller dess organisationsnummer så här: SE-ON:212000-2882",
                    "an actor's id, or its organisation number like this: SE-ON:212000-2882",
                ),
                "date" => ("ett datum, till exempel 2026-03-31", "a date, for example 2026-03-31"),
                "date-time" => (
                    "en tidpunkt under åren 1 till 9999 och ingen skottsekund, till exempel 2026-03-31T09:00:00Z",
                    "a point in time in the years 1 to 9999 and no leap second, for example 2026-03-31T09:00:00Z",
                ),
                "email" => ("en e-postadress", "an e-mail address"),
                "uri" => ("en webbadress, till exempel https://example.se/", "a web address, for example https://example.se/"),
                _ => (format.as_str(), format.as_str()),
            };
            one("wrong-form", say!("Värdet ska vara {sv}.", "The value must be {en}."))
        }
        // Of several forms that a value may have, the faults of the nearest one are explained.
        Broken::OneOfNotValid { context } | Broken::AnyOf { context } => context
            .iter()
            .filter(|branch| {
                !branch
                    .iter()
                    .any(|error| matches!(error.kind(), Broken::Type { kind: TypeKind::Single(kind) } if kind.to_string() == "null"))
            })
            .min_by_key(|branch| {
                // A form with another constant was not meant, even if it has few other errors.
                let other = |error: &&ValidationError<'_>| matches!(error.kind(), Broken::Enum { .. } | Broken::Constant { .. });
                (branch.iter().any(|error| other(&error)), branch.len())
            })
            .map_or_else(
                || one("wrong-form", say!("Värdet har fel form.", "The value has the wrong form.")),
                |branch| branch.iter().flat_map(explain_error).collect(),
            ),
        _ => one("wrong-form", say!("Värdet har fel form.", "The value has the wrong form.")),
    }
}

/// Returns the code and the sentence for a value that exceeds a limit; `None` for any other error.
fn explain_limit(fault: &Broken) -> Option<(&'static str, Text)> {
    // Whole numbers are shown without a fraction.
    let whole = |limit: &Value| limit.to_string().trim_end_matches(".0").to_owned();
    Some(match fault {
        Broken::MinLength { limit } => ("too-short", say!("Skriv minst {limit} tecken.", "Write at least {limit} characters.")),
        Broken::MaxLength { limit } => ("too-long", say!("Skriv högst {limit} tecken.", "Write at most {limit} characters.")),
        Broken::MinItems { limit } => ("too-few", say!("Ange minst {limit} värden.", "Give at least {limit} values.")),
        Broken::MaxItems { limit } => ("too-many", say!("Ange högst {limit} värden.", "Give at most {limit} values.")),
        Broken::Minimum { limit } => {
            let limit = whole(limit);
            ("too-small", say!("Värdet ska vara minst {limit}.", "The value must be at least {limit}."))
        }
        Broken::ExclusiveMinimum { limit } => {
            let limit = whole(limit);
            ("too-small", say!("Värdet ska vara större än {limit}.", "The value must be greater than {limit}."))
        }
        Broken::Maximum { limit } => {
            let limit = whole(limit);
            ("too-large", say!("Värdet ska vara högst {limit}.", "The value must be at most {limit}."))
        }
        Broken::ExclusiveMaximum { limit } => {
            let limit = whole(limit);
            ("too-large", say!("Värdet ska vara mindre än {limit}.", "The value must be less than {limit}."))
        }
        _ => return None,
    })
}

/// Returns the values of a pattern that is a choice, such as `^(a|b)$`; `None` for any other pattern.
fn options(pattern: &str) -> Option<Vec<&str>> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let choice = inner.strip_prefix("-?").unwrap_or(inner);
    let choice = choice.strip_prefix('(').and_then(|choice| choice.strip_suffix(')')).unwrap_or(choice);
    let plain = |option: &&str| option.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-'));
    let options: Vec<_> = choice.split('|').collect();
    options.iter().all(plain).then_some(options)
}

/// Returns a sentence with an example for a value that does not match a pattern.
fn explain_pattern(pattern: &str, given: &str) -> Text {
    if let Some(options) = options(pattern) {
        let all = options.join(", ");
        if pattern.starts_with("^-?") {
            return say!(
                "Välj ett av värdena {all}, med minustecken före för omvänd ordning.",
                "Choose one of the values {all}, with a minus before it for the reverse order."
            );
        }
        return match text::nearest(given, options.iter().copied()) {
            Some(meant) => say!("Välj ett av värdena {all}. Menade du {meant}?", "Choose one of the values {all}. Did you mean {meant}?"),
            None => say!("Välj ett av värdena {all}.", "Choose one of the values {all}."),
        };
    }
    let (sv, en) = FORMS.iter().find(|(known, ..)| *known == pattern).map_or(
        ("på rätt form; se exemplet i dokumentationen", "of the right form; see the example in the documentation"),
        |(_, sv, en)| (*sv, *en),
    );
    say!("Värdet ska vara {sv}.", "The value must be {en}.")
}

/// Descriptions, in Swedish and English, of all patterns in the contract that are no choices.
const FORMS: &[(&str, &str, &str)] = &[
    (
        r"^https?://[^\s]+$",
        "en webbadress som börjar med https://, till exempel https://www.example.se",
        "a web address that begins with https://, for example https://www.example.se",
    ),
    ("^[0-9]{4}$", "fyra siffror med alla nollor, till exempel 0127", "four digits with all zeros, for example 0127"),
    (
        r"^\+?[0-9][0-9 ()/-]{3,38}$",
        "ett telefonnummer, till exempel 08-530 610 00 eller +46 8 530 610 00",
        "a telephone number, for example 08-530 610 00 or +46 8 530 610 00",
    ),
    (
        "^[a-z][a-z0-9_]{0,39}$",
        "ett kort namn av små bokstäver a–z, siffror och understreck som börjar med en bokstav, till exempel effect",
        "a short name of the letters a–z, digits and underscores that begins with a letter, for example effect",
    ),
    (
        "^[a-z][a-z0-9_]{1,63}$",
        "ett namn av små bokstäver a–z, siffror och understreck som börjar med en bokstav, till exempel disposable_income",
        "a name of the letters a–z, digits and underscores that begins with a letter, for example disposable_income",
    ),
    (
        "^(SE-ON|municipality_code|county_code|kolada_id|external:[a-z0-9-]{1,40})$",
        "SE-ON, municipality_code, county_code, kolada_id eller external: följt av källans namn, till exempel external:foreningsregistret",
        "SE-ON, municipality_code, county_code, kolada_id or external: followed by the source's name, for example external:foreningsregistret",
    ),
    (r"\S", "något annat än mellanslag", "something other than blanks"),
    (
        "^[1-9][0-9]?[a-z]?$",
        "en paragraf utan paragraftecken, till exempel 1 eller 18a",
        "a section without its sign, for example 1 or 18a",
    ),
];

fn type_names(kind: &TypeKind) -> (String, String) {
    let names: Vec<(&str, &str)> = match kind {
        TypeKind::Single(one) => vec![type_name(&one.to_string())],
        TypeKind::Multiple(several) => several.iter().map(|one| type_name(&one.to_string())).collect(),
    };
    let (sv, en): (Vec<_>, Vec<_>) = names.into_iter().unzip();
    (sv.join(" eller "), en.join(" or "))
}

fn type_name(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "string" => ("en text inom citattecken", "a text in quotation marks"),
        "integer" => ("ett heltal", "a whole number"),
        "number" => ("ett tal", "a number"),
        "boolean" => ("true eller false", "true or false"),
        "array" => ("en lista [ ]", "a list [ ]"),
        "object" => ("ett objekt { }", "an object { }"),
        _ => ("null", "null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abuse_59_days_are_days_that_have_been() {
        let validator = compile(&json!({"type": "string", "format": "date"}), &Value::Null).unwrap();
        for day in ["2026-03-31", "0001-01-01", "9999-12-31", "2024-02-29"] {
            assert!(validator.is_valid(&json!(day)), "{day}");
        }
        for no_day in
            ["0000-01-01", "2026-02-29", "2026-3-1", "2026- 3-31", "+026-03-31", "+2026-03-31", "300000-01-01", "2026-03-31T00:00:00Z", ""]
        {
            assert!(!validator.is_valid(&json!(no_day)), "{no_day}");
        }
    }

    #[test]
    fn abuse_136_points_in_time_are_such_as_both_databases_know() {
        let validator = compile(&json!({"type": "string", "format": "date-time"}), &Value::Null).unwrap();
        let known = [
            "2026-03-31T09:00:00Z",
            "2026-03-31t09:00:00.123456+02:00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59+01:00",
        ];
        for moment in known {
            assert!(validator.is_valid(&json!(moment)), "{moment}");
        }
        let unknown = [
            "2016-12-31T23:59:60Z",
            "2017-01-01T00:59:60+01:00",
            "2026-03-31T09:00:60Z",
            "0000-06-01T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+262000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "2026-03-31 09:00:00Z",
            "2026-03-31T09:00:00",
            "2026-03-31T24:00:00Z",
            "2026-03-31T09:00Z",
            "2026-03-31",
            "",
        ];
        for none in unknown {
            assert!(!validator.is_valid(&json!(none)), "{none}");
        }
    }

    #[test]
    fn every_pattern_of_the_contract_has_a_description() {
        fn patterns(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("pattern").and_then(Value::as_str).map(ToOwned::to_owned));
                    members.values().for_each(|member| patterns(member, found));
                }
                Value::Array(items) => items.iter().for_each(|item| patterns(item, found)),
                _ => {}
            }
        }
        let contract: Value = serde_json::from_str(include_str!("../../../openapi/samsyn.json")).unwrap();
        let mut found = BTreeSet::new();
        patterns(&contract, &mut found);
        assert!(found.len() > 5);
        for pattern in found {
            let is_described = options(&pattern).is_some() || FORMS.iter().any(|(known, ..)| *known == pattern);
            assert!(is_described, "say in FORMS what {pattern} means");
        }
    }

    #[test]
    fn abuse_113_what_is_told_of_a_body_has_an_end() {
        let schema = json!({"type": "array", "maxItems": 1000, "items": {"type": "object", "required": ["a"]}});
        let validator = compile(&schema, &Value::Null).unwrap();
        let list = |items: usize, item: Value| Value::Array(vec![item; items]);
        let codes = |value: &Value| {
            faults(&validator, value).into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect::<Vec<_>>()
        };
        assert_eq!(codes(&list(3, json!({}))), ["/0/a required", "/1/a required", "/2/a required"]);
        assert_eq!(codes(&list(250_000, json!({}))).len(), MOST_FAULTS);
        assert_eq!(codes(&list(250_000, json!({"a": 1}))), [" too-many"]);
        // A fault beyond the first items is found too.
        let mut late = list(20_000, json!({"a": 1}));
        late[15_000] = json!({});
        let large = compile(&json!({"type": "array", "items": {"type": "object", "required": ["a"]}}), &Value::Null).unwrap();
        assert_eq!(faults(&large, &late)[0].pointer, "/15000/a");
    }

    #[test]
    fn a_schema_is_compiled_with_those_it_needs() {
        let schemas = json!({"Tree": {"type": "object", "properties": {"leaf": {"$ref": "#/components/schemas/Leaf"},
            "below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}}, "Leaf": {"type": "integer"}, "Other": {}});
        let schema = json!({"$ref": "#/components/schemas/Tree"});
        let mut needed = BTreeSet::new();
        collect_references(&schema, &schemas, &mut needed);
        assert_eq!(needed.into_iter().collect::<Vec<_>>(), ["Leaf", "Tree"]);
        let validator = compile(&schema, &schemas).unwrap();
        assert!(validator.is_valid(&json!({"leaf": 1, "below": [{"leaf": 2}]})));
        assert!(!validator.is_valid(&json!({"below": [{"leaf": "x"}]})));
        assert!(compile(&json!({"$ref": "#/components/schemas/Gone"}), &schemas).is_err());
    }
}

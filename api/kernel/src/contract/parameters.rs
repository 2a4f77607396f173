//! The parameters of a query, read and checked.

use serde_json::{Map, Value};

use super::{Operation, forbidden};
use crate::{
    language::say,
    page, personal_number,
    problem::{Fault, Kind, Problem, Result},
    schema::faults,
    text,
};

/// The type of a parameter, by which its text is converted to JSON. The items of a list are separated by commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterType {
    Text,
    Integer,
    Boolean,
    List,
}

impl Operation {
    /// Parses a query string into a JSON object. Each parameter must be known, of its type, and given once. The values of a list may be
    /// separated by commas and by repeating the parameter. An empty cursor is none.
    ///
    /// # Errors
    /// When a parameter is wrong (400). The problem has all faults found.
    pub fn parameters(&self, query: &str) -> Result<Value> {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| Problem::new(Kind::InvalidParameter))?
            .into_inner();
        let mut given = Map::new();
        let mut found = Vec::new();
        for (name, value) in pairs {
            if personal_number::contains(&name) || (name != "cursor" && personal_number::contains(&value)) {
                found.push(personal_number::fault_of_parameter(&personal_number::mask(&name)));
                continue;
            }
            let Some((_, parameter_type)) = self.parameters.iter().find(|(known, _)| *known == name) else {
                found.push(self.unknown_parameter(&name));
                continue;
            };
            if name == "cursor" && value.is_empty() {
                continue;
            }
            if *parameter_type != ParameterType::List && given.contains_key(&name) {
                let detail = say!("Ange {name} bara en gång.", "Give {name} only once.");
                found.push(Fault::of_parameter(&name, "repeated", detail));
                continue;
            }
            let value = match parameter_type {
                ParameterType::Integer => whole_number(&value).map_or(Value::String(value), Value::from),
                ParameterType::Boolean => value.parse::<bool>().map_or(Value::String(value), Value::from),
                ParameterType::Text => Value::String(text::composed(&value)),
                ParameterType::List => {
                    let mut list = if let Some(Value::Array(list)) = given.remove(&name) { list } else { Vec::new() };
                    list.extend(value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from));
                    Value::Array(list)
                }
            };
            if let Some(Value::String(text)) = Some(&value)
                && let Some(letter) = text::forbidden_character(text)
            {
                found.push(Fault::of_parameter(&name, "forbidden-character", forbidden(letter)));
                continue;
            }
            given.insert(name, value);
        }
        for (name, _) in given.iter().filter(|(_, value)| value.as_array().is_some_and(Vec::is_empty)) {
            let detail =
                say!("Ange minst ett värde i {name}, eller ta bort {name}.", "Give at least one value in {name}, or remove {name}.");
            found.push(Fault::of_parameter(name, "empty", detail));
        }
        let given = Value::Object(given);
        found.extend(faults(&self.query, &given).into_iter().map(|fault| {
            let name = fault.pointer.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
            Fault { pointer: String::new(), parameter: Some(name), ..page::explained(fault) }
        }));
        if found.is_empty() { Ok(given) } else { Err(Problem::parameters(found)) }
    }

    fn unknown_parameter(&self, name: &str) -> Fault {
        let known = self.parameters.iter().map(|(name, _)| name.as_str());
        let (given, name) = (name, text::quoted(name));
        let detail = match (text::nearest(given, known), self.parameters.is_empty()) {
            (Some(meant), _) => {
                say!("Parametern {name} finns inte här. Menade du {meant}?", "There is no parameter {name} here. Did you mean {meant}?")
            }
            (None, true) => say!("Här finns inga parametrar; ta bort {name}.", "There are no parameters here; remove {name}."),
            (None, false) => {
                let all = self.parameters.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
                say!(
                    "Parametern {name} finns inte här. De som finns är {all}.",
                    "There is no parameter {name} here. Those that exist are {all}."
                )
            }
        };
        Fault::of_parameter(given, "unknown", detail)
    }
}

/// Returns the number of a text such as `5` or `5.0`.
fn whole_number(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.bytes().any(|digit| digit != b'0') { None } else { whole.parse().ok() }
}

//! Computes what is written of a record that turns out to be an actor which already exists. No present value is lost:
//! members with a value keep it, empty members are filled, and lists are united. Only a person may choose otherwise, member
//! by member.

use serde_json::{Value, json};

use crate::{
    kernel::text::fold,
    registry::actors::rules::MAX_FORMER_NAMES,
    sources::rules::{Record, is_empty},
};

/// The lists of an actor, with the maximum number of items of each.
const LISTS: [(&str, usize); 9] = [
    ("otherNames", 20),
    ("formerNames", MAX_FORMER_NAMES),
    ("areasServed", 400),
    ("policyDomains", 30),
    ("targetGroups", 30),
    ("workingMethods", 30),
    ("languages", 50),
    ("contactPoints", 20),
    ("identifiers", 20),
];

/// Returns the members to write from a given record over the present values. Members in `take` are taken from the record
/// whatever their present values are.
#[must_use]
pub fn unite_members(given: &Record, current: &Record, take: &[String]) -> Record {
    let mut write = Record::new();
    for (member, new) in given {
        let present = current.get(member).unwrap_or(&Value::Null);
        let becomes = if take.contains(member) {
            // Replace only numbers of the schemes that the record has: a code that the source does not know is kept.
            if member == "identifiers" { replace_identifiers(present, new) } else { new.clone() }
        } else if is_empty(new) {
            continue;
        } else if let Some((_, most)) = LISTS.iter().find(|(list, _)| list == member) {
            unite_lists(member, present, new, current.get("name").and_then(Value::as_str), *most)
        } else if is_empty(present) {
            new.clone()
        } else {
            continue;
        };
        if becomes != *present {
            write.insert(member.clone(), becomes);
        }
    }
    write
}

fn items(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// Returns the key that identifies an item of a list, regardless of case and accents.
fn item_key(member: &str, item: &Value) -> String {
    let text = match member {
        "contactPoints" => item["function"].as_str(),
        "formerNames" => item["name"].as_str(),
        _ => item.as_str(),
    };
    fold(text.unwrap_or_default().trim())
}

/// Unites two lists. The present items come first.
fn unite_lists(member: &str, present: &Value, new: &Value, name: Option<&str>, most: usize) -> Value {
    let mut all = items(present);
    for item in items(new) {
        if member == "identifiers" {
            // A second own number of the same scheme is not added: that would be another organisation.
            let is_there = |known: &Value| {
                known["scheme"] == item["scheme"]
                    && (known["value"] == item["value"] || [known, &item].iter().all(|one| one["scope"] == "own"))
            };
            if !all.iter().any(is_there) {
                all.push(item);
            }
            continue;
        }
        let called = item_key(member, &item);
        match all.iter_mut().find(|known| item_key(member, known) == called) {
            Some(known) if member == "contactPoints" => {
                for way in ["email", "phone"] {
                    if known[way].is_null() && !item[way].is_null() {
                        known[way] = item[way].clone();
                    }
                }
            }
            Some(_) => {}
            None if member == "otherNames" && name.is_some_and(|name| fold(name) == called) => {}
            None => all.push(item),
        }
    }
    all.truncate(most.max(items(present).len()));
    if member == "areasServed" {
        // The registry stores them in order.
        all.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
    json!(all)
}

/// Returns the identifiers of the record, and the present ones of other schemes.
fn replace_identifiers(present: &Value, new: &Value) -> Value {
    let mut all = items(new);
    let given: Vec<Value> = all.iter().map(|number| number["scheme"].clone()).collect();
    all.extend(items(present).into_iter().filter(|number| !given.contains(&number["scheme"])));
    json!(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: Value) -> Record {
        value.as_object().cloned().unwrap_or_default()
    }

    fn number(scheme: &str, value: &str) -> Value {
        json!({"scheme": scheme, "value": value, "scope": "own"})
    }

    #[test]
    fn what_is_filled_stays_and_lists_are_united() {
        let current = record(json!({"kind": "municipality", "name": "Ale kommun", "website": "https://www.ale.se", "focus": null,
            "otherNames": ["Ale"], "identifiers": [number("municipality_code", "1440"), number("kolada_id", "1440")],
            "contactPoints": [{"function": "Registrator", "email": "a@ale.example.se", "phone": null}]}));
        let given = record(json!({"kind": "company", "name": "ALE KOMMUN", "website": null, "focus": "Allt",
            "otherNames": ["ALE", "ale kommun", "Ahle"], "identifiers": [number("SE-ON", "2120001439"), number("kolada_id", "9999")],
            "contactPoints": [{"function": "registrator", "email": "b@ale.example.se", "phone": "0303-70 30 00"}]}));
        assert_eq!(
            Value::Object(unite_members(&given, &current, &[])),
            json!({"focus": "Allt", "otherNames": ["Ale", "Ahle"],
                "identifiers": [number("municipality_code", "1440"), number("kolada_id", "1440"), number("SE-ON", "2120001439")],
                "contactPoints": [{"function": "Registrator", "email": "a@ale.example.se", "phone": "0303-70 30 00"}]})
        );
        let take = ["name", "identifiers"].map(ToOwned::to_owned);
        let taken = unite_members(&given, &current, &take);
        assert_eq!(taken["name"], json!("ALE KOMMUN"));
        let numbers = [number("SE-ON", "2120001439"), number("kolada_id", "9999"), number("municipality_code", "1440")];
        assert_eq!(taken["identifiers"], json!(numbers));
        assert!(unite_members(&record(json!({"name": "Ale kommun", "focus": "", "otherNames": []})), &current, &[]).is_empty());
    }
}

//! Finds areas as files name them: by id, by code, or by the name of a municipality or county.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::record::Record;
use crate::{
    columns,
    geography::areas::{AreaLevel, store as areas},
    kernel::{Fault, Result, Write, say, text},
};

/// The areas that rows name.
pub(super) struct AreaLookup {
    by_code: HashMap<String, Uuid>,
    by_name: HashMap<String, Uuid>,
}

impl AreaLookup {
    /// Looks up the areas of the records. The number of queries does not depend on the number of records.
    pub(super) async fn load<'a>(records: impl Iterator<Item = &'a Record>, w: &Write<'_>) -> Result<Self> {
        let mut asked: Vec<String> = Vec::new();
        for record in records {
            let seat = record.fields.get("seatAreaId").and_then(Value::as_str);
            let served = record.fields.get("areasServed").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let locality = record.helpers.get(columns::LOCALITY).and_then(Value::as_str);
            asked.extend(
                seat.into_iter().chain(served).chain(locality).filter(|code| Uuid::parse_str(code).is_err()).map(ToOwned::to_owned),
            );
        }
        asked.sort();
        asked.dedup();
        let mut places = Self { by_code: HashMap::new(), by_name: HashMap::new() };
        if asked.is_empty() {
            return Ok(places);
        }
        let named = asked.iter().any(|code| code.chars().any(char::is_alphabetic));
        places.by_code = areas::by_codes(&asked, &w.tx).await?.into_iter().map(|(code, area)| (code, area.id.uuid())).collect();
        if named {
            // Names of counties have a further word, such as "län", so they do not collide with names of municipalities.
            for area in areas::by_levels(&[AreaLevel::County, AreaLevel::Municipality], &w.tx).await? {
                places.by_name.insert(text::fold(&area.name), area.id.uuid());
            }
        }
        Ok(places)
    }

    fn find(&self, called: &str) -> Option<Uuid> {
        if let Ok(id) = Uuid::parse_str(called) {
            return Some(id);
        }
        let name = text::fold(called.trim());
        let bare = name.strip_suffix(" kommun").unwrap_or(&name);
        let names = [name.as_str(), bare, bare.strip_suffix('s').unwrap_or(bare)];
        self.by_code.get(called.trim()).or_else(|| names.iter().find_map(|name| self.by_name.get(*name))).copied()
    }

    /// Replaces the names and codes of a record's areas by ids. Returns the faults of areas that are unknown.
    pub(super) fn resolve(&self, record: &mut Record) -> Vec<Fault> {
        // The name of a postal town does not move an actor that already exists.
        let locality = record.helpers.remove(columns::LOCALITY).filter(|_| record.id.is_none());
        if record.fields.get("seatAreaId").is_none_or(Value::is_null)
            && let Some(area) = locality.as_ref().and_then(Value::as_str).and_then(|locality| self.find(locality))
        {
            record.fields.insert("seatAreaId".to_owned(), area.to_string().into());
        }
        let mut faults = Vec::new();
        let mut put = |value: &mut Value, pointer: String| {
            let Some(called) = value.as_str() else { return };
            match self.find(called) {
                Some(id) => *value = id.to_string().into(),
                None => faults.push(Fault::at_pointer(
                    pointer,
                    "not-found",
                    say!(
                        "Området {called} finns inte. Skriv kommunens kod, till exempel 0127, eller dess namn.",
                        "There is no area {called}. Write the municipality's code, for example 0127, or its name."
                    ),
                )),
            }
        };
        if let Some(seat) = record.fields.get_mut("seatAreaId") {
            put(seat, "/seatAreaId".to_owned());
        }
        if let Some(Value::Array(served)) = record.fields.get_mut("areasServed") {
            for (at, area) in served.iter_mut().enumerate() {
                put(area, format!("/areasServed/{at}"));
            }
        }
        faults
    }
}

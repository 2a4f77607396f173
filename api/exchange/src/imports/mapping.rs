//! Turns the rows of a file into records: which column is which member, and what the cells mean. Nothing is looked up here,
//! so areas and parents are still as the file names them.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::{
    cells::{contact_column, hidden_members},
    helpers,
};
pub use super::{
    headings::FileContext,
    record::{Record, Row},
};
use crate::{
    columns::{self, COLUMNS},
    intake::{
        cells::{Cells, unstorable, value},
        columns::{Column, Columns, plain},
        formats::{Item, MAX_FAULTS},
        headings::{Headings, Meanings},
        spool::Reader,
        store::MAX_RECORDED_REFUSALS,
        types::RowFault,
    },
    kernel::{Fault, Problem, Result as Outcome, hash::digest128 as key, say},
    registry::actors::{ActorKind, rules},
};

/// How many earlier rows with the same record are remembered.
const MAX_REPEATS: usize = 100;

/// Reads rows by their headings.
#[derive(Debug)]
pub struct Mapping {
    context: FileContext,
    /// The headings of the file.
    pub headings: Headings,
    /// The first row with each id, and the digest of its name.
    first: HashMap<[u8; 16], (u32, [u8; 16])>,
    /// The later rows with each id.
    again: HashMap<[u8; 16], Vec<u32>>,
    /// The number of rows that cannot be used.
    refused: usize,
}

/// The meanings of headings in a file of organisations. When several columns are about one member, the one with the best
/// name is read.
impl Meanings for FileContext {
    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    /// Returns the member of a heading and the rank of its name; lower is better. Some headings depend on the kind of actor
    /// in the file.
    fn meaning(&self, heading: &str) -> Option<(&'static Column, usize)> {
        let plain = plain(heading);
        if let Some((_, column)) = self.columns.iter().find(|(chosen, _)| *chosen == plain) {
            return Some((column, 0));
        }
        let is_name = match plain.as_str() {
            "kommunnamn" => self.kind == Some(ActorKind::Municipality),
            "region" | "regionnamn" => self.kind == Some(ActorKind::Region),
            _ => false,
        };
        if is_name { COLUMNS.find_by_member("name").map(|column| (column, 0)) } else { COLUMNS.find_by_heading(heading) }
            // A heading that names the file's own kind of actor is better than any other.
            .map(|(column, place)| (column, if is_name { 0 } else { place + 1 }))
    }
}

impl Reader for Mapping {
    type Row = Row;

    fn take(&mut self, item: Item) -> Outcome<Option<Row>> {
        let (row, (record, faults)) = match item {
            Item::Heading(names) => {
                self.headings.read(&names, &self.context).map_err(Problem::invalid)?;
                return Ok(None);
            }
            Item::Broken(row, faults) => (row, (None, faults.into_iter().map(|fault| RowFault::from_fault(fault, None)).collect())),
            Item::Cells(row, cells) => {
                let cells = self.headings.cells(cells);
                (row, self.read_record(cells))
            }
            Item::Object(row, members) => {
                let cells = self.headings.members(members, &self.context);
                (row, self.read_record(cells))
            }
        };
        let mut record = record;
        let repeats = record.as_mut().filter(|_| faults.is_empty()).map(|record| self.note_repeats(row, record)).unwrap_or_default();
        let external_id = record.as_ref().map(|record| record.external_id.clone());
        let mut read = match record {
            Some(record) if faults.is_empty() => Row { row, external_id, read: Ok(record), repeats, rest: None },
            rest => Row { row, external_id, read: Err(faults), repeats, rest },
        };
        if let Err(faults) = &mut read.read {
            self.refused += 1;
            faults.truncate(MAX_FAULTS);
            if self.refused > MAX_RECORDED_REFUSALS {
                // Details that will not be reported need not be stored.
                faults.clear();
                read.rest = None;
            }
        }
        Ok(Some(read))
    }

    fn into_headings(self) -> Headings {
        self.headings
    }
}

impl Mapping {
    /// Starts with no headings and no rows.
    #[must_use]
    pub fn new(context: FileContext) -> Self {
        Self { context, headings: Headings::default(), first: HashMap::new(), again: HashMap::new(), refused: 0 }
    }

    /// Remembers a record, and returns the earlier rows with the same record.
    fn note_repeats(&mut self, row: u32, record: &mut Record) -> Vec<u32> {
        let parent = record.fields.get("parentId").and_then(Value::as_str);
        record.parent_is_in_file = parent.is_some_and(|parent| {
            let number = rules::organisation_number(parent, "");
            [Some(parent), number.as_deref().ok()].into_iter().flatten().any(|parent| self.first.contains_key(&key(parent)))
        });
        let called = key(&rules::name_key(record.fields.get("name").and_then(Value::as_str).unwrap_or_default()));
        let key_of = |record: &Record| key(&record.id.map_or_else(|| record.external_id.clone(), |id| id.to_string()));
        // A number that several rows have under different names is no key: a person must say whose it is.
        if record.by_number && self.first.get(&key_of(record)).is_some_and(|(_, name)| *name != called) {
            record.by_number = false;
            record.external_id = helpers::id_from_name(record);
        }
        let id = key_of(record);
        let Some((first, _)) = self.first.get(&id) else {
            self.first.insert(id, (row, called));
            return Vec::new();
        };
        let again = self.again.entry(id).or_default();
        let before = std::iter::once(*first).chain(again.iter().copied()).take(MAX_REPEATS).collect();
        again.push(row);
        before
    }

    /// Returns the record of a row, as far as it can be read, and the row's faults.
    fn read_record(&self, cells: Cells) -> (Option<Record>, Vec<RowFault>) {
        let mut faults = unstorable(&cells);
        if !faults.is_empty() {
            return (None, faults);
        }
        // Values that were exported from here are taken exactly. In other files blanks around words mean nothing.
        let exact = ["id", "version"].iter().all(|member| cells.iter().any(|(column, ..)| column.member == *member));
        let headings: HashMap<_, _> = cells.iter().map(|(column, heading, _)| (column.member, heading.clone())).collect();
        let hidden = hidden_members(&cells, &mut faults);
        let mut record = Record::default();
        for (column, heading, given) in cells {
            let column = contact_column(column, &given);
            let member = columns::target_member(column.member);
            if hidden.iter().any(|hidden| hidden == member) {
                // The value is not the one that the actor has.
                if !record.redacted.iter().any(|known| known == member) {
                    record.redacted.push(member.to_owned());
                }
                continue;
            }
            match value(column, given, &heading, exact) {
                // A specific column takes precedence over one that may hold several things.
                Ok(Some(value)) if record.fields.get(column.member).is_none_or(Value::is_null) => {
                    record.fields.insert(column.member.to_owned(), value);
                }
                Ok(_) => {}
                // One unreadable cell that is not required does not keep the record out.
                Err(fault) if columns::DISPENSABLE.contains(&column.member) => {
                    record.aside.push(RowFault::from_fault(fault, Some(heading)));
                }
                Err(fault) => faults.push(RowFault::from_fault(fault, Some(heading))),
            }
        }
        self.read_ids(&mut record, &mut faults);
        helpers::apply_helpers(&mut record, &self.context, exact);
        helpers::collect_identifiers(&mut record, &self.context);
        record.fields.retain(|member, _| !hidden.contains(member));
        let told = |faults: &[RowFault], pointer: &str| faults.iter().any(|fault| fault.pointer == pointer);
        if record.id.is_none() && !record.fields.contains_key("kind") && !told(&faults, "/kind") {
            match self.context.kind.and_then(|kind| serde_json::to_value(kind).ok()) {
                Some(kind) => {
                    record.fields.insert("kind".to_owned(), kind);
                    record.defaults.push("kind".to_owned());
                }
                None => faults.push(RowFault::from_fault(no_kind(), None)),
            }
        }
        if record.id.is_none() && record.fields.get("name").is_none_or(Value::is_null) && !told(&faults, "/name") {
            let detail = say!("Ange organisationens namn; uppgiften krävs.", "Give the organisation's name; it is required.");
            faults.push(RowFault::from_fault(Fault::at_pointer("/name", "required", detail), headings.get("name").cloned()));
        }
        if record.external_id.is_empty() {
            let number = helpers::id_from_number(&record);
            record.by_number = self.context.from_source && number.is_some();
            record.external_id = number.filter(|_| record.by_number).unwrap_or_else(|| helpers::id_from_name(&record));
        }
        (Some(record), faults)
    }

    /// Moves the ids and the version from the fields of a record to their own places.
    fn read_ids(&self, record: &mut Record, faults: &mut Vec<RowFault>) {
        let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default();
        record.version = record.fields.remove("version").and_then(|version| version.as_i64());
        record.external_id = text(record.fields.remove(columns::EXTERNAL_ID));
        let id = text(record.fields.remove("id"));
        if self.context.from_source {
            if record.external_id.is_empty() {
                record.external_id = id;
            }
        } else if !id.is_empty() {
            match Uuid::parse_str(&id) {
                Ok(id) => record.id = Some(id),
                Err(_) => faults.push(RowFault::from_fault(
                    Fault::at_pointer(
                        "/id",
                        "wrong-form",
                        say!(
                            "Värdet i id är inget id här i Samsyn. Är det er egen beteckning, ange källan i sourceId.",
                            "The value in id is no id of this service. If it is your own designation, give the source in sourceId."
                        ),
                    ),
                    None,
                )),
            }
        }
        if record.external_id.chars().count() > 200 {
            record.external_id.clear();
            let detail = say!("Externt id får ha högst 200 tecken.", "An external id may have at most 200 characters.");
            faults.push(RowFault::from_fault(Fault::at_pointer("/externalId", "too-long", detail), None));
        }
    }
}

fn no_kind() -> Fault {
    Fault::at_pointer(
        "/kind",
        "required",
        say!(
            "Raden säger inte vad för slags aktör det är. Ange kind i anropet, till exempel kind=association, eller en kolumn Typ.",
            "The row does not say what kind of actor it is. Give kind in the call, for example kind=association, or a column kind."
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intake::{
        formats::{Format, all},
        headings::ChosenMeanings,
    };

    fn read(text: &str, kind: Option<ActorKind>, from_source: bool) -> (Mapping, Vec<Row>) {
        let mut mapping =
            Mapping::new(FileContext { kind, from_source, today: "2026-11-22".parse().unwrap(), columns: ChosenMeanings::default() });
        let format = if text.starts_with(['[', '{']) { Format::Json } else { Format::Csv };
        let rows = all(format, text.as_bytes()).unwrap().into_iter().filter_map(|item| mapping.take(item).unwrap()).collect();
        (mapping, rows)
    }

    fn record(text: &str, kind: Option<ActorKind>) -> Record {
        read(text, kind, true).1.remove(0).read.unwrap()
    }

    fn codes(row: &Row) -> Vec<String> {
        let faults = row.read.clone().err().unwrap_or_default();
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn an_agency_of_the_public_register_is_read() {
        let text = "namn,orgnr,grupp,webb,epost,start,slut\nVÄGVERKET,202100-0639,,www.vv.se,registrator@vv.se,1975,2010\n";
        let (mapping, rows) = read(text, Some(ActorKind::Agency), true);
        assert_eq!(mapping.headings.left_out.iter().map(|left| left.heading.as_str()).collect::<Vec<_>>(), ["grupp"]);
        let record = rows[0].read.clone().unwrap();
        assert_eq!((record.external_id.as_str(), record.by_number), ("2021000639", true));
        assert_eq!(record.numbers, [json!({"scheme": "SE-ON", "value": "2021000639"})]);
        assert_eq!(
            Value::Object(record.fields),
            json!({"name": "VÄGVERKET", "website": "https://www.vv.se", "founded": "1975-01-01", "dissolved": "2010-12-31",
                "contactPoints": [{"email": "registrator@vv.se", "function": "Registrator"}], "status": "dissolved", "identifiers": [], "kind": "agency"})
        );
    }

    #[test]
    fn a_name_of_a_municipality_is_its_own_only_in_a_file_of_municipalities() {
        let text = "kommunkod,namn,kommunnamn,lanskod\n127,Botkyrka,Botkyrka kommun,1\n";
        let municipality = record(text, Some(ActorKind::Municipality));
        assert_eq!(
            (municipality.fields["name"].as_str(), municipality.fields["seatAreaId"].as_str()),
            (Some("Botkyrka kommun"), Some("0127"))
        );
        assert_eq!(municipality.numbers, [json!({"scheme": "municipality_code", "value": "0127"})]);
        let association = record("namn;kommunnamn\nFittja IF;Botkyrka\n", Some(ActorKind::Association));
        assert_eq!((association.fields["name"].as_str(), association.fields["seatAreaId"].as_str()), (Some("Fittja IF"), Some("Botkyrka")));
        let region = record("lanskod,lan,region,orgnr\n01,Stockholms län,Region Stockholm,232100-0016\n", Some(ActorKind::Region));
        assert_eq!((region.fields["name"].as_str(), region.fields["seatAreaId"].as_str()), (Some("Region Stockholm"), Some("01")));
    }

    #[test]
    fn unknown_columns_are_left_out_and_told_of() {
        let (mapping, _) = read("Namn;Kassör;Organisatonsnummer;811228-9874\nA;Kim;;x\n", Some(ActorKind::Association), true);
        let told: Vec<_> = mapping.headings.left_out.iter().map(|left| (left.heading.as_str(), left.did_you_mean.as_deref())).collect();
        assert_eq!(told, [("Kassör", None), ("Organisatonsnummer", Some("Organisationsnummer")), ("[personnummer]", None)]);
    }

    #[test]
    fn cells_are_read_as_a_person_means_them() {
        let text = "Namn;Säte;Kommun;Webb;Kontakt;Syfte\nA;;0127;ingen webb;info@kontakt.example;y\nB;;;;08-530 610 00;\nC;;;;Kim Larsson;\n\
            D;;;#SAKNAS!;;\nE;;;;;#N/A\n#VÄRDEFEL!;;;;;\n";
        let (_, rows) = read(text, Some(ActorKind::Association), true);
        let record_at = |at: usize| rows[at].read.clone().unwrap();
        assert_eq!(
            (record_at(0).fields["seatAreaId"].as_str(), &record_at(0).fields["contactPoints"][0]["email"]),
            (Some("0127"), &json!("info@kontakt.example"))
        );
        assert_eq!(record_at(1).fields["contactPoints"][0]["phone"], json!("08-530 610 00"));
        let aside = |at: usize| {
            record_at(at)
                .aside
                .iter()
                .map(|fault| format!("{} {}", fault.column.clone().unwrap_or_default(), fault.code))
                .collect::<Vec<_>>()
        };
        assert_eq!([aside(2), aside(3)], [vec!["Kontakt malformed-json".to_owned()], vec!["Webb formula-error".to_owned()]]);
        assert_eq!([codes(&rows[4]), codes(&rows[5])], [["/focus formula-error"], ["/name formula-error"]]);
    }

    #[test]
    fn wrong_rows_say_what_is_wrong_and_the_others_are_read() {
        let text = "externalId;namn;typ;bildad\n1;;förening;2008\n2;B;klubb;i våras\n3;C 811228-9874;förening;\n4;D;Ideell förening;2008-03-31\n4;E;förening;\n";
        let (_, rows) = read(text, None, true);
        let told: Vec<_> = rows.iter().map(codes).collect();
        assert_eq!(told[0], ["/name required"]);
        assert_eq!(told[1], ["/kind not-in-list", "/founded wrong-form"]);
        assert_eq!(told[2], ["/name personal-identity-number"]);
        assert!(told[3].is_empty());
        assert_eq!((&told[4], &rows[4].repeats), (&Vec::new(), &vec![5]), "that depends on what becomes of the first");
        assert!(!serde_json::to_string(&rows).unwrap().contains("811228"));
    }

    #[test]
    fn the_own_number_is_the_key_where_there_is_no_other() {
        let text = "namn;orgnr\nA;802001-0008\nFöreningen A;802001 0008\nB;802001-0008\nC;\n";
        let (_, rows) = read(text, Some(ActorKind::Association), true);
        let ids: Vec<_> = rows.iter().map(|row| (row.external_id.as_deref().unwrap_or_default(), row.repeats.as_slice())).collect();
        assert_eq!(ids, [("8020010008", &[][..]), ("8020010008", &[2]), ("8020010008/b", &[]), ("/c", &[])]);
        let row = &read("nyckel;namn;orgnr\n7;A;802001-0008\n", Some(ActorKind::Association), true).1[0];
        assert!(row.external_id.as_deref() == Some("7") && !row.read.as_ref().unwrap().by_number);
    }

    #[test]
    fn a_file_of_ours_is_taken_to_the_letter() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let text = format!(
            "id,version,name,otherNames,identifiers,updatedAt\n{id},3,A,\" a|b\\|c\",\"[{{\"\"scheme\"\":\"\"SE-ON\"\"}}]\",2026-11-22\n"
        );
        let (mapping, rows) = read(&text, None, false);
        assert!(mapping.headings.left_out.is_empty());
        let record = rows[0].read.clone().unwrap();
        assert_eq!((record.id.map(|id| id.to_string()).as_deref(), record.version), (Some(id), Some(3)));
        assert_eq!(record.fields["otherNames"], json!([" a", "b|c"]));
        assert_eq!(record.fields["identifiers"], json!([{"scheme": "SE-ON"}]));
        assert!(!record.fields.contains_key("kind"));
    }

    #[test]
    fn objects_are_read_by_the_same_names() {
        let text = r#"[{"externalId": 17, "Namn": "A", "kind": "association", "målgrupper": ["unga", "äldre"], "founded": null, "x": {}}]"#;
        let (mapping, rows) = read(text, None, true);
        assert_eq!(mapping.headings.left_out.iter().map(|left| left.heading.as_str()).collect::<Vec<_>>(), ["x"]);
        let record = rows[0].read.clone().unwrap();
        assert_eq!(record.external_id, "17");
        assert_eq!(
            Value::Object(record.fields),
            json!({"name": "A", "kind": "association", "targetGroups": ["unga", "äldre"], "founded": null})
        );
    }
}

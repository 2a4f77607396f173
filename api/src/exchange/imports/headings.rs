//! Headings of a file: what is known of it besides, what the caller says that they mean, and which of them are left out.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::table;
use crate::{
    exchange::columns::{self, Column, Shape},
    kernel::{Fault, language::Text, say, text},
    registry::actors::ActorKind,
};

/// A column of a file that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportColumn {
    /// The heading as it stands in the file.
    #[schema(example = "Org.nr")]
    pub heading: String,
    /// The member of an actor that it is taken for, or a helper such as `organisationNumber`, `municipality` or `email`.
    #[schema(example = "organisationNumber")]
    pub member: String,
}

/// A column of a file that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutColumn {
    /// The heading as it stands in the file.
    #[schema(example = "Kassör")]
    pub heading: String,
    /// The heading that may have been meant.
    pub did_you_mean: Option<String>,
    /// Why it is left out.
    #[serde(default)]
    pub reason: LeftOutReason,
}

/// Why a column is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// Nobody knows what it means.
    #[default]
    Unknown,
    /// Another column says the same, and that one is read.
    Repeated,
    /// It has cells and no heading; it is called as a spreadsheet calls it.
    NoHeading,
}

/// What is known of a file besides what stands in it.
#[derive(Clone, Debug)]
pub struct Known {
    /// What kind of actor a row is about when it does not say so.
    pub kind: Option<ActorKind>,
    /// Whether it comes from a source with ids of its own.
    pub from_source: bool,
    /// The present day.
    pub today: NaiveDate,
    /// What the caller says that headings mean.
    pub columns: Chosen,
}

/// What a caller says that headings mean, each heading without what people write differently.
pub type Chosen = Arc<[(String, &'static Column)]>;

/// Reads what a caller says that headings mean, each as heading and member with a colon between.
///
/// # Errors
/// The faults of them.
pub fn chosen(columns: &[String]) -> Result<Chosen, Vec<Fault>> {
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    for one in columns {
        let Some((heading, member)) = one.rsplit_once(':').filter(|(heading, _)| !columns::plain(heading).is_empty()) else {
            faults.push(Fault::of_parameter(
                "columns",
                "wrong-form",
                say!(
                    "Skriv rubriken i filen och uppgiften med kolon emellan, till exempel columns=Org nr:organisationNumber.",
                    "Write the heading in the file and the member with a colon between, for example columns=Org no:organisationNumber."
                ),
            ));
            continue;
        };
        let column = columns::of(member.trim()).or_else(|| columns::meant(member).map(|(column, _)| column));
        if let Some(column) = column.filter(|column| column.shape != Shape::Ours) {
            read.push((columns::plain(heading), column));
            continue;
        }
        let all = columns::COLUMNS.iter().filter(|column| column.shape != Shape::Ours).map(|column| column.member);
        let meant = text::nearest(member, all.clone()).map_or_else(|| all.collect::<Vec<_>>().join(", "), ToOwned::to_owned);
        let member = text::quoted(member);
        let detail = say!("Det finns ingen uppgift {member}. Menade du {meant}?", "There is no member {member}. Did you mean {meant}?");
        faults.push(Fault::of_parameter("columns", "not-in-list", detail));
    }
    if faults.is_empty() { Ok(read.into()) } else { Err(faults) }
}

/// What whoever sent a file should look at, with stable codes.
#[must_use]
pub fn warnings(job: &table::Model) -> Vec<(&'static str, Text)> {
    let reads = |member: &str| job.columns.0.iter().any(|column| column.member == member);
    let meant = |left: &LeftOutColumn| columns::meant(left.did_you_mean.as_deref()?).map(|(column, _)| column.member);
    let mut told = Vec::new();
    if !job.columns.0.is_empty() && !reads(columns::ORGANISATION_NUMBER) && !reads("identifiers") {
        told.push(("no-number-column", match job.left_out.0.iter().find(|left| meant(left) == Some(columns::ORGANISATION_NUMBER)) {
            Some(LeftOutColumn { heading, .. }) => say!(
                "Ingen kolumn med organisationsnummer lästes, så ingen aktör fick något nummer. Kolumnen {heading} ser ut att vara den: byt rubriken till Organisationsnummer, eller skicka filen igen med columns={heading}:organisationNumber.",
                "No column of organisation numbers was read, so that no actor got a number. The column {heading} seems to be it: change the heading to organisationNumber, or send the file again with columns={heading}:organisationNumber."
            ),
            None => say!(
                "Ingen kolumn med organisationsnummer lästes, så ingen aktör fick något nummer. Finns den i filen: byt rubriken till Organisationsnummer, eller skicka filen igen med columns=rubriken:organisationNumber.",
                "No column of organisation numbers was read, so that no actor got a number. If the file has one: change the heading to organisationNumber, or send the file again with columns=heading:organisationNumber."
            ),
        }));
    }
    for left in &job.left_out.0 {
        let heading = &left.heading;
        match (left.reason, left.did_you_mean.as_deref().zip(meant(left))) {
            (LeftOutReason::NoHeading, _) => told.push(("no-heading", say!(
                "Kolumnen {heading} har celler men ingen rubrik, så de lästes inte. Skriv en rubrik på första raden.",
                "The column {heading} has cells but no heading, so that they were not read. Write a heading in the first row."
            ))),
            (_, Some((name, member))) => told.push(("near-miss", say!(
                "Kolumnen {heading} lästes inte. Menade du {name}? Byt rubriken, eller skicka filen igen med columns={heading}:{member}.",
                "The column {heading} was not read. Did you mean {name}? Change the heading, or send the file again with columns={heading}:{member}."
            ))),
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::imports::{
        formats::{Format, all},
        mapping::Mapping,
    };

    #[test]
    fn a_caller_says_what_headings_mean() {
        let columns = chosen(&["Vår kod: externalId".to_owned(), "Org no:organisationNumber".to_owned()]).unwrap();
        let known = Known { kind: Some(ActorKind::Company), from_source: true, today: "2026-11-22".parse().unwrap(), columns };
        let mut mapping = Mapping::new(known);
        let items = all(Format::Csv, "Namn;VÅR KOD;Org no;\nA;7;802001-0008;anteckning\n".as_bytes()).unwrap();
        let row = items.into_iter().find_map(|item| mapping.take(item)).unwrap();
        assert_eq!(row.external_id.as_deref(), Some("7"));
        assert_eq!(row.read.unwrap().numbers, [json!({"scheme": "SE-ON", "value": "8020010008"})]);
        assert_eq!(mapping.left_out, [LeftOutColumn { heading: "D".to_owned(), did_you_mean: None, reason: LeftOutReason::NoHeading }]);
        let codes = |columns: &str| chosen(&[columns.to_owned()]).err().map(|faults| faults[0].code);
        assert_eq!(
            ["A:name", "A", ":name", "A:okänt", "A:createdAt"].map(codes),
            [None, Some("wrong-form"), Some("wrong-form"), Some("not-in-list"), Some("not-in-list")]
        );
    }
}

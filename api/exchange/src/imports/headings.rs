//! The context of a file of actors, which is known apart from its content, and the warnings about the file.

use chrono::NaiveDate;

use crate::{
    columns::{COLUMNS, ORGANISATION_NUMBER},
    intake::{
        headings::ChosenMeanings,
        types::{Job, LeftOutColumn, LeftOutReason},
    },
    kernel::{language::Text, say},
    registry::actors::ActorKind,
};

/// The context of a file, which is known apart from its content.
#[derive(Clone, Debug)]
pub struct FileContext {
    /// The kind of actor of rows that name none.
    pub kind: Option<ActorKind>,
    /// Whether the file comes from a source with its own ids.
    pub from_source: bool,
    /// The current date.
    pub today: NaiveDate,
    /// The meanings of headings that the caller has given.
    pub columns: ChosenMeanings,
}

/// Returns the warnings about the file of a job, with stable codes.
#[must_use]
pub fn warnings(job: &Job) -> Vec<(&'static str, Text)> {
    let reads = |member: &str| job.columns.0.iter().any(|column| column.member == member);
    let meant = |left: &LeftOutColumn| COLUMNS.find_by_heading(left.did_you_mean.as_deref()?).map(|(column, _)| column.member);
    let mut told = Vec::new();
    if !job.columns.0.is_empty() && !reads(ORGANISATION_NUMBER) && !reads("identifiers") {
        told.push(("no-number-column", match job.left_out.0.iter().find(|left| meant(left) == Some(ORGANISATION_NUMBER)) {
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
    use crate::{
        imports::mapping::Mapping,
        intake::{
            formats::{Format, all},
            headings::parse_meanings,
            spool::Reader,
        },
    };

    #[test]
    fn a_caller_says_what_headings_mean() {
        let columns = parse_meanings(&["Vår kod: externalId".to_owned(), "Org no:organisationNumber".to_owned()], &COLUMNS).unwrap();
        let known = FileContext { kind: Some(ActorKind::Company), from_source: true, today: "2026-11-22".parse().unwrap(), columns };
        let mut mapping = Mapping::new(known);
        let items = all(Format::Csv, "Namn;VÅR KOD;Org no;\nA;7;802001-0008;anteckning\n".as_bytes()).unwrap();
        let row = items.into_iter().find_map(|item| mapping.take(item).unwrap()).unwrap();
        assert_eq!(row.external_id.as_deref(), Some("7"));
        assert_eq!(row.read.unwrap().numbers, [json!({"scheme": "SE-ON", "value": "8020010008"})]);
        assert_eq!(
            mapping.headings.left_out,
            [LeftOutColumn { heading: "D".to_owned(), did_you_mean: None, reason: LeftOutReason::NoHeading }]
        );
        let codes = |columns: &str| parse_meanings(&[columns.to_owned()], &COLUMNS).err().map(|faults| faults[0].code);
        assert_eq!(
            ["A:name", "A", ":name", "A:okänt", "A:createdAt"].map(codes),
            [None, Some("wrong-form"), Some("wrong-form"), Some("not-in-list"), Some("not-in-list")]
        );
    }
}

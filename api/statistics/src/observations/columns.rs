//! The columns of a table of values: the name of each in the API, and the names that people use in their own files.

use crate::intake::{
    columns::{Column, Columns, Shape, column, plain},
    headings::Meanings,
};

/// The column with the code of the area.
pub const AREA_CODE: &str = "areaCode";

/// Every column of a table of values.
pub const COLUMNS: Columns = Columns(&[
    column(
        AREA_CODE,
        "Områdeskod",
        Shape::Text,
        &["kod", "code", "kommunkod", "regsokod", "desokod", "område", "area", "kommun", "region", "regso", "deso"],
    ),
    column("period", "Period", Shape::Text, &["år", "year", "tid"]),
    column("sex", "Kön", Shape::Text, &["gender"]),
    column("age", "Ålder", Shape::Text, &[]),
    column("born", "Född", Shape::Text, &["födelseland"]),
    column("background", "Bakgrund", Shape::Text, &[]),
    column("regionOfBirth", "Födelseregion", Shape::Text, &[]),
    column("timeInSweden", "Vistelsetid", Shape::Text, &[]),
    column("variant", "Variant", Shape::Text, &[]),
    column("value", "Värde", Shape::Text, &["andel", "antal"]),
    column("numerator", "Täljare", Shape::Text, &[]),
    column("denominator", "Nämnare", Shape::Text, &[]),
    column("status", "Status", Shape::Text, &[]),
]);

/// The meanings of headings in a table of values.
pub struct Values;

impl Meanings for Values {
    fn columns(&self) -> &'static Columns {
        &COLUMNS
    }

    /// Prefers the column of codes when several columns can be the area, because a table often has the names of the areas in
    /// another, such as `Kommun`. Two columns for anything else are ambiguous.
    fn preferred(&self, column: &Column, headings: &[(&str, usize)]) -> Option<usize> {
        let is_code = |heading: &str| {
            let heading = plain(heading);
            heading.ends_with("kod") || heading.ends_with("code")
        };
        let mut codes = (0..headings.len()).filter(|at| column.member == AREA_CODE && is_code(headings[*at].0));
        codes.next().filter(|_| codes.next().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::headings::Headings;

    #[test]
    fn the_code_is_read_and_the_name_beside_it_is_not_in_either_order() {
        for (names, read) in [
            (&["Kommun", "Kommunkod", "År"][..], Ok("Kommunkod")),
            (&["Kommunkod", "Kommun", "Region", "År"], Ok("Kommunkod")),
            (&["Kommun", "År"], Ok("Kommun")),
            (&["Region", "Kommun", "År"], Err("areaCode")),
            (&["Kod", "Kommunkod", "År"], Err("areaCode")),
            (&["Kod", "År", "Värde", "Antal"], Err("value")),
            (&["Kod", "va\u{308}rde", "VÄRDE", "År"], Err("value")),
        ] {
            let mut headings = Headings::default();
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            match (headings.read(&names, &Values), read) {
                (Ok(()), Ok(read)) => assert_eq!(headings.found.iter().find(|found| found.member == AREA_CODE).unwrap().heading, read),
                (Err(faults), Err(member)) => {
                    assert_eq!(
                        (faults.len(), faults[0].code, faults[0].pointer.as_str()),
                        (1, "repeated-column", format!("/{member}").as_str())
                    );
                }
                (other, _) => panic!("{names:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn no_two_columns_share_a_name() {
        let mut names: Vec<_> = COLUMNS
            .0
            .iter()
            .flat_map(|column| {
                [plain(column.member), plain(column.swedish)]
                    .into_iter()
                    .chain(column.also.iter().map(|name| (*name).to_owned()))
                    .collect::<std::collections::BTreeSet<_>>()
            })
            .collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(COLUMNS.0.iter().flat_map(|column| column.also).all(|name| plain(name) == *name));
    }
}

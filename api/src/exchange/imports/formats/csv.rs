//! Tables as text, with comma, semicolon or tab between cells.

use super::{Item, MAX_COLUMNS, Taker, text, too_many_columns, unreadable};
use crate::{
    exchange::columns::is_like_a_formula,
    kernel::{Fault, Result, say},
};

pub fn read(bytes: &[u8], take: &mut Taker<'_>) -> Result<()> {
    let text = text::decode(bytes);
    let separator = separator(&text);
    // Our own tables for Excel, in which an apostrophe keeps a text from being taken for a formula.
    let for_excel = separator == b';' && bytes.starts_with(text::MARK);
    let cell = |cell: &str| match cell.strip_prefix('\'') {
        Some(rest) if for_excel && is_like_a_formula(cell) => rest.to_owned(),
        _ => cell.to_owned(),
    };
    let mut reader = ::csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut record = ::csv::StringRecord::new();
    let mut columns = None;
    let mut row = 0u32;
    let mut line = 1;
    loop {
        let more = reader.read_record(&mut record);
        // Blank lines are rows of a spreadsheet too, and the reader leaves them out.
        let read = reader.position().line();
        let within: u64 = record.iter().map(|cell| cell.bytes().filter(|byte| *byte == b'\n').count() as u64).sum();
        let blank = (read - line).saturating_sub(within + 1);
        line = read;
        row = row.saturating_add(1).saturating_add(u32::try_from(blank).unwrap_or(u32::MAX));
        match more {
            Ok(false) => break,
            Ok(true) => {}
            // Text in memory can neither fail to be read nor be other than UTF-8.
            Err(_) => {
                take(Item::Broken(row, vec![Fault::at("", "unreadable", say!("Raden går inte att läsa.", "The row cannot be read."))]))?;
                continue;
            }
        }
        let Some(width) = columns else {
            let heading: Vec<_> = record.iter().map(|name| cell(name).trim().to_owned()).collect();
            if heading.len() > MAX_COLUMNS {
                return Err(too_many_columns());
            }
            columns = Some(heading.len());
            take(Item::Heading(heading))?;
            continue;
        };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.iter().skip(width).any(|cell| !cell.trim().is_empty()) {
            let found = record.len();
            take(Item::Broken(
                row,
                vec![Fault::at(
                    "",
                    "too-many-cells",
                    say!(
                        "Raden har {found} celler men rubrikraden {width}. Sätt citattecken kring celler som innehåller skiljetecknet.",
                        "The row has {found} cells but the heading {width}. Put quotation marks around cells with the separator in them."
                    ),
                )],
            ))?;
            continue;
        }
        take(Item::Cells(row, record.iter().take(width).map(cell).collect()))?;
    }
    if columns.is_none() {
        return Err(unreadable(
            "no-heading",
            say!("Filen är tom; den första raden ska vara rubriker.", "The file is empty; its first row must be headings."),
        ));
    }
    Ok(())
}

/// What stands between the cells of the heading, quoted text aside.
fn separator(text: &str) -> u8 {
    let mut counts = [(b';', 0u32), (b'\t', 0), (b',', 0)];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| *separator == byte) {
                    *count += 1;
                }
            }
        }
    }
    // Of equals the first wins, so that a single column has the separator of Swedish tables.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b';', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::imports::formats::{Format, all};

    fn rows(bytes: &[u8]) -> Vec<(u32, Vec<String>)> {
        let items = all(Format::Csv, bytes).unwrap();
        items.into_iter().filter_map(|item| if let Item::Cells(row, cells) = item { Some((row, cells)) } else { None }).collect()
    }

    #[test]
    fn separators_are_found_in_the_heading() {
        for text in ["namn,ort\n\"a;b\",c\n", "namn;ort\n\"a;b\";c\n", "namn\tort\na;b\tc\n", "\"na,mn\";ort\na;c\n"] {
            assert_eq!(rows(text.as_bytes())[0].1.len(), 2, "{text}");
        }
        assert_eq!(rows(b"namn\nx\n"), [(2, vec!["x".to_owned()])]);
    }

    #[test]
    fn rows_are_numbered_as_in_a_spreadsheet() {
        let text = "namn;ort\n\na;\"två\nrader\"\n;\nb;c\r\n\r\nd;e";
        let numbers: Vec<_> = rows(text.as_bytes()).into_iter().map(|(row, cells)| (row, cells[0].clone())).collect();
        assert_eq!(numbers, [(3, "a".to_owned()), (5, "b".to_owned()), (7, "d".to_owned())]);
    }

    #[test]
    fn only_our_own_tables_for_excel_lose_an_apostrophe() {
        let ours = "\u{FEFF}namn;ort\n'=1+1;'s-Gravenhage\n''+46;'\n";
        assert_eq!(
            rows(ours.as_bytes()).into_iter().map(|(_, cells)| cells).collect::<Vec<_>>(),
            [["=1+1", "'s-Gravenhage"], ["'+46", "'"]]
        );
        assert_eq!(rows(b"namn;ort\n'=1+1;x\n")[0].1[0], "'=1+1");
    }

    #[test]
    fn a_row_with_too_many_cells_is_told_of_and_the_next_is_read() {
        let items = all(Format::Csv, b"namn,ort\na,b,c\nd,e,\n").unwrap();
        assert!(matches!(&items[1], Item::Broken(2, faults) if faults[0].code == "too-many-cells"));
        assert_eq!(items[2], Item::Cells(3, vec!["d".to_owned(), "e".to_owned()]));
    }

    #[test]
    fn a_million_columns_are_refused() {
        let heading = "a,".repeat(1_000_000);
        assert!(all(Format::Csv, heading.as_bytes()).is_err());
        assert!(all(Format::Csv, b"").is_err());
    }
}

//! The register as a page for people, `docs/personal-data.md`: Swedish first, then English.

use std::fmt::Write;

use crate::kernel::{
    language::Language,
    record::{Bilingual, Rule, Table, Terms, columns},
};

const INTRODUCTION: Bilingual = Bilingual(
    "# Personuppgifter i Samsyn\n\nRegisterförteckning (GDPR artikel 30). Sidan görs ur resursernas deklarationer (`api/src/records.rs`), som ett test jämför med\ndatabasen: en kolumn som inte finns här finns inte heller där. Dagarna är programmets förval; de som har en inställning\nkan vara andra i er installation, och då gäller `GET /personal-data-register`.",
    "# Personal data in Samsyn\n\nRecord of processing (GDPR article 30). The page is made from the declarations of the resources (`api/src/records.rs`), which a test compares\nwith the database: a column that is not here is not there either. The days are the program's defaults; those with a\nsetting may be others in your installation, and then `GET /personal-data-register` holds.",
);

/// The page about these tables, in Markdown.
#[must_use]
pub fn markdown(tables: &[&Table], terms: &Terms) -> String {
    let mut page = String::new();
    for language in [Language::Sv, Language::En] {
        let say = |words: Bilingual| words.r#in(language);
        let _ = write!(page, "{}\n\n## {}\n\n", say(INTRODUCTION), say(Bilingual("Hur länge uppgifterna sparas", "How long data is kept")));
        let _ = writeln!(
            page,
            "| {} |\n|---|---|---|---|",
            say(Bilingual("regel | vad | dagar | inställning", "rule | what | days | setting"))
        );
        for rule in Rule::ALL {
            let days = rule.days(terms).map_or_else(|| "–".to_owned(), |days| days.to_string());
            let setting = rule.setting().map_or_else(|| "–".to_owned(), |setting| format!("`{setting}`"));
            let _ = writeln!(page, "| `{}` | {} | {days} | {setting} |", rule.key(), say(rule.words()));
        }
        let _ = write!(page, "\n## {}\n", say(Bilingual("Vad som finns om människor", "What there is about people")));
        for declared in tables.iter().filter(|declared| !declared.personal.is_empty()) {
            let _ = write!(page, "\n### {} (`{}`)\n\n", say(declared.what), declared.name);
            for personal in declared.personal {
                let names: Vec<_> = columns(personal.columns).map(|(name, _)| format!("`{name}`")).collect();
                let shown: Vec<_> = personal.shown.split_whitespace().map(|operation| format!("`{operation}`")).collect();
                let shown = if shown.is_empty() { say(Bilingual("ingenstans", "nowhere")).to_owned() } else { shown.join(", ") };
                let _ = writeln!(
                    page,
                    "- {}\n  - {}: {}\n  - {}: {}\n  - {}: `{}`\n  - {}: {shown}\n  - {}: {}",
                    names.join(", "),
                    say(Bilingual("ändamål", "purpose")),
                    say(personal.purpose.description()),
                    say(Bilingual("rättslig grund", "legal basis")),
                    say(personal.purpose.legal_basis()),
                    say(Bilingual("sparas enligt", "kept by")),
                    personal.rule.key(),
                    say(Bilingual("visas i", "shown by")),
                    say(Bilingual("vid radering", "when erased")),
                    say(personal.at_erasure.words()),
                );
            }
        }
        let _ = write!(page, "\n## {}\n\n", say(Bilingual("Kolumner utan personuppgifter", "Columns without personal data")));
        for declared in tables.iter().filter(|declared| !declared.plain.is_empty()) {
            let names: Vec<_> = columns(declared.plain).map(|(name, _)| name).collect();
            let _ = writeln!(page, "- `{}`: {}", declared.name, names.join(", "));
        }
        if language == Language::Sv {
            page.push_str("\n---\n\n");
        }
    }
    page
}

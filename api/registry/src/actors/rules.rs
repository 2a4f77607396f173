//! Rules of actors: organisation numbers, identifiers, names, and the usual sector of a kind.
//!
//! An organisation number (`SE-ON`, org-id.guide) has ten digits, of which the third is 2 or more and the last is a
//! check digit by Luhn. With a lower third digit it is a personal identity number, which is never stored.

use std::sync::LazyLock;

use chrono::NaiveDate;

use super::{ActorKind, FormerName, Identifier, NewActor, Sector};
use crate::kernel::{
    Fault,
    personal_number::{self, luhn},
    say, text,
};

/// The identifier scheme of Swedish organisation numbers.
pub const ORGANISATION_NUMBER: &str = "SE-ON";

/// Characters that are used as an apostrophe.
const APOSTROPHES: [char; 7] = ['\'', '’', '‘', 'ʼ', '´', '`', '′'];

/// Returns the default sector of a kind of actor.
#[must_use]
pub const fn usual_sector(kind: ActorKind) -> Sector {
    match kind {
        ActorKind::Municipality
        | ActorKind::Region
        | ActorKind::CountyBoard
        | ActorKind::MunicipalAssociation
        | ActorKind::Agency
        | ActorKind::Administration
        | ActorKind::PublicHousing => Sector::Public,
        ActorKind::Company | ActorKind::EmployerOrganisation => Sector::Private,
        ActorKind::Research => Sector::Academia,
        ActorKind::Association
        | ActorKind::Foundation
        | ActorKind::FaithCommunity
        | ActorKind::Cooperative
        | ActorKind::Union
        | ActorKind::Network
        | ActorKind::Other => Sector::CivilSociety,
    }
}

/// Returns the ten digits of an organisation number. Accepted are dashes, blanks, the century `16` in front, the apostrophe that
/// spreadsheets put before text, and the zero decimals that they put after numbers.
///
/// # Errors
/// When the number is wrong: a fault with `pointer` as its JSON Pointer. The fault never repeats the number.
pub fn organisation_number(written: &str, pointer: &str) -> Result<String, Fault> {
    let aside = |sign: &char| text::is_dash(*sign) || sign.is_whitespace() || APOSTROPHES.contains(sign);
    let mut digits: String = written.chars().filter(|sign| !aside(sign)).collect();
    if let Some((whole, decimals)) = digits.split_once(['.', ','])
        && !decimals.is_empty()
        && decimals.bytes().all(|digit| digit == b'0')
    {
        digits.truncate(whole.len());
    }
    if digits.len() == 12 && digits.starts_with("16") {
        digits.drain(..2);
    }
    if digits.len() != 10 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Fault::at_pointer(
            pointer,
            "wrong-length",
            say!(
                "Ett organisationsnummer har tio siffror, till exempel 212000-2882.",
                "An organisation number has ten digits, for example 212000-2882."
            ),
        ));
    }
    if digits.as_bytes()[2] < b'2' {
        return Err(Fault::at_pointer(
            pointer,
            personal_number::CODE,
            say!(
                "Det ser ut som ett personnummer. Personnummer får inte registreras; lämna uppgiften tom för enskilda näringsidkare.",
                "It looks like a personal identity number. Those may not be registered; leave it out for sole traders."
            ),
        ));
    }
    if !luhn(&digits) {
        return Err(Fault::at_pointer(
            pointer,
            "bad-check-digit",
            say!(
                "Kontrollsiffran stämmer inte. Kontrollera organisationsnumret.",
                "The check digit is wrong. Check the organisation number."
            ),
        ));
    }
    Ok(digits)
}

/// Returns the fault of a code that does not have the form of its scheme. Identifiers of other schemes may be anything except a
/// personal identity number.
fn code_fault(identifier: &Identifier, pointer: &str) -> Option<Fault> {
    let digits = match identifier.scheme.as_str() {
        "municipality_code" | "kolada_id" => 4,
        "county_code" => 2,
        ORGANISATION_NUMBER => return None,
        _ => return personal_number::contains(&identifier.value).then(|| personal_number::fault(pointer)),
    };
    let value = &identifier.value;
    let all = value.bytes().all(|sign| sign.is_ascii_digit());
    (value.len() != digits || !all).then(|| match identifier.scheme.as_str() {
        "municipality_code" => Fault::at_pointer(
            pointer,
            "bad-municipality-code",
            say!("En kommunkod har fyra siffror, till exempel 0127.", "A municipality code has four digits, for example 0127."),
        ),
        "county_code" => Fault::at_pointer(
            pointer,
            "bad-county-code",
            say!("En länskod har två siffror, till exempel 01.", "A county code has two digits, for example 01."),
        ),
        _ => Fault::at_pointer(
            pointer,
            "bad-kolada-id",
            say!(
                "Ett id i Kolada har fyra siffror: kommunkoden, eller 00 och länskoden för en region.",
                "An id in Kolada has four digits: the municipality code, or 00 and the county code for a region."
            ),
        ),
    })
}

/// Checks identifiers and returns them in the form in which they are stored.
///
/// # Errors
/// When any of them is invalid: all faults, with pointers such as `/identifiers/0/value`.
pub fn checked_identifiers(given: &[Identifier]) -> Result<Vec<Identifier>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut stored: Vec<Identifier> = Vec::new();
    for (at, identifier) in given.iter().enumerate() {
        let mut identifier = identifier.clone();
        if identifier.scheme == ORGANISATION_NUMBER {
            match organisation_number(&identifier.value, &format!("/identifiers/{at}/value")) {
                Ok(number) => identifier.value = number,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            }
        }
        faults.extend(code_fault(&identifier, &format!("/identifiers/{at}/value")));
        faults.extend(
            text::period_fault(identifier.valid_from, identifier.valid_to)
                .map(|fault| Fault { pointer: format!("/identifiers/{at}/validTo"), ..fault }),
        );
        if stored.iter().any(|other| other.scheme == identifier.scheme && other.value == identifier.value) {
            faults.push(Fault::at_pointer(
                format!("/identifiers/{at}"),
                "repeated",
                say!("Samma identitet står två gånger; ange den en gång.", "The same identifier stands twice; give it once."),
            ));
        }
        stored.push(identifier);
    }
    if faults.is_empty() { Ok(stored) } else { Err(faults) }
}

/// Returns the faults of an actor that can be found without the database. Identifiers are checked by [`checked_identifiers`].
#[must_use]
pub fn faults(new: &NewActor) -> Vec<Fault> {
    let mut faults: Vec<_> = text::nameless_fault("/name", &new.name).into_iter().collect();
    if new.kind == ActorKind::Administration && new.parent_id.is_none() {
        faults.push(Fault::at_pointer(
            "/parentId",
            "required",
            say!(
                "En förvaltning hör till en kommun eller region; ange den i parentId.",
                "An administration belongs to a municipality or region; give it in parentId."
            ),
        ));
    }
    faults.extend(new.former_names.iter().enumerate().flat_map(|(at, former)| {
        let blank = text::nameless_fault(&format!("/formerNames/{at}/name"), &former.name);
        let period = text::period_fault(former.valid_from, former.valid_to);
        blank.into_iter().chain(period.map(|fault| Fault { pointer: format!("/formerNames/{at}/validTo"), ..fault }))
    }));
    faults.extend(text::period_fault(new.founded, new.dissolved).map(|_| {
        Fault::at_pointer(
            "/dissolved",
            "before-start",
            say!("Aktören kan inte upphöra innan den bildades.", "The actor cannot be dissolved before it was founded."),
        )
    }));
    let contacts = new.contact_points.iter().enumerate();
    faults.extend(contacts.filter_map(|(at, contact)| text::blank_fault(&format!("/contactPoints/{at}/function"), &contact.function)));
    for (pointer, texts) in
        [("/otherNames", &new.other_names), ("/targetGroups", &new.target_groups), ("/workingMethods", &new.working_methods)]
    {
        faults.extend(text::blank_faults(pointer, texts));
    }
    faults.extend(new.languages.iter().enumerate().filter(|(_, language)| !is_language(language)).map(|(at, _)| {
        Fault::at_pointer(
            format!("/languages/{at}"),
            "wrong-form",
            say!(
                "Ange språket som kod enligt BCP 47, till exempel sv, ar, so eller sv-FI.",
                "Give the language as a BCP 47 code, for example sv, ar, so or sv-FI."
            ),
        )
    }));
    faults
}

/// Words for the legal form of an organisation. Some registers write them as part of the name, others do not.
const LEGAL_FORMS: &[&str] = &[
    "ab",
    "aktiebolag",
    "aktiebolaget",
    "publ",
    "hb",
    "handelsbolag",
    "kb",
    "kommanditbolag",
    "förening",
    "föreningen",
    "ideell",
    "ideella",
    "ideel",
    "ekonomisk",
    "ekonomiska",
    "ek",
    "för",
    "stiftelse",
    "stiftelsen",
    "kommun",
    "kommunen",
];

/// Returns the folded words of a name without the words for its legal form. Two actors with the same key may be the same. A name
/// that consists only of such words keeps them.
#[must_use]
pub fn name_key(name: &str) -> String {
    let words = text::words(name);
    let kept: Vec<&str> = words.iter().map(String::as_str).filter(|word| !LEGAL_FORMS.contains(word)).collect();
    if kept.is_empty() { words.join(" ") } else { kept.join(" ") }
}

/// Words that are ignored when names are compared with public bodies: people leave them out, or add them to make a name look
/// official. The first two are also removed from the end of the key.
const IGNORED_WORDS: &[&str] = &[
    "kommun",
    "kommunen",
    "stad",
    "staden",
    "officiell",
    "officiella",
    "officiellt",
    "official",
    "sida",
    "sidan",
    "profil",
    "municipality",
    "city",
    "of",
    "the",
];

/// The [`IGNORED_WORDS`] in the form of [`text::lookalike_key`].
static IGNORED_LOOKS: LazyLock<Vec<String>> = LazyLock::new(|| IGNORED_WORDS.iter().map(|word| text::lookalike_key(word)).collect());

/// Returns the key by which names are compared with those of public bodies: the look of the name ([`text::lookalike_key`]) without text
/// in brackets, without the `IGNORED_WORDS`, and without a final s. Two names with the same key may be mistaken for the same
/// public body. Returns `None` when nothing of the name is left.
#[must_use]
pub fn public_body_key(name: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut outside = String::new();
    for sign in name.chars() {
        match sign {
            '(' | '[' | '{' | '（' => depth += 1,
            ')' | ']' | '}' | '）' if depth > 0 => depth -= 1,
            _ if depth == 0 => outside.push(sign),
            _ => {}
        }
    }
    // With an unclosed bracket the whole name counts.
    let whole = if depth > 0 { name } else { &outside };
    let aside = &*IGNORED_LOOKS;
    let mut key: String = whole.split_whitespace().map(text::lookalike_key).filter(|word| !aside.contains(word)).collect();
    for word in &aside[..2] {
        if let Some(rest) = key.strip_suffix(word.as_str()).filter(|rest| !rest.is_empty()) {
            key.truncate(rest.len());
        }
    }
    if key.len() > 1 && key.ends_with('s') {
        key.pop();
    }
    (!key.is_empty()).then_some(key)
}

/// Returns the faults of new former names whose `validTo` lies in the future. Until that day such a name would be the current one.
pub fn future_name_faults<'a>(new: &'a NewActor, before: Option<&'a NewActor>, today: NaiveDate) -> impl Iterator<Item = Fault> + 'a {
    let had = move |former: &FormerName| before.is_some_and(|before| before.former_names.contains(former));
    let ahead = new.former_names.iter().enumerate().filter(move |(_, former)| former.valid_to.is_some_and(|to| to > today) && !had(former));
    ahead.map(|(at, _)| {
        Fault::at_pointer(
            format!("/formerNames/{at}/validTo"),
            "in-future",
            say!(
                "Ett tidigare namn har upphört. Ange den dag då aktören bytte namn, senast i dag.",
                "A former name has been given up. Give the day when the actor changed its name, today at the latest."
            ),
        )
    })
}

/// Whether a text has the form of a BCP 47 code: a language of two or three lower-case letters, then subtags.
fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let language = parts.next().unwrap_or_default();
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|letter| letter.is_ascii_lowercase())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()))
        && code.len() <= 35
}

/// The largest number of former names of an actor. The history has all of them.
pub const MAX_FORMER_NAMES: usize = 100;

/// Returns the former names of an actor after a change on the day `today`. When the name changes, the old name is added, unless
/// the change itself gives other former names. When there are too many, the oldest are dropped.
#[must_use]
pub fn former_names(before: &NewActor, after: &NewActor, today: NaiveDate) -> Vec<FormerName> {
    let mut former = after.former_names.clone();
    if before.name == after.name || before.former_names != after.former_names {
        return former;
    }
    // The old name was valid since the last former name ended. A name that was valid for less than a day gets no first day.
    let since = former.iter().filter_map(|former| former.valid_to).max().or(before.founded).filter(|since| *since < today);
    former.push(FormerName { name: before.name.clone(), valid_from: since, valid_to: Some(today) });
    let surplus = former.len().saturating_sub(MAX_FORMER_NAMES);
    former.drain(..surplus);
    former
}

/// Sets the name, former names and identifiers of an actor to those of a day, as far as its own fields tell.
pub fn as_of(actor: &mut NewActor, day: NaiveDate) {
    actor.name = name_on(actor, day).to_owned();
    actor.former_names.retain(|former| former.valid_to.is_some_and(|to| to <= day));
    actor
        .identifiers
        .retain(|identifier| identifier.valid_from.is_none_or(|from| from <= day) && identifier.valid_to.is_none_or(|to| day < to));
}

/// Returns the name of an actor on a day, according to its former names.
#[must_use]
pub fn name_on(actor: &NewActor, day: NaiveDate) -> &str {
    let borne = actor
        .former_names
        .iter()
        .filter(|former| former.valid_from.is_none_or(|from| from <= day) && former.valid_to.is_some_and(|to| day < to));
    // When several periods overlap, the name that ended first was the one in use.
    borne.min_by_key(|former| former.valid_to).map_or(actor.name.as_str(), |former| former.name.as_str())
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// After any number of name changes, each day has the name that was in use on it.
        #[test]
        fn each_day_has_the_name_that_was_borne_on_it(renames in proptest::collection::vec((1_u64..400, 0_u8..4), 0..12)) {
            let new = serde_json::json!({"kind": "other", "name": "first"});
            let Ok(mut actor) = serde_json::from_value::<NewActor>(new) else { return Err(TestCaseError::fail("no actor")) };
            let mut day = NaiveDate::default();
            let mut borne = vec![(day, actor.name.clone())];
            for (days, name) in renames {
                day = day + Days::new(days);
                let mut after = NewActor { name: name.to_string(), ..actor.clone() };
                after.former_names = former_names(&actor, &after, day);
                actor = after;
                borne.push((day, actor.name.clone()));
            }
            for (at, (from, name)) in borne.iter().enumerate() {
                prop_assert_eq!(name_on(&actor, *from), name);
                let last = borne.get(at + 1).map_or(day, |(next, _)| *next - Days::new(1));
                prop_assert_eq!(name_on(&actor, last.max(*from)), name);
            }
            for former in &actor.former_names {
                prop_assert!(text::period_fault(former.valid_from, former.valid_to).is_none());
            }
        }
    }

    #[test]
    fn a_language_is_a_code() {
        assert!(["sv", "ar", "so", "sv-FI", "zh-Hant", "fit"].iter().all(|code| is_language(code)));
        assert!(["", "Svenska", "s", "SV", "sv_FI", "sv-", "sv-åå"].iter().all(|code| !is_language(code)));
    }

    #[test]
    fn an_organisation_number_is_read_as_people_write_it() {
        let dashes = ['‐', '‑', '‒', '–', '—', '―', '−', '﹣', '－'].map(|dash| format!("212000{dash}2882"));
        let others =
            ["212000-2882", "2120002882", "16212000-2882", " 212000 2882", "'212000-2882", "’2120002882", "2120002882.0", "2120002882,00"];
        for written in others.into_iter().chain(dashes.iter().map(String::as_str)) {
            assert_eq!(organisation_number(written, "").ok().as_deref(), Some("2120002882"), "{written}");
        }
    }

    #[test]
    fn a_name_is_known_without_its_legal_form() {
        for name in ["Fittja Grannar", "Föreningen Fittja Grannar", "Fittja Grannar (ideell förening)", "FITTJA GRANNAR Ek. för."] {
            assert_eq!(name_key(name), "fittja grannar", "{name}");
        }
        assert_eq!(name_key("Botkyrka kommun"), "botkyrka");
        assert_eq!(name_key("Stiftelsen"), "stiftelsen");
    }

    #[test]
    fn a_public_body_is_known_however_its_name_is_written() {
        for name in [
            "Botkyrka kommun",
            "Botkyrka",
            "BOTKYRKA STAD",
            "Botkyrka kommun (officiell)",
            "Bot-kyrka kommun",
            "Bоtkyrka kommun",
            "𝐁otkyrka kommun",
            "B0tkyrka",
            "Botkyrkas kommun",
            "Botkyrka-kommun",
            "Botkyrka  Kom mun",
            "Botkyrka (kommun)",
            "Botkyrka kommun (",
        ] {
            assert_eq!(public_body_key(name).as_deref(), Some("botkyrka"), "{name}");
        }
        for other in ["Botkyrka Konstskola", "Fittja i Botkyrka", "Region Botkyrka"] {
            assert_ne!(public_body_key(other).as_deref(), Some("botkyrka"), "{other}");
        }
        assert_eq!(public_body_key("Karlstads kommun"), public_body_key("Karlstad"));
        assert_eq!((public_body_key("Kommunen"), public_body_key("(!)")), (None, None));
    }

    #[test]
    fn each_wrong_number_has_its_own_code() {
        let code = |written: &str| organisation_number(written, "").err().map(|fault| fault.code);
        assert_eq!(code("212000-2883"), Some("bad-check-digit"));
        assert_eq!(code("212000-288"), Some("wrong-length"));
        assert_eq!(code("21200A-2882"), Some("wrong-length"));
        assert_eq!(code("811228-9874"), Some("personal-identity-number"));
    }
}

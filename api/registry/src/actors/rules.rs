//! Rules of actors: organisation numbers, identifiers, and the sector that goes with a kind.
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

/// Signs that stand for an apostrophe.
const APOSTROPHES: [char; 7] = ['\'', '’', '‘', 'ʼ', '´', '`', '′'];

/// The sector that an actor of a kind belongs to unless it says otherwise.
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

/// The ten digits of an organisation number, written with or without hyphen or any other dash, blanks, the century's `16`, the
/// apostrophe that spreadsheets put before text, and the decimals that they put after numbers.
///
/// # Errors
/// The fault to show at `pointer`. The number itself is never repeated in it.
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
        return Err(Fault::at(
            pointer,
            "wrong-length",
            say!(
                "Ett organisationsnummer har tio siffror, till exempel 212000-2882.",
                "An organisation number has ten digits, for example 212000-2882."
            ),
        ));
    }
    if digits.as_bytes()[2] < b'2' {
        return Err(Fault::at(
            pointer,
            personal_number::CODE,
            say!(
                "Det ser ut som ett personnummer. Personnummer får inte registreras; lämna uppgiften tom för enskilda näringsidkare.",
                "It looks like a personal identity number. Those may not be registered; leave it out for sole traders."
            ),
        ));
    }
    if !luhn(&digits) {
        return Err(Fault::at(
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

/// The fault of a code that is not what its scheme says. What others give may be anything but the number of a person.
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
        "municipality_code" => Fault::at(
            pointer,
            "bad-municipality-code",
            say!("En kommunkod har fyra siffror, till exempel 0127.", "A municipality code has four digits, for example 0127."),
        ),
        "county_code" => Fault::at(
            pointer,
            "bad-county-code",
            say!("En länskod har två siffror, till exempel 01.", "A county code has two digits, for example 01."),
        ),
        _ => Fault::at(
            pointer,
            "bad-kolada-id",
            say!(
                "Ett id i Kolada har fyra siffror: kommunkoden, eller 00 och länskoden för en region.",
                "An id in Kolada has four digits: the municipality code, or 00 and the county code for a region."
            ),
        ),
    })
}

/// The identifiers in the form in which they are stored.
///
/// # Errors
/// All faults of them.
pub fn identifiers(given: &[Identifier]) -> Result<Vec<Identifier>, Vec<Fault>> {
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
            faults.push(Fault::at(
                format!("/identifiers/{at}"),
                "repeated",
                say!("Samma identitet står två gånger; ange den en gång.", "The same identifier stands twice; give it once."),
            ));
        }
        stored.push(identifier);
    }
    if faults.is_empty() { Ok(stored) } else { Err(faults) }
}

/// The faults of an actor that can be seen in it alone.
#[must_use]
pub fn faults(new: &NewActor) -> Vec<Fault> {
    let mut faults: Vec<_> = text::nameless_fault("/name", &new.name).into_iter().collect();
    if new.kind == ActorKind::Administration && new.parent_id.is_none() {
        faults.push(Fault::at(
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
        Fault::at(
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
        Fault::at(
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

/// Words that say what form an organisation has, and that registers write or leave out as they like.
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

/// The folded words of a name without its legal form: two actors with the same key may be one. A name of nothing but such
/// words keeps them.
#[must_use]
pub fn name_key(name: &str) -> String {
    let words = text::words(name);
    let kept: Vec<&str> = words.iter().map(String::as_str).filter(|word| !LEGAL_FORMS.contains(word)).collect();
    if kept.is_empty() { words.join(" ") } else { kept.join(" ") }
}

/// Words that a public body is as well known without, or that make a name look as one.
const ASIDE: &[&str] = &[
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

/// The same as they look.
static SET_ASIDE: LazyLock<Vec<String>> = LazyLock::new(|| ASIDE.iter().map(|word| text::looks(word)).collect());

/// What a public body is known by in a name: what it looks like, without what stands in brackets, such words and an s at the
/// end. Two names with the same may be taken for the same public body. A name of nothing else has none.
#[must_use]
pub fn body_key(name: &str) -> Option<String> {
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
    // One that is not closed hides nothing.
    let whole = if depth > 0 { name } else { &outside };
    let aside = &*SET_ASIDE;
    let mut key: String = whole.split_whitespace().map(text::looks).filter(|word| !aside.contains(word)).collect();
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

/// The faults of names that are said to have been given up on a day that has not come: until then each would be its name.
pub fn not_given_up<'a>(new: &'a NewActor, before: Option<&'a NewActor>, today: NaiveDate) -> impl Iterator<Item = Fault> + 'a {
    let had = move |former: &FormerName| before.is_some_and(|before| before.former_names.contains(former));
    let ahead = new.former_names.iter().enumerate().filter(move |(_, former)| former.valid_to.is_some_and(|to| to > today) && !had(former));
    ahead.map(|(at, _)| {
        Fault::at(
            format!("/formerNames/{at}/validTo"),
            "in-future",
            say!(
                "Ett tidigare namn har upphört. Ange den dag då aktören bytte namn, senast i dag.",
                "A former name has been given up. Give the day when the actor changed its name, today at the latest."
            ),
        )
    })
}

/// Whether a text has the form of a BCP 47 code: a language of two or three letters, then subtags.
fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let language = parts.next().unwrap_or_default();
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|letter| letter.is_ascii_lowercase())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()))
        && code.len() <= 35
}

/// How many former names are kept with an actor; the history has them all.
pub const FORMER_NAMES: usize = 100;

/// The former names of an actor that is given another name on a day: the name that it had is added, unless they are given
/// with the change.
#[must_use]
pub fn former_names(before: &NewActor, after: &NewActor, today: NaiveDate) -> Vec<FormerName> {
    let mut former = after.former_names.clone();
    if before.name == after.name || before.former_names != after.former_names {
        return former;
    }
    // It was borne since the last one ended. One that was borne for less than a day has no first day of its own.
    let since = former.iter().filter_map(|former| former.valid_to).max().or(before.founded).filter(|since| *since < today);
    former.push(FormerName { name: before.name.clone(), valid_from: since, valid_to: Some(today) });
    let surplus = former.len().saturating_sub(FORMER_NAMES);
    former.drain(..surplus);
    former
}

/// Puts an actor as it was on a day, as far as it tells itself: its name, the names before that, and its numbers.
pub fn as_of(actor: &mut NewActor, day: NaiveDate) {
    actor.name = name_on(actor, day).to_owned();
    actor.former_names.retain(|former| former.valid_to.is_some_and(|to| to <= day));
    actor
        .identifiers
        .retain(|identifier| identifier.valid_from.is_none_or(|from| from <= day) && identifier.valid_to.is_none_or(|to| day < to));
}

/// What an actor was called on a day, as far as its former names tell.
#[must_use]
pub fn name_on(actor: &NewActor, day: NaiveDate) -> &str {
    let borne = actor
        .former_names
        .iter()
        .filter(|former| former.valid_from.is_none_or(|from| from <= day) && former.valid_to.is_some_and(|to| day < to));
    // Of those that overlap, the one that ended first is the one that the others followed.
    borne.min_by_key(|former| former.valid_to).map_or(actor.name.as_str(), |former| former.name.as_str())
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However often an actor gets another name, each day has the name that was borne on it.
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
            assert_eq!(body_key(name).as_deref(), Some("botkyrka"), "{name}");
        }
        for other in ["Botkyrka Konstskola", "Fittja i Botkyrka", "Region Botkyrka"] {
            assert_ne!(body_key(other).as_deref(), Some("botkyrka"), "{other}");
        }
        assert_eq!(body_key("Karlstads kommun"), body_key("Karlstad"));
        assert_eq!((body_key("Kommunen"), body_key("(!)")), (None, None));
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

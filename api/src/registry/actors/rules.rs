//! Rules of actors: organisation numbers, identifiers, and the sector that goes with a kind.
//!
//! An organisation number (`SE-ON`, org-id.guide) has ten digits, of which the third is 2 or more and the last is a
//! check digit by Luhn. With a lower third digit it is a personal identity number, which is never stored.

use super::{ActorKind, Identifier, NewActor, Sector};
use crate::kernel::{
    Fault,
    personal_number::{self, luhn},
    say, text,
};

/// The identifier scheme of Swedish organisation numbers.
pub const ORGANISATION_NUMBER: &str = "SE-ON";

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

/// The ten digits of an organisation number, written with or without hyphen, blanks and the century's `16`.
///
/// # Errors
/// The fault to show at `pointer`. The number itself is never repeated in it.
pub fn organisation_number(written: &str, pointer: &str) -> Result<String, Fault> {
    let mut digits: String = written.chars().filter(|sign| !matches!(sign, '-' | ' ' | '\u{A0}')).collect();
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
    let mut faults: Vec<_> = text::blank_fault("/name", &new.name).into_iter().collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_number_is_read_as_people_write_it() {
        for written in ["212000-2882", "2120002882", "16212000-2882", " 212000 2882"] {
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
    fn each_wrong_number_has_its_own_code() {
        let code = |written: &str| organisation_number(written, "").err().map(|fault| fault.code);
        assert_eq!(code("212000-2883"), Some("bad-check-digit"));
        assert_eq!(code("212000-288"), Some("wrong-length"));
        assert_eq!(code("21200A-2882"), Some("wrong-length"));
        assert_eq!(code("811228-9874"), Some("personal-identity-number"));
    }
}

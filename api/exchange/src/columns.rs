//! The columns of a table file of actors. Each has its member name in the API, its Swedish heading, and the headings that
//! people use in their own files. Imports and exports share this dictionary, so an exported file can be imported again.

use crate::intake::columns::{Columns, Shape, Words, column};

const KINDS: Words = &[
    ("municipality", &["kommun"]),
    ("region", &["region", "landsting"]),
    ("county_board", &["länsstyrelse", "county administrative board"]),
    ("municipal_association", &["kommunalförbund"]),
    ("agency", &["statlig myndighet", "myndighet", "government agency"]),
    ("administration", &["förvaltning"]),
    ("association", &["ideell förening", "förening", "non-profit association"]),
    ("foundation", &["stiftelse"]),
    ("faith_community", &["trossamfund", "faith community"]),
    ("cooperative", &["ekonomisk förening", "kooperativ"]),
    ("company", &["företag", "aktiebolag", "bolag"]),
    ("public_housing", &["allmännyttigt bostadsföretag", "allmännytta", "public housing company"]),
    ("union", &["fackförbund", "trade union"]),
    ("employer_organisation", &["arbetsgivarorganisation", "employer organisation"]),
    ("research", &["forskningsmiljö", "research environment", "forskning"]),
    ("network", &["nätverk"]),
    ("other", &["annat", "övrigt"]),
];
const SECTORS: Words = &[
    ("public", &["offentlig sektor", "offentlig", "public sector"]),
    ("civil_society", &["civilsamhälle", "civilsamhället", "civil society"]),
    ("private", &["näringsliv", "privat", "private sector"]),
    ("academia", &["akademi"]),
];
const STATUSES: Words = &[("active", &["verksam", "aktiv"]), ("dormant", &["vilande"]), ("dissolved", &["upplöst", "upphörd"])];
const VISIBILITIES: Words = &[
    ("public", &["alla", "everybody", "offentlig"]),
    ("members", &["inloggade", "signed-in users"]),
    ("forum", &["forumets medlemmar", "members of the forum"]),
    ("actor", &["aktören själv", "the actor itself"]),
];

/// The id that identifies the row in the file or source that it comes from.
pub const EXTERNAL_ID: &str = "externalId";
/// The code or name of the municipality of the seat, for files that contain no area ids.
pub const MUNICIPALITY: &str = "municipality";
/// The code or name of the county of the seat, for files that contain no area ids.
pub const COUNTY: &str = "county";
/// An organisation number. It becomes an identifier of the actor.
pub const ORGANISATION_NUMBER: &str = "organisationNumber";
/// An id in Kolada. It becomes an identifier of the actor.
pub const KOLADA_ID: &str = "koladaId";
/// An e-mail address. It becomes a contact point of the actor.
pub const EMAIL: &str = "email";
/// A telephone number. It becomes a contact point of the actor.
pub const PHONE: &str = "phone";
/// Words that describe what an organisation does. They become its `focus` when no other column gives one.
pub const CATEGORIES: &str = "categories";

/// The name of a town or a postal town. It becomes the municipality of the seat when a municipality has that name.
pub const LOCALITY: &str = "locality";
/// The members of an exported record that were hidden from the caller who exported it.
pub const REDACTED: &str = "redacted";

/// The columns that a record can be stored without. A cell in them that cannot be read is left out, and the rest of the row
/// is stored.
pub const DISPENSABLE: &[&str] = &["website", EMAIL, PHONE, "contactPoints"];

/// All columns of a table file of actors.
pub const COLUMNS: Columns = Columns(&[
    column("id", "Id", Shape::Text, &[]),
    column("version", "Version", Shape::Whole, &[]),
    column("createdAt", "Upplagd", Shape::ReadOnly, &[]),
    column("updatedAt", "Ändrad", Shape::ReadOnly, &[]),
    column("mergedInto", "Ihopslagen med", Shape::ReadOnly, &[]),
    column(REDACTED, "Dolt", Shape::ReadOnly, &[]),
    column("expanded", "Hör till", Shape::ReadOnly, &[]),
    column(EXTERNAL_ID, "Externt id", Shape::Digits, &["externid", "källansid", "postid", "radid", "nyckel", "key", "ref"]),
    column(
        "name",
        "Namn",
        Shape::Text,
        &[
            "föreningsnamn",
            "föreningsnamnet",
            "föreningensnamn",
            "organisationsnamn",
            "organisationensnamn",
            "aktörensnamn",
            "företagsnamn",
            "förening",
            "organisation",
            "aktör",
            "myndighet",
            "benämning",
            "orgname",
            "organisationname",
        ],
    ),
    column("kind", "Typ", Shape::Word(KINDS), &["aktörstyp", "organisationstyp", "slag", "type", "sort"]),
    column("sector", "Sektor", Shape::Word(SECTORS), &["samhällssektor"]),
    column("otherNames", "Andra namn", Shape::List, &["övriganamn", "kortnamn", "alias", "förkortning", "förkortningar"]),
    column("formerNames", "Tidigare namn", Shape::Objects, &[]),
    column(
        "parentId",
        "Överordnad aktör",
        Shape::Digits,
        &["förälder", "föräldraid", "överordnad", "moderorganisation", "tillhör", "parent", "parentexternalid", "delav"],
    ),
    column("seatAreaId", "Säte", Shape::Text, &["sätesområde", "seatarea", "seat"]),
    column(
        MUNICIPALITY,
        "Kommun",
        Shape::Digits,
        &["kommunkod", "municipalitycode", "säteskommun", "sätekommun", "kommunnamn", "hemkommun", "municipalityname"],
    ),
    column(COUNTY, "Län", Shape::Digits, &["länskod", "lanskod", "lan", "countycode", "länsnamn", "säteslän"]),
    column(LOCALITY, "Postort", Shape::Text, &["ort", "hemort"]),
    column("areasServed", "Verksamhetsområden", Shape::List, &["verksamhetsområde", "verksamiområden", "verksamikommuner", "serves"]),
    column("policyDomains", "Sakområden", Shape::List, &["sakområde", "policydomain", "ämnesområden", "ämnesområde"]),
    column("targetGroups", "Målgrupper", Shape::List, &["målgrupp", "targetgroup"]),
    column(
        "focus",
        "Inriktning",
        Shape::Text,
        &["syfte", "ändamål", "verksamhet", "beskrivning", "verksamhetsbeskrivning", "description", "purpose"],
    ),
    column(CATEGORIES, "Kategorier", Shape::List, &["kategori", "category", "taggar", "tags", "nyckelord", "föreningstyp"]),
    column("workingMethods", "Arbetssätt", Shape::List, &["metoder", "arbetsmetoder", "methods"]),
    column("languages", "Språk", Shape::List, &["language"]),
    column("website", "Webbplats", Shape::Text, &["webb", "hemsida", "webbsida", "webbadress", "url", "www", "homepage", "web", "länk"]),
    column(EMAIL, "E-post", Shape::Text, &["epostadress", "mejl", "mejladress", "mail", "mailadress", "emailaddress"]),
    column(PHONE, "Telefon", Shape::Digits, &["telefonnummer", "tel", "telnr", "växel", "telephone", "phonenumber"]),
    column("contactPoints", "Kontaktvägar", Shape::Objects, &["kontakt", "kontakter", "kontaktuppgifter"]),
    column(
        ORGANISATION_NUMBER,
        "Organisationsnummer",
        Shape::Digits,
        &["orgnr", "orgnummer", "organisationsnr", "organizationnumber", "orgno", "seon"],
    ),
    column(KOLADA_ID, "Kolada-id", Shape::Digits, &["kolada"]),
    column("identifiers", "Identiteter", Shape::Objects, &["identitet"]),
    column(
        "founded",
        "Bildad",
        Shape::Day,
        &["start", "startdatum", "startår", "grundad", "stiftad", "bildades", "registrerad", "foundedon"],
    ),
    column("dissolved", "Upphörd", Shape::LastDay, &["slut", "slutdatum", "slutår", "upplöst", "avregistrerad", "end", "dissolvedon"]),
    column("status", "Status", Shape::Word(STATUSES), &["läge"]),
    column("visibility", "Synlighet", Shape::Word(VISIBILITIES), &["synligför"]),
]);

/// Returns the member of an actor that a column contributes to, such as `contactPoints` for the column `email`.
#[must_use]
pub fn target_member(member: &'static str) -> &'static str {
    match member {
        MUNICIPALITY | COUNTY | LOCALITY => "seatAreaId",
        ORGANISATION_NUMBER | KOLADA_ID => "identifiers",
        EMAIL | PHONE => "contactPoints",
        CATEGORIES => "focus",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::columns::{code, plain};

    #[test]
    fn headings_are_known_however_people_write_them() {
        for (heading, member) in [
            ("Organisationsnummer", ORGANISATION_NUMBER),
            ("Org.nr", ORGANISATION_NUMBER),
            ("orgnr", ORGANISATION_NUMBER),
            ("E-post", EMAIL),
            ("Externt ID", EXTERNAL_ID),
            ("kolada_id", KOLADA_ID),
            ("lanskod", COUNTY),
            ("seatAreaId", "seatAreaId"),
            (" NAMN ", "name"),
            ("Målgrupp", "targetGroups"),
            ("Föreningens namn", "name"),
            ("Föreningstyp", CATEGORIES),
            ("Hemort", LOCALITY),
        ] {
            assert_eq!(COLUMNS.find_by_heading(heading).map(|(column, _)| column.member), Some(member), "{heading}");
        }
        assert_eq!(COLUMNS.find_by_heading("Kassör").map(|(column, _)| column.member), None);
        assert_eq!(COLUMNS.nearest("Organisatonsnummer"), Some("Organisationsnummer"));
        assert_eq!(COLUMNS.nearest("orgNumber"), Some("Organisationsnummer"), "what people call it else is near too");
        assert_eq!(
            ["Adress", "Stad", "Kassör", "Kontaktperson"].map(|heading| COLUMNS.nearest(heading)),
            [None; 4],
            "what is misleading helps nobody"
        );
    }

    #[test]
    fn no_two_columns_share_a_name() {
        let mut names: Vec<_> = COLUMNS
            .0
            .iter()
            .flat_map(|column| {
                let mut own = vec![plain(column.member), plain(column.swedish)];
                own.dedup();
                own.extend(column.also.iter().map(|name| (*name).to_owned()));
                own
            })
            .collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(COLUMNS.0.iter().flat_map(|column| column.also).all(|name| plain(name) == *name));
    }

    #[test]
    fn words_are_codes_in_either_language() {
        assert_eq!(code(KINDS, "Ideell förening"), Some("association"));
        assert_eq!(code(KINDS, "county_board"), Some("county_board"));
        assert_eq!(code(KINDS, "Public housing"), Some("public_housing"));
        assert_eq!(code(KINDS, "klubb"), None);
    }
}

//! The columns of a table of actors: what each is called in the API, how it is written above a column in Swedish, and what
//! people call it in their own files. Imports and exports share this one dictionary, so what is exported can be read again.

use crate::kernel::text;

/// Codes, each with the words that people write for it; the first is the Swedish one.
pub type Words = &'static [(&'static str, &'static [&'static str])];

/// How a member of an actor stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text, as it is.
    Text,
    /// A code, or the Swedish or English word for it.
    Word(Words),
    /// Texts with `|` between; a `|` within a text is `\|` and a `\` is `\\`.
    List,
    /// A list of objects, as JSON.
    Objects,
    /// A day, `2026-03-31`.
    Day,
    /// A whole number.
    Whole,
    /// Known, and not read: the service sets it itself.
    Ours,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// The member's name in the API.
    pub member: &'static str,
    /// The heading in Swedish.
    pub swedish: &'static str,
    /// How it stands in a cell.
    pub shape: Shape,
    /// What else it is called, in lower case without anything but letters and digits.
    also: &'static [&'static str],
}

const fn column(member: &'static str, swedish: &'static str, shape: Shape, also: &'static [&'static str]) -> Column {
    Column { member, swedish, shape, also }
}

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

/// What a row is known by in the file that it comes from.
pub const EXTERNAL_ID: &str = "externalId";
/// The code or name of the municipality of the seat, for files that know no ids of areas.
pub const MUNICIPALITY: &str = "municipality";
/// The code or name of the county of the seat.
pub const COUNTY: &str = "county";
/// An organisation number, which becomes an identifier.
pub const ORGANISATION_NUMBER: &str = "organisationNumber";
/// An id of Kolada, which becomes an identifier.
pub const KOLADA_ID: &str = "koladaId";
/// A mail address, which becomes a contact point.
pub const EMAIL: &str = "email";
/// A telephone number, which becomes a contact point.
pub const PHONE: &str = "phone";
/// Words for what an organisation does, which become its focus where there is no other.
pub const CATEGORIES: &str = "categories";

/// The name of a town or a postal town, which is the municipality of the seat where there is one of that name.
pub const LOCALITY: &str = "locality";
/// What of an exported record was hidden from who exported it.
pub const REDACTED: &str = "redacted";

/// Columns of digits, which a spreadsheet may have taken for one large number.
pub const NUMBERS: &[&str] = &[EXTERNAL_ID, "parentId", ORGANISATION_NUMBER, KOLADA_ID, MUNICIPALITY, COUNTY, PHONE];

/// Columns that an organisation can do without: a cell of theirs that cannot be read is put aside.
pub const DISPENSABLE: &[&str] = &["website", EMAIL, PHONE, "contactPoints"];

/// What a spreadsheet calls a column, by its place from 0.
#[must_use]
pub fn letters(at: usize) -> String {
    let last = char::from(b'A' + u8::try_from(at % 26).unwrap_or_default());
    if at < 26 { last.to_string() } else { format!("{}{last}", letters(at / 26 - 1)) }
}

/// Whether a cell is what a spreadsheet shows in place of a value (`#SAKNAS!`, `#N/A`, `####`), whatever its language.
#[must_use]
pub fn is_formula_error(cell: &str) -> bool {
    let Some(word) = cell.trim().strip_prefix('#') else { return false };
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_uppercase() || letter.is_ascii_digit() || matches!(letter, '/' | '_'))
    };
    matches!(word, "N/A" | "SAKNAS" | "GETTING_DATA")
        || word.strip_suffix(['!', '?']).is_some_and(is_word)
        || (word.len() >= 2 && word.bytes().all(|sign| sign == b'#'))
}

/// Every column there is. Where a file has several for one member, the name that stands first here wins.
pub const COLUMNS: &[Column] = &[
    column("id", "Id", Shape::Text, &[]),
    column("version", "Version", Shape::Whole, &[]),
    column("createdAt", "Upplagd", Shape::Ours, &[]),
    column("updatedAt", "Ändrad", Shape::Ours, &[]),
    column("mergedInto", "Ihopslagen med", Shape::Ours, &[]),
    column(REDACTED, "Dolt", Shape::Ours, &[]),
    column("expanded", "Hör till", Shape::Ours, &[]),
    column(EXTERNAL_ID, "Externt id", Shape::Text, &["externid", "källansid", "postid", "radid", "nyckel", "key", "ref"]),
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
        Shape::Text,
        &["förälder", "föräldraid", "överordnad", "moderorganisation", "tillhör", "parent", "parentexternalid", "delav"],
    ),
    column("seatAreaId", "Säte", Shape::Text, &["sätesområde", "seatarea", "seat"]),
    column(
        MUNICIPALITY,
        "Kommun",
        Shape::Text,
        &["kommunkod", "municipalitycode", "säteskommun", "sätekommun", "kommunnamn", "hemkommun", "municipalityname"],
    ),
    column(COUNTY, "Län", Shape::Text, &["länskod", "lanskod", "lan", "countycode", "länsnamn", "säteslän"]),
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
    column(PHONE, "Telefon", Shape::Text, &["telefonnummer", "tel", "telnr", "växel", "telephone", "phonenumber"]),
    column("contactPoints", "Kontaktvägar", Shape::Objects, &["kontakt", "kontakter", "kontaktuppgifter"]),
    column(
        ORGANISATION_NUMBER,
        "Organisationsnummer",
        Shape::Text,
        &["orgnr", "orgnummer", "organisationsnr", "organizationnumber", "orgno", "seon"],
    ),
    column(KOLADA_ID, "Kolada-id", Shape::Text, &["kolada"]),
    column("identifiers", "Identiteter", Shape::Objects, &["identitet"]),
    column(
        "founded",
        "Bildad",
        Shape::Day,
        &["start", "startdatum", "startår", "grundad", "stiftad", "bildades", "registrerad", "foundedon"],
    ),
    column("dissolved", "Upphörd", Shape::Day, &["slut", "slutdatum", "slutår", "upplöst", "avregistrerad", "end", "dissolvedon"]),
    column("status", "Status", Shape::Word(STATUSES), &["läge"]),
    column("visibility", "Synlighet", Shape::Word(VISIBILITIES), &["synligför"]),
];

/// A heading without what people write differently: case, blanks, hyphens, points.
#[must_use]
pub fn plain(heading: &str) -> String {
    text::fold(heading).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// The most bytes of a heading that may mean something.
const LONGEST: usize = 400;

/// How many letters another name of a column has at the least that a heading may be near.
const LONG_ENOUGH: usize = 6;

/// The column that a heading means, and how good a name it is for it: the lower the better.
#[must_use]
pub fn meant(heading: &str) -> Option<(&'static Column, usize)> {
    if heading.len() > LONGEST {
        return None;
    }
    let heading = plain(heading);
    COLUMNS.iter().find_map(|column| {
        let own = [plain(column.member), plain(column.swedish)];
        let mut names = own.iter().map(String::as_str).chain(column.also.iter().copied());
        names.position(|name| name == heading).map(|place| (column, place))
    })
}

/// The column of a member.
#[must_use]
pub fn of(member: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.member == member)
}

/// The member of an actor that a column becomes a part of.
#[must_use]
pub fn behind(member: &'static str) -> &'static str {
    match member {
        MUNICIPALITY | COUNTY | LOCALITY => "seatAreaId",
        ORGANISATION_NUMBER | KOLADA_ID => "identifiers",
        EMAIL | PHONE => "contactPoints",
        CATEGORIES => "focus",
        other => other,
    }
}

/// The known heading nearest to one that is not, when near enough to be what was meant.
#[must_use]
pub fn nearest(heading: &str) -> Option<&'static str> {
    if heading.len() > LONGEST {
        return None;
    }
    let heading = plain(heading);
    let names = COLUMNS.iter().filter(|column| column.shape != Shape::Ours).flat_map(|column| {
        let own = [column.swedish, column.member].map(|name| (plain(name), name));
        // Of what people write else, short words are near too much.
        let also = column.also.iter().filter(|name| name.chars().count() >= LONG_ENOUGH).map(|name| ((*name).to_owned(), column.swedish));
        also.chain(own)
    });
    // Letters left out, added or swapped: words that only begin alike mean something else.
    let likeness = names.map(|(name, shown)| (strsim::normalized_damerau_levenshtein(&heading, &name), shown));
    likeness.filter(|(likeness, _)| *likeness >= 0.75).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
}

/// The code that a word stands for; nothing when it is none of them.
#[must_use]
pub fn code(words: Words, written: &str) -> Option<&'static str> {
    // Most files have the codes as they are, and so do all of ours.
    if let Some((code, _)) = words.iter().find(|(code, _)| *code == written) {
        return Some(code);
    }
    let folded = text::fold(written.trim());
    let is = |code: &str| text::fold(code) == folded || code.replace('_', " ") == folded;
    words.iter().find(|(code, also)| is(code) || also.iter().any(|word| text::fold(word) == folded)).map(|(code, _)| *code)
}

/// A list as it stands in a cell.
#[must_use]
pub fn joined<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|item| item.replace('\\', "\\\\").replace('|', "\\|")).collect::<Vec<_>>().join("|")
}

/// The items of a list in a cell; the inverse of [`joined`].
#[must_use]
pub fn split(cell: &str) -> Vec<String> {
    if cell.is_empty() {
        return Vec::new();
    }
    let mut items = vec![String::new()];
    let mut letters = cell.chars();
    while let Some(letter) = letters.next() {
        let written = match letter {
            '|' => {
                items.push(String::new());
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(item) = items.last_mut() {
            item.push(written);
        }
    }
    items
}

/// Whether a spreadsheet would take a text for a formula, or might once an apostrophe before it is taken away.
#[must_use]
pub fn is_like_a_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            assert_eq!(meant(heading).map(|(column, _)| column.member), Some(member), "{heading}");
        }
        assert_eq!(meant("Kassör").map(|(column, _)| column.member), None);
        assert_eq!(nearest("Organisatonsnummer"), Some("Organisationsnummer"));
        assert_eq!(nearest("orgNumber"), Some("Organisationsnummer"), "what people call it else is near too");
        assert_eq!(["Adress", "Stad", "Kassör", "Kontaktperson"].map(nearest), [None; 4], "what is misleading helps nobody");
    }

    #[test]
    fn what_a_spreadsheet_shows_for_no_value_is_known() {
        assert!(["#SAKNAS!", "#N/A", " #REF! ", "#VÄRDEFEL!", "#DIV/0!", "#NAMN?", "#####"].iter().all(|cell| is_formula_error(cell)));
        assert!(["#", "#1", "#metoo", "#Jämlikhet!", "C#", "A#N/A", "##"].iter().all(|cell| !is_formula_error(cell)));
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }

    #[test]
    fn no_two_columns_share_a_name() {
        let mut names: Vec<_> = COLUMNS
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
        assert!(COLUMNS.iter().flat_map(|column| column.also).all(|name| plain(name) == *name));
    }

    #[test]
    fn words_are_codes_in_either_language() {
        assert_eq!(code(KINDS, "Ideell förening"), Some("association"));
        assert_eq!(code(KINDS, "county_board"), Some("county_board"));
        assert_eq!(code(KINDS, "Public housing"), Some("public_housing"));
        assert_eq!(code(KINDS, "klubb"), None);
    }

    proptest! {
        #[test]
        fn lists_come_back_as_they_were(items in prop::collection::vec("[a-c|\\\\ ]{1,6}", 0..5)) {
            prop_assert_eq!(split(&joined(items.iter().map(String::as_str))), items);
        }
    }
}

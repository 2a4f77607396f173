//! How text is compared, sorted and searched, computed here so that both databases answer alike.
//!
//! Folding is Swedish: å, ä and ö are letters of their own, while other marks are dropped (é = e).

use std::sync::LazyLock;

use chrono::NaiveDate;
use icu_collator::{Collator, CollatorBorrowed, options::CollatorOptions};
use icu_locale_core::locale;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory, NoncharacterCodePoint},
};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_security::skeleton;

use super::{language::say, personal_number, problem::Fault};

/// How many characters of a text that somebody has sent are quoted back.
const QUOTED: usize = 100;
/// How many characters a pointer into what somebody has sent has at the most.
const POINTED: usize = 300;

static SWEDISH: LazyLock<Option<CollatorBorrowed<'static>>> =
    LazyLock::new(|| Collator::try_new(locale!("sv").into(), CollatorOptions::default()).ok());

/// The key by which `text` sorts in Swedish, as bytes that both databases compare alike.
#[must_use]
pub fn sort_key(text: &str) -> Vec<u8> {
    let mut key = Vec::new();
    match SWEDISH.as_ref() {
        Some(collator) => {
            let Ok(()) = collator.write_sort_key_to(text, &mut key);
        }
        None => key.extend_from_slice(fold(text).as_bytes()),
    }
    key
}

/// Lower case, without marks other than those of å, ä and ö.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfc()
        .flat_map(char::to_lowercase)
        .flat_map(|letter| match letter {
            'å' | 'ä' | 'ö' => vec![letter],
            'æ' => vec!['ä'],
            'ø' => vec!['ö'],
            _ if letter.is_ascii() => vec![letter],
            _ => std::iter::once(letter).nfd().filter(|part| !is_combining_mark(*part)).collect(),
        })
        .collect()
}

/// The folded words of a text, in order, each once.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in fold(text).split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        // Longer words exist only as noise; an index entry has a size limit.
        let word: String = word.chars().take(64).collect();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The letters that a reader takes a text for, whatever letters and digits it is written with, without signs and blanks: what
/// looks alike is alike (the confusable characters of Unicode). It is compared and never shown.
#[must_use]
pub fn looks(text: &str) -> String {
    let compatible: String = text.nfkc().collect();
    let mut seen = String::new();
    for letter in compatible.chars().filter(|letter| letter.is_alphanumeric() || !letter.is_ascii()) {
        let plain = fold(letter.encode_utf8(&mut [0; 4]));
        if plain.chars().all(|letter| letter.is_ascii_lowercase() || matches!(letter, 'å' | 'ä' | 'ö')) {
            seen.push_str(&plain);
        } else {
            // As it is written, for capitals look like others than small letters do.
            seen.push_str(&fold(&skeleton(letter.encode_utf8(&mut [0; 4])).collect::<String>()));
        }
    }
    let one: String = seen
        .chars()
        .filter_map(|letter| match letter {
            '0' => Some('o'),
            '1' | 'l' | '|' => Some('i'),
            '3' => Some('e'),
            '4' => Some('a'),
            '5' => Some('s'),
            _ => letter.is_alphanumeric().then_some(letter),
        })
        .collect();
    one.replace("rn", "m").replace("vv", "w")
}

/// Composed form (NFC), the only one that is stored.
#[must_use]
pub fn composed(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

/// The first character that may not stand in stored text: control characters other than line break and tab, and all that
/// hides, reorders or means nothing to other readers. Emoji keep what joins them into one picture.
#[must_use]
pub fn forbidden_character(text: &str) -> Option<char> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return None;
    }
    signs(text).find(|(_, is_fine)| !is_fine).map(|(sign, _)| sign)
}

/// The same text without all such characters.
#[must_use]
pub fn cleaned(text: &str) -> String {
    signs(text).filter(|(_, is_fine)| *is_fine).map(|(sign, _)| sign).collect()
}

/// The characters of a text, each with whether it may stand where it does.
fn signs(text: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut before, mut signs) = (None, text.chars().peekable());
    std::iter::from_fn(move || {
        let sign = signs.next()?;
        let is_fine = !is_forbidden(sign) || joins_pictures(before, sign, signs.peek().copied());
        before = Some(sign);
        Some((sign, is_fine))
    })
}

/// What somebody has sent, as it may be quoted back: not at length, and without personal identity numbers.
#[must_use]
pub fn quoted(text: &str) -> String {
    cut(&personal_number::mask(&cut(text, 2 * QUOTED)), QUOTED)
}

/// The same for a pointer to it, in which several names may stand.
#[must_use]
pub fn pointed(pointer: &str) -> String {
    cut(&personal_number::mask(&cut(pointer, 2 * POINTED)), POINTED)
}

fn cut(text: &str, most: usize) -> String {
    text.char_indices().nth(most).map_or_else(|| text.to_owned(), |(end, _)| format!("{}…", &text[..end]))
}

/// Whether a character shows nothing by itself (`Default_Ignorable_Code_Point`): blanks without width, marks that turn the
/// direction of writing, tags, variation selectors.
#[must_use]
pub fn is_ignorable(sign: char) -> bool {
    !sign.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(sign)
}

fn is_forbidden(sign: char) -> bool {
    let category = || CodePointMapData::<GeneralCategory>::new().get(sign);
    match sign {
        '\n' | '\r' | '\t' => false,
        _ if sign.is_ascii() => sign.is_control(),
        // Marks around annotations and of objects, which belong to no plain text.
        '\u{FFF9}'..='\u{FFFC}' => true,
        _ => {
            is_ignorable(sign)
                || CodePointSetData::new::<NoncharacterCodePoint>().contains(sign)
                || matches!(
                    category(),
                    GeneralCategory::Control
                        | GeneralCategory::PrivateUse
                        | GeneralCategory::LineSeparator
                        | GeneralCategory::ParagraphSeparator
                )
        }
    }
}

/// Whether a sign makes one picture of those beside it: the selector of its coloured form, or a joiner between two.
fn joins_pictures(before: Option<char>, sign: char, after: Option<char>) -> bool {
    let pictures = CodePointSetData::new::<ExtendedPictographic>();
    let skin = |sign: char| ('\u{1F3FB}'..='\u{1F3FF}').contains(&sign);
    let picture = |sign: Option<char>| sign.is_some_and(|sign| pictures.contains(sign));
    match sign {
        '\u{FE0F}' => picture(before),
        '\u{200D}' => (picture(before) || before.is_some_and(|sign| sign == '\u{FE0F}' || skin(sign))) && picture(after),
        _ => false,
    }
}

/// Whether a sign is a dash of some kind, as people and programs write between digits.
#[must_use]
pub fn is_dash(sign: char) -> bool {
    sign == '-' || sign == '\u{2212}' || CodePointMapData::<GeneralCategory>::new().get(sign) == GeneralCategory::DashPunctuation
}

/// The known name nearest to `given`, when near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<_> = known.into_iter().collect();
    // What is far longer than any of them means none of them, and to compare it takes time.
    if known.iter().all(|name| given.len() > 2 * name.len() + QUOTED) {
        return None;
    }
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// A blank of braille, which Unicode calls a sign.
const BRAILLE_BLANK: char = '\u{2800}';

/// The fault of a text that is there but says nothing.
#[must_use]
pub fn blank_fault(pointer: &str, text: &str) -> Option<Fault> {
    let is_seen = |sign: char| !sign.is_whitespace() && sign != BRAILLE_BLANK && !is_combining_mark(sign);
    let is_blank = !text.chars().any(is_seen);
    is_blank.then(|| Fault::at(pointer, "blank", say!("Texten är tom; skriv något.", "The text is empty; write something.")))
}

/// The fault of a name that nobody can say, since no letter or digit is in it.
#[must_use]
pub fn nameless_fault(pointer: &str, name: &str) -> Option<Fault> {
    let is_name = name.chars().any(char::is_alphanumeric);
    (!is_name).then(|| {
        Fault::at(
            pointer,
            "blank",
            say!("Namnet är tomt; skriv ett namn med bokstäver eller siffror.", "The name is empty; write a name with letters or digits."),
        )
    })
}

/// The faults of those of a list's texts that say nothing.
pub fn blank_faults(pointer: &str, texts: &[String]) -> impl Iterator<Item = Fault> {
    texts.iter().enumerate().filter_map(move |(at, text)| blank_fault(&format!("{pointer}/{at}"), text))
}

/// The fault of a period that ends before it begins. Periods are half-open: the last day is not in them.
#[must_use]
pub fn period_fault(valid_from: Option<NaiveDate>, valid_to: Option<NaiveDate>) -> Option<Fault> {
    let (from, to) = valid_from.zip(valid_to)?;
    (to <= from).then(|| {
        Fault::at(
            "/validTo",
            "before-start",
            say!(
                "Perioden slutar ({to}) innan den börjar ({from}). Slutdagen ska vara efter startdagen.",
                "The period ends ({to}) before it begins ({from}). The last day must be after the first."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swedish_letters_sort_last_and_in_order() {
        let mut names = ["Ödeshög", "Åre", "Zinkgruvan", "Älvsbyn", "älmhult", "Arboga", "Västerås", "Wadköping", "Éva", "Eva"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["Arboga", "Eva", "Éva", "Västerås", "Wadköping", "Zinkgruvan", "Åre", "älmhult", "Älvsbyn", "Ödeshög"]);
    }

    #[test]
    fn folding_keeps_the_letters_of_swedish_and_drops_other_marks() {
        assert_eq!(fold("Idé ÅÄÖ Müller"), "ide åäö muller");
        assert_eq!(fold("A\u{30A}re"), "åre");
        assert_eq!(words("Hyresgästföreningen, Fittja (Botkyrka) fittja"), ["hyresgästföreningen", "fittja", "botkyrka"]);
    }

    #[test]
    fn what_looks_alike_is_alike() {
        for written in
            ["Bоtkyrka", "𝐁otkyrka", "B0tkyrka", "Bot-kyrka", "BOTKYRKA", "ＢＯＴＫＹＲＫＡ", "Βοtkуrkа", " b.o.t kyrka ", "Bótkyrka"]
        {
            assert_eq!(looks(written), "botkyrka", "{written}");
        }
        assert_eq!((looks("Linköping"), looks("1inköping")), (looks("lnköping").replacen('i', "ii", 1), looks("Iinköping")));
        assert_ne!(looks("Håbo"), looks("Habo"));
        assert_eq!(looks("Malmö"), looks("Rnalmö"));
    }

    #[test]
    fn what_hides_or_reorders_is_refused_by_its_property_and_emoji_are_whole() {
        for sign in [
            '\0',
            '\u{7F}',
            '\u{85}',
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{115F}',
            '\u{17B4}',
            '\u{180B}',
            '\u{180E}',
            '\u{200B}',
            '\u{200D}',
            '\u{200E}',
            '\u{2028}',
            '\u{2029}',
            '\u{202E}',
            '\u{2060}',
            '\u{2066}',
            '\u{206F}',
            '\u{3164}',
            '\u{E000}',
            '\u{FDD0}',
            '\u{FE00}',
            '\u{FE0F}',
            '\u{FEFF}',
            '\u{FFA0}',
            '\u{FFF0}',
            '\u{FFF9}',
            '\u{FFFC}',
            '\u{FFFF}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{E0001}',
            '\u{E0020}',
            '\u{E0100}',
            '\u{F0000}',
            '\u{10FFFF}',
        ] {
            assert_eq!(forbidden_character(&format!("Kim{sign}sson")), Some(sign), "{:x}", u32::from(sign));
        }
        for whole in
            ["Åsa Öberg", "a\r\n\tb", "a\u{A0}b\u{2003}c", "🙂", "❤\u{FE0F}", "👩🏽\u{200D}🚀", "🏳\u{FE0F}\u{200D}🌈", "🇸🇪", "नमस्ते", "שלום"]
        {
            assert_eq!(forbidden_character(whole), None, "{whole}");
        }
        for broken in ["1\u{FE0F}", "🙂\u{200D}", "\u{200D}🙂", "a\u{200D}🙂", "❤\u{FE0F}\u{FE0F}"] {
            assert!(forbidden_character(broken).is_some(), "{broken:?}");
        }
    }

    #[test]
    fn what_hides_is_taken_out_and_the_rest_is_as_it_was() {
        for (hidden, clean) in
            [("N\u{202E}am\u{200B}n\u{E0041}", "Namn"), ("\u{FEFF}Webb ❤\u{FE0F}", "Webb ❤\u{FE0F}"), ("Åre", "Åre"), ("\u{200B}", "")]
        {
            assert_eq!(cleaned(hidden), clean);
        }
    }

    #[test]
    fn what_is_quoted_back_is_short_and_without_personal_numbers() {
        assert_eq!(quoted("limt"), "limt");
        assert_eq!(quoted(&"å".repeat(101)), format!("{}…", "å".repeat(100)));
        assert_eq!(quoted("811228-9874"), "[personnummer]");
        assert_eq!(pointed(&format!("/{}", "n".repeat(2_000_000))).chars().count(), 301);
        // Nothing of a number is left where the end is cut off.
        let ends = quoted(&format!("{}811228-9874", "a ".repeat(47)));
        assert!(!ends.contains("8112"), "{ends}");
    }

    #[test]
    fn a_name_has_a_letter_or_a_digit() {
        for name in ["", " ", "\u{2800}", "\u{2800} \u{2800}", "-", "…", "\u{301}", "❤\u{FE0F}"] {
            assert!(nameless_fault("/name", name).is_some(), "{name:?}");
        }
        for name in ["Å", "3", "Kul ❤\u{FE0F}", "שלום", "中"] {
            assert!(nameless_fault("/name", name).is_none(), "{name:?}");
        }
        assert!(blank_fault("/text", "\u{2800}\u{301} ").is_some() && blank_fault("/text", "❤\u{FE0F}").is_none());
    }

    #[test]
    fn a_misspelt_name_finds_its_like() {
        assert_eq!(nearest("limt", ["limit", "cursor"]), Some("limit"));
        assert_eq!(nearest("xyz", ["limit", "cursor"]), None);
        assert_eq!(nearest(&"limit".repeat(400_000), ["limit", "cursor"]), None);
    }
}

//! Comparing, sorting and searching of text. It is computed here and not by the databases, so that both give the same results.
//!
//! Folding is Swedish: å, ä and ö are letters of their own, and other marks are dropped (é becomes e).

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

/// The most characters of a caller's text that an answer quotes.
const QUOTED: usize = 100;
/// The most characters of a JSON Pointer in an answer.
const POINTED: usize = 300;

static SWEDISH: LazyLock<Option<CollatorBorrowed<'static>>> =
    LazyLock::new(|| Collator::try_new(locale!("sv").into(), CollatorOptions::default()).ok());

/// Returns the key by which `text` sorts in Swedish, as bytes that both databases compare alike.
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

/// Returns the bytes with which the sort keys of texts begin that begin with `start`, in whatever capitals.
#[must_use]
pub fn sort_key_of_start(start: &str) -> Vec<u8> {
    let mut key = sort_key(start);
    // The letters come first in a key. After this byte come the marks, and then the capitals.
    if let Some(end) = key.iter().position(|byte| *byte == 1) {
        key.truncate(end);
    }
    key
}

/// Returns the text in lower case, without marks other than those of å, ä and ö.
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

/// Returns the folded words of a text, in order and without repetitions.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in fold(text).split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        // Entries of the index have a size limit, and longer words are only noise.
        let word: String = word.chars().take(64).collect();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Returns a key that is equal for texts which look alike to a reader, by the confusable characters of Unicode, without punctuation
/// and blanks. The key is only compared and never shown.
#[must_use]
pub fn lookalike_key(text: &str) -> String {
    let compatible: String = text.nfkc().collect();
    let mut letters = String::new();
    for letter in compatible.chars().filter(|letter| letter.is_alphanumeric() || !letter.is_ascii()) {
        let plain = fold(letter.encode_utf8(&mut [0; 4]));
        if plain.chars().all(|letter| letter.is_ascii_lowercase() || matches!(letter, 'å' | 'ä' | 'ö')) {
            letters.push_str(&plain);
        } else {
            // The letter is not folded before, because a capital looks like other letters than its small letter does.
            letters.push_str(&fold(&skeleton(letter.encode_utf8(&mut [0; 4])).collect::<String>()));
        }
    }
    let unified: String = letters
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
    unified.replace("rn", "m").replace("vv", "w")
}

/// Returns the text in composed form (NFC). Only this form is stored.
#[must_use]
pub fn composed(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

/// Returns the first character that is not permitted in stored text: a control character other than line break and tab, or one that
/// is invisible, reorders text, or has no meaning in Unicode. Characters that join emoji into one picture are permitted there.
#[must_use]
pub fn forbidden_character(text: &str) -> Option<char> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return None;
    }
    checked_characters(text).find(|(_, is_permitted)| !is_permitted).map(|(sign, _)| sign)
}

/// Returns the text without the characters that [`forbidden_character`] finds.
#[must_use]
pub fn cleaned(text: &str) -> String {
    checked_characters(text).filter(|(_, is_permitted)| *is_permitted).map(|(sign, _)| sign).collect()
}

/// Returns the characters of a text, each with whether it is permitted at its place.
fn checked_characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut before, mut signs) = (None, text.chars().peekable());
    std::iter::from_fn(move || {
        let sign = signs.next()?;
        let is_permitted = !is_forbidden(sign) || joins_pictures(before, sign, signs.peek().copied());
        before = Some(sign);
        Some((sign, is_permitted))
    })
}

/// Returns a caller's text as an answer may quote it: at most 100 characters, with personal identity numbers masked.
#[must_use]
pub fn quoted(text: &str) -> String {
    cut(&personal_number::mask(&cut(text, 2 * QUOTED)), QUOTED)
}

/// Returns a JSON Pointer as an answer may show it: at most 300 characters, with personal identity numbers masked.
#[must_use]
pub fn quoted_pointer(pointer: &str) -> String {
    cut(&personal_number::mask(&cut(pointer, 2 * POINTED)), POINTED)
}

fn cut(text: &str, most: usize) -> String {
    text.char_indices().nth(most).map_or_else(|| text.to_owned(), |(end, _)| format!("{}…", &text[..end]))
}

/// Whether a character is invisible by itself (`Default_Ignorable_Code_Point`): a blank without width, a mark that changes the
/// direction of writing, a tag, a variation selector.
#[must_use]
pub fn is_ignorable(sign: char) -> bool {
    !sign.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(sign)
}

fn is_forbidden(sign: char) -> bool {
    let category = || CodePointMapData::<GeneralCategory>::new().get(sign);
    match sign {
        '\n' | '\r' | '\t' => false,
        _ if sign.is_ascii() => sign.is_control(),
        // Annotation marks and the replacement for objects have no place in plain text.
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

/// Whether a character forms one picture with its neighbours: the selector of an emoji's coloured form, or the joiner between two.
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

/// Whether a character is a dash of any kind.
#[must_use]
pub fn is_dash(sign: char) -> bool {
    sign == '-' || sign == '\u{2212}' || CodePointMapData::<GeneralCategory>::new().get(sign) == GeneralCategory::DashPunctuation
}

/// Returns the known name that is most similar to `given`; `None` when none is similar enough to be meant.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<_> = known.into_iter().collect();
    // A text that is much longer than all names means none of them, and comparing it takes time.
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

/// The blank of braille, which Unicode classifies as a symbol.
const BRAILLE_BLANK: char = '\u{2800}';

/// Returns a fault when a text has no visible character.
#[must_use]
pub fn blank_fault(pointer: &str, text: &str) -> Option<Fault> {
    let is_visible = |sign: char| !sign.is_whitespace() && sign != BRAILLE_BLANK && !is_combining_mark(sign);
    let is_blank = !text.chars().any(is_visible);
    is_blank.then(|| Fault::at_pointer(pointer, "blank", say!("Texten är tom; skriv något.", "The text is empty; write something.")))
}

/// Returns a fault when a name has no letter and no digit.
#[must_use]
pub fn nameless_fault(pointer: &str, name: &str) -> Option<Fault> {
    let is_name = name.chars().any(char::is_alphanumeric);
    (!is_name).then(|| {
        Fault::at_pointer(
            pointer,
            "blank",
            say!("Namnet är tomt; skriv ett namn med bokstäver eller siffror.", "The name is empty; write a name with letters or digits."),
        )
    })
}

/// Returns a fault for each text of a list that has no visible character. `pointer` is the JSON Pointer of the list.
pub fn blank_faults(pointer: &str, texts: &[String]) -> impl Iterator<Item = Fault> {
    texts.iter().enumerate().filter_map(move |(index, text)| blank_fault(&format!("{pointer}/{index}"), text))
}

/// Returns a fault when a period ends before it begins or on its first day. Periods are half-open: `valid_to` is the first day after
/// them.
#[must_use]
pub fn period_fault(valid_from: Option<NaiveDate>, valid_to: Option<NaiveDate>) -> Option<Fault> {
    let (from, to) = valid_from.zip(valid_to)?;
    (to <= from).then(|| {
        Fault::at_pointer(
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

    proptest::proptest! {
        #[test]
        fn a_text_sorts_where_its_beginning_says(start in "[a-zåäöéA-ZÅÄÖ0-9 .,&-]{0,6}[a-zåäöA-ZÅÄÖ0-9]", rest in "[a-zåäöéA-ZÅÄÖ0-9 .,&-]{0,8}") {
            let begins = |text: &str| sort_key(text).starts_with(&sort_key_of_start(&start));
            assert!(begins(&format!("{start}{rest}")));
            assert!(begins(&format!("{}{rest}", start.to_uppercase())));
            assert!(begins(&format!("{}{rest}", start.to_lowercase())));
        }
    }

    #[test]
    fn a_text_that_begins_otherwise_sorts_elsewhere() {
        for (start, other) in [("brf", "Bro"), ("al", "Älvsbyn"), ("a", "Åre"), ("kommun", "kommu"), ("ö", "O"), ("v", "W")] {
            assert!(!sort_key(other).starts_with(&sort_key_of_start(start)), "{start} {other}");
        }
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
            assert_eq!(lookalike_key(written), "botkyrka", "{written}");
        }
        assert_eq!(
            (lookalike_key("Linköping"), lookalike_key("1inköping")),
            (lookalike_key("lnköping").replacen('i', "ii", 1), lookalike_key("Iinköping"))
        );
        assert_ne!(lookalike_key("Håbo"), lookalike_key("Habo"));
        assert_eq!(lookalike_key("Malmö"), lookalike_key("Rnalmö"));
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
        assert_eq!(quoted_pointer(&format!("/{}", "n".repeat(2_000_000))).chars().count(), 301);
        // A number at the place of the cut is masked as a whole.
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

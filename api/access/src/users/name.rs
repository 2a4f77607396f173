//! Rules for names. A name appears in letters to people who have not asked for them, so it must not contain an address.

use unicode_normalization::UnicodeNormalization;

use crate::kernel::{Fault, say, text};

/// Letters that mail programs or readers take for the dot of an address. Other look-alikes become one of these in NFKC.
const DOTS: [char; 6] = ['.', '\u{3002}', '\u{589}', '\u{6D4}', '\u{A4F8}', '\u{A60E}'];

/// The endings of Swedish abbreviations (m.fl., t.ex., o.dyl.), which no domain has.
const ABBREVIATED: [&str; 3] = ["fl", "ex", "dyl"];

/// Returns the fault of a name that contains a web or e-mail address, is longer than one line, or has no letter or digit.
#[must_use]
pub fn name_fault(pointer: &str, name: &str) -> Option<Fault> {
    if name.chars().any(|letter| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')) {
        return Some(Fault::at_pointer(pointer, "one-line", say!("Skriv namnet på en rad.", "Write the name on one line.")));
    }
    if let Some(fault) = text::nameless_fault(pointer, name) {
        return Some(fault);
    }
    let plain: String = name.nfkc().collect();
    let leads_away = plain.contains(['@', '\\']) || plain.contains("//") || plain.split_whitespace().any(leads_somewhere);
    leads_away.then(|| {
        Fault::at_pointer(
            pointer,
            "address-in-name",
            say!(
                "Ett namn kan inte innehålla en webb- eller e-postadress. Skriv bara namnet, med mellanslag efter en punkt.",
                "A name cannot hold a web or mail address. Write the name alone, with a space after a full stop."
            ),
        )
    })
}

/// Whether a word is an address: a domain, a network address, a dotted word with a path, or a scheme with something after
/// it.
fn leads_somewhere(word: &str) -> bool {
    let is_dotted = |word: &str| parts(word).windows(2).any(|pair| pair.iter().all(|part| !part.is_empty()));
    let has_path = word.rsplit_once('/').is_some_and(|(before, _)| is_dotted(before));
    let has_scheme = word.split_once(':').is_some_and(|(scheme, rest)| {
        let letters = scheme.chars().filter(char::is_ascii_alphabetic).count();
        // A short ending is accepted, as in `SKR:s`, the Swedish genitive of an abbreviation.
        let ending = rest.chars().filter(|letter| letter.is_alphanumeric()).count();
        let is_inflected = ending <= 3 && scheme.chars().all(|letter| !letter.is_lowercase());
        letters >= 2 && !is_inflected && rest.chars().next().is_some_and(char::is_alphanumeric)
    });
    has_path || has_scheme || is_like_a_domain(word) || is_like_a_network_address(word)
}

/// Returns the letters and digits between the dots of a word.
fn parts(word: &str) -> Vec<String> {
    word.split(DOTS).map(|part| part.chars().filter(|letter| letter.is_alphanumeric()).collect()).collect()
}

/// Whether a word has a dot with at least two letters on both sides, or with one letter before and at least two after it
/// of which the first is lower-case: `exempel.se` and `t.co` match, `A.B.` and `K.Lind` do not.
fn is_like_a_domain(word: &str) -> bool {
    parts(word).windows(2).any(|pair| {
        let [before, after] = pair else { return false };
        let small = after.chars().next().is_some_and(char::is_lowercase) && !ABBREVIATED.contains(&after.as_str());
        let least = if small { 1 } else { 2 };
        before.chars().count() >= least && after.chars().count() >= 2
    })
}

/// Whether a word has four numbers in a row with dots between them.
fn is_like_a_network_address(word: &str) -> bool {
    let is_number = |part: &String| !part.is_empty() && part.chars().all(|digit| digit.is_ascii_digit());
    parts(word).windows(4).any(|row| row.iter().all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for name in [
            "Kim Lind",
            "J.K. Rowling",
            "J.K.Rowling",
            "Åsa Öberg-Lind (Botkyrka)",
            "Dr. Kim",
            "Kim m.fl.",
            "von Döbeln, jr.",
            "Samordnaren 2.0",
            "Kim (SKR:s kansli)",
        ] {
            assert!(name_fault("/name", name).is_none(), "{name}");
        }
        for name in [
            "vinn.example.se",
            "Kim https://x",
            "http:\u{2F}\u{2F}x",
            "kim@exempel",
            "Kim\nLind",
            "Kim\u{2028}Lind",
            "Gå till vinn\u{3002}se nu",
            "www.vinn.se/abc",
            "(vinn.se)",
            "Kim (t.co/x)",
            "g.co/abc",
            "x.co",
            "T.CO/x",
            "1.1.1.1",
            "vinn\u{2024}se",
            "vinn\u{FE52}se",
            "vinn\u{A4F8}se",
            "vinn\u{589}se",
            "mailto:x",
        ] {
            assert!(name_fault("/name", name).is_some(), "{name}");
        }
    }
}

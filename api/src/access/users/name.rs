//! What may be called a name. A name goes into letters to people who have not asked for them, so it must not lead anywhere.

use crate::kernel::{Fault, say};

/// The letters that mail programs take for the dot of an address.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// The fault of a name that holds an address of the web or of mail, or more than one line.
#[must_use]
pub fn name_fault(pointer: &str, name: &str) -> Option<Fault> {
    if name.chars().any(|letter| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')) {
        return Some(Fault::at(pointer, "one-line", say!("Skriv namnet på en rad.", "Write the name on one line.")));
    }
    let leads_away = name.contains(['@', '\u{FF20}', '\\']) || name.contains("//") || name.split_whitespace().any(is_like_a_domain);
    leads_away.then(|| {
        Fault::at(
            pointer,
            "address-in-name",
            say!(
                "Ett namn kan inte innehålla en webb- eller e-postadress. Skriv bara namnet, med mellanslag efter en punkt.",
                "A name cannot hold a web or mail address. Write the name alone, with a space after a full stop."
            ),
        )
    })
}

/// Whether a word has two parts of two letters or more on both sides of a dot, as `exempel.se` has and `A.B.` has not.
fn is_like_a_domain(word: &str) -> bool {
    let parts: Vec<usize> = word.split(DOTS).map(|part| part.chars().filter(|letter| letter.is_alphanumeric()).count()).collect();
    parts.windows(2).any(|pair| pair[0] >= 2 && pair[1] >= 2)
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
        ] {
            assert!(name_fault("/name", name).is_some(), "{name}");
        }
    }
}

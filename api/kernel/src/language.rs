//! Texts for users, in Swedish and in English. Both stand side by side in the code, so that neither is forgotten.

use serde::{Deserialize, Serialize};

use super::fields::{self, Item};

/// A language of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Swedish, the default.
    #[default]
    Sv,
    /// English.
    En,
}

impl Language {
    /// Returns the language tag (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Sv => "sv",
            Self::En => "en",
        }
    }

    /// Returns the language that `Accept-Language` prefers, by its first subtag (RFC 4647, 3.4); `None` when it names no language of
    /// the service.
    #[must_use]
    pub fn from_accept_language(ranges: &[Item<'_>]) -> Option<Self> {
        fields::preferred(ranges, &[Self::Sv, Self::En], |range, language| match range.name {
            "*" => Some(0),
            name => name.split('-').next().filter(|tag| tag.eq_ignore_ascii_case(language.tag())).map(|_| 1),
        })
    }
}

/// One sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The Swedish sentence.
    pub sv: String,
    /// The English sentence.
    pub en: String,
}

impl Text {
    /// Returns the sentence in a language.
    #[must_use]
    pub fn r#in(&self, language: Language) -> &str {
        match language {
            Language::Sv => &self.sv,
            Language::En => &self.en,
        }
    }
}

/// Makes a [`Text`] from two format strings, Swedish first.
#[macro_export]
macro_rules! say {
    ($sv:literal, $en:literal $(,)?) => {
        $crate::language::Text { sv: format!($sv), en: format!($en) }
    };
}
pub use say;

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};

    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_preferred() {
        let accepted = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT_LANGUAGE, line.parse().unwrap());
            }
            Language::from_accept_language(&fields::items(&headers, ACCEPT_LANGUAGE).collect::<Vec<_>>())
        };
        assert_eq!(accepted(&["sv"]), Some(Language::Sv));
        assert_eq!(accepted(&["en-GB,en;q=0.9,sv;q=0.1"]), Some(Language::En));
        assert_eq!(accepted(&["fi, sv;q=0.5, en;q=0.4"]), Some(Language::Sv));
        assert_eq!(accepted(&["en;Q=0.2,SV-fi"]), Some(Language::Sv));
        assert_eq!(accepted(&["fi", "en"]), Some(Language::En));
        assert_eq!(accepted(&["*"]), Some(Language::Sv));
        assert_eq!(accepted(&["sv;q=0, *"]), Some(Language::En));
        assert_eq!(accepted(&["fi"]), None);
        assert_eq!(accepted(&["en;q=0"]), None);
        assert_eq!(accepted(&[]), None);
    }
}

//! Texts for users, in Swedish and in English. Both stand side by side in the code, so that neither is forgotten.

use serde::{Deserialize, Serialize};

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

    /// Returns the language that an `Accept-Language` header prefers; `None` when it names no language of the service.
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        header
            .split(',')
            .filter_map(|part| {
                let mut pieces = part.split(';');
                let language = match pieces.next()?.trim().split('-').next()?.to_ascii_lowercase().as_str() {
                    "sv" => Self::Sv,
                    "en" => Self::En,
                    "*" => Self::default(),
                    _ => return None,
                };
                let quality =
                    pieces.find_map(|piece| piece.trim().strip_prefix("q=")).map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0));
                (quality > 0.0).then_some((language, quality))
            })
            // Of equal qualities the first wins, so only a strictly greater one replaces it.
            .fold(None::<(Self, f32)>, |best, next| match best {
                Some(best) if best.1 >= next.1 => Some(best),
                _ => Some(next),
            })
            .map(|(language, _)| language)
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
macro_rules! say {
    ($sv:literal, $en:literal $(,)?) => {
        $crate::kernel::language::Text { sv: format!($sv), en: format!($en) }
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn the_preferred_language_of_the_service_is_chosen() {
        assert_eq!(Language::accepted("sv"), Some(Language::Sv));
        assert_eq!(Language::accepted("en-GB,en;q=0.9,sv;q=0.1"), Some(Language::En));
        assert_eq!(Language::accepted("fi, sv;q=0.5, en;q=0.4"), Some(Language::Sv));
        assert_eq!(Language::accepted("fi"), None);
        assert_eq!(Language::accepted("en;q=0"), None);
    }
}

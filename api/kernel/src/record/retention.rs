//! The retention rules (gallringsregler): the kind of data, the number of days for which it is kept, and the reason.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Bilingual;

/// The retention times that are settings of an installation.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The number of days for which an ended session is kept.
    pub sessions: i64,
    /// The number of days for which a disabled account is kept; 0 means until somebody erases it.
    pub users: i64,
    /// The number of days for which changes are kept in the feed; 0 means for ever.
    pub feed: i64,
}

/// A retention rule: a kind of data and the time for which it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RetentionRule)]
pub enum Rule {
    /// Disabled accounts.
    Accounts,
    /// Ended grants of erased users.
    Grants,
    /// Expired links in letters.
    Links,
    /// Codes of sign-ins with an identity provider.
    Codes,
    /// Used refresh tokens.
    Tokens,
    /// Ended sessions.
    Sessions,
    /// Answers that are stored for repeated calls.
    Answers,
    /// Changes in the feed, which the service removes continuously.
    Feed,
    /// Records with their history: kept until the authority decides on disposal.
    Records,
    /// Protocols of holds, erasures and disposals: kept for good.
    Protocols,
}

impl Rule {
    /// All rules, in the order in which a run carries them out.
    pub const ALL: &'static [Self] = &[
        Self::Accounts,
        Self::Grants,
        Self::Links,
        Self::Codes,
        Self::Tokens,
        Self::Sessions,
        Self::Answers,
        Self::Feed,
        Self::Records,
        Self::Protocols,
    ];

    /// Returns the code of the rule.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Grants => "grants",
            Self::Links => "links",
            Self::Codes => "codes",
            Self::Tokens => "tokens",
            Self::Sessions => "sessions",
            Self::Answers => "answers",
            Self::Feed => "feed",
            Self::Records => "records",
            Self::Protocols => "protocols",
        }
    }

    /// Returns the number of days after which the rule disposes of data; `None` when it never does so by time.
    #[must_use]
    pub fn days(self, terms: &Terms) -> Option<i64> {
        match self {
            Self::Accounts => Some(terms.users).filter(|days| *days > 0),
            Self::Grants => Some(365),
            Self::Links | Self::Tokens => Some(30),
            Self::Sessions => Some(terms.sessions),
            Self::Codes | Self::Answers => Some(1),
            Self::Feed => Some(terms.feed).filter(|days| *days > 0),
            Self::Records | Self::Protocols => None,
        }
    }

    /// Returns the name of the setting for the number of days, if there is one.
    #[must_use]
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Accounts => Some("retention_users_days"),
            Self::Sessions => Some("retention_sessions_days"),
            Self::Feed => Some("feed_days"),
            _ => None,
        }
    }

    /// Returns the rule as text.
    #[must_use]
    pub const fn words(self) -> Bilingual {
        match self {
            Self::Accounts => Bilingual(
                "Ett konto behålls så länge det används. Ett avstängt konto raderas så många dagar efter den senaste ändringen: då behövs namn och adress inte längre (GDPR art. 5.1 e).",
                "An account is kept as long as it is used. A disabled one is erased so many days after its last change: name and address are no longer needed then (GDPR art. 5(1)(e)).",
            ),
            Self::Grants => Bilingual(
                "En raderad persons avslutade behörigheter tas bort efter så många dagar; till dess behövs de för att förklara vad som har gjorts.",
                "Ended grants of an erased person are removed after so many days; until then they explain what was done.",
            ),
            Self::Links => Bilingual(
                "Länkar i brev tas bort så många dagar efter att de har slutat gälla; till dess behövs de för att utreda intrång.",
                "Links in letters are removed so many days after they ended; until then they are needed to look into intrusions.",
            ),
            Self::Codes => Bilingual(
                "Koder för inloggning med en organisations inloggning tas bort efter ett dygn; de gäller en minut.",
                "Codes of sign-ins with an identity provider are removed after a day; they hold for a minute.",
            ),
            Self::Tokens => Bilingual(
                "Förbrukade förnyelsekoder tas bort efter så många dagar; till dess avslöjar de om någon använder en stulen kod.",
                "Spent refresh tokens are removed after so many days; until then they reveal the use of a stolen one.",
            ),
            Self::Sessions => Bilingual(
                "En inloggning tas bort så många dagar efter att den har avslutats eller gått ut; till dess behövs den för att utreda intrång.",
                "A session is removed so many days after it ended; until then it is needed to look into intrusions.",
            ),
            Self::Answers => Bilingual(
                "Sparade svar tas bort efter ett dygn; längre kan ett anrop inte upprepas.",
                "Kept answers are removed after a day; a call cannot be repeated for longer.",
            ),
            Self::Feed => Bilingual(
                "Ändringsflödet talar om för andra system vad som har ändrats. Det är en kopia av ringa betydelse och tas bort efter så många dagar; vem som gjorde vad står i behandlingsloggen.",
                "The feed tells other systems what has changed. It is a copy of minor importance and is removed after so many days; who did what stands in the audit log.",
            ),
            Self::Records => Bilingual(
                "Poster och deras historik är allmänna handlingar. De bevaras tills arkivmyndigheten har beslutat om gallring (arkivlagen 10 §).",
                "Records and their history are official documents. They are kept until the archive authority has decided on disposal (Archives Act s. 10).",
            ),
            Self::Protocols => Bilingual(
                "Protokoll över undantag, raderingar och gallringar bevaras; de visar att reglerna har följts.",
                "Protocols of holds, erasures and disposals are kept for good; they show that the rules were followed.",
            ),
        }
    }
}

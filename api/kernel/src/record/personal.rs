//! Declarations of tables with their personal data: the purpose, the time for which it is stored, the operations that show it,
//! and its treatment when the person is erased (registerförteckning, GDPR art. 30).

use super::{ActorColumn, Rule, Table};
use crate::language::Language;

/// The same text in Swedish and in English.
#[derive(Clone, Copy, Debug)]
pub struct Bilingual(pub &'static str, pub &'static str);

impl Bilingual {
    /// Returns the text in a language.
    #[must_use]
    pub const fn r#in(self, language: Language) -> &'static str {
        match language {
            Language::Sv => self.0,
            Language::En => self.1,
        }
    }
}

/// The purpose for which personal data is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPurpose {
    /// A user can sign in, and others can identify the user.
    Account,
    /// A user can do exactly the things that have been granted.
    Access,
    /// A user stays signed in and can be signed out.
    SignIn,
    /// It can be shown afterwards which user made a change.
    History,
    /// A call that is sent twice is carried out once.
    Repetition,
    /// A published document names the user who published it.
    Signature,
    /// Texts describe the work, and may name people.
    Text,
    /// It can be shown what was held, erased and disposed of.
    Accountability,
}

impl DataPurpose {
    /// Returns the purpose as text.
    #[must_use]
    pub const fn description(self) -> Bilingual {
        match self {
            Self::Account => {
                Bilingual("Att kunna logga in, och att andra ska veta vem som gör vad", "To sign in, and for others to know who does what")
            }
            Self::Access => {
                Bilingual("Att var och en ska kunna göra det den har behörighet till", "For everyone to do what they have been granted")
            }
            Self::SignIn => {
                Bilingual("Att hålla en inloggning vid liv och kunna avsluta den", "To keep a sign-in alive and be able to end it")
            }
            Self::History => Bilingual("Att i efterhand kunna visa vem som ändrade vad", "To show afterwards who changed what"),
            Self::Repetition => Bilingual(
                "Att ett anrop som skickas två gånger bara ska utföras en gång",
                "For a call that is sent twice to be carried out once",
            ),
            Self::Signature => Bilingual("Att det ska framgå vem som publicerade en handling", "To show who published a document"),
            Self::Text => Bilingual(
                "Att beskriva aktörer och arbete; texten kan råka namnge eller beskriva personer",
                "To describe actors and work; the text may happen to name or describe people",
            ),
            Self::Accountability => Bilingual(
                "Att kunna visa vad som har undantagits, raderats och gallrats, och av vem",
                "To show what was held, erased and disposed of, and by whom",
            ),
        }
    }

    /// Returns the legal basis as text.
    #[must_use]
    pub const fn legal_basis(self) -> Bilingual {
        match self {
            Self::Account | Self::Access | Self::SignIn | Self::Repetition => {
                Bilingual("Uppgift av allmänt intresse, GDPR art. 6.1 e", "Task in the public interest, GDPR art. 6(1)(e)")
            }
            Self::History | Self::Signature => Bilingual(
                "Rättslig förpliktelse, GDPR art. 6.1 c: arkivlagen (1990:782) och tryckfrihetsförordningen 2 kap.",
                "Legal obligation, GDPR art. 6(1)(c): the Archives Act (1990:782) and the Freedom of the Press Act ch. 2",
            ),
            Self::Text => Bilingual(
                "Uppgift av allmänt intresse, GDPR art. 6.1 e; allmänna handlingar bevaras enligt arkivlagen (1990:782)",
                "Task in the public interest, GDPR art. 6(1)(e); official documents are kept by the Archives Act (1990:782)",
            ),
            Self::Accountability => Bilingual(
                "Rättslig förpliktelse, GDPR art. 6.1 c och art. 5.2 (ansvarsskyldighet)",
                "Legal obligation, GDPR art. 6(1)(c) and art. 5(2) (accountability)",
            ),
        }
    }
}

/// The treatment of a column when the person is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// The row is deleted.
    Row,
    /// The column gets a fixed name, the same for all erased people.
    Name,
    /// The column gets an address that nobody has.
    Address,
    /// The column is emptied.
    Empty,
    /// The column keeps its value: an id or a fact that identifies nobody once the account is erased.
    Stays,
    /// The column keeps its value until somebody has read it and corrected the record.
    ByHand,
}

impl Erase {
    /// Returns the treatment as text.
    #[must_use]
    pub const fn words(self) -> Bilingual {
        match self {
            Self::Row => Bilingual("raden tas bort", "the row is removed"),
            Self::Name => Bilingual("ersätts med ”Borttagen användare / Removed user”", "becomes “Borttagen användare / Removed user”"),
            Self::Address => Bilingual("ersätts med en adress som ingen har", "becomes an address that nobody has"),
            Self::Empty => Bilingual("töms", "is emptied"),
            Self::Stays => Bilingual("står kvar, men pekar på ett konto utan namn", "stays, but points to an account without a name"),
            Self::ByHand => Bilingual("rättas för hand i posten", "is corrected by hand in the record"),
        }
    }
}

/// The users whose personal data the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSubject {
    /// No user.
    None,
    /// The user whose id stands in one of these columns.
    User(&'static [&'static str]),
    /// The users of the row that this column refers to, in this other table.
    Through(&'static str, &'static str),
    /// The users who made changes of the record, by its events; this is the kind of record in the events.
    Authors(&'static str),
}

/// Columns of a table with personal data.
#[derive(Clone, Copy, Debug)]
pub struct Personal {
    /// The columns, separated by blanks, in the form of [`columns`].
    pub columns: &'static str,
    /// The purpose of the data.
    pub purpose: DataPurpose,
    /// The `operationId`s of the operations that show the columns, separated by blanks; empty when none does.
    pub shown: &'static str,
    /// The treatment of the columns when the person is erased.
    pub at_erasure: Erase,
    /// The retention rule.
    pub rule: Rule,
    /// Whether the columns are part of the extract of personal data for the person. Secrets and copies are not.
    pub in_extract: bool,
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A UUID.
    Id,
    /// A point in time.
    Time,
    /// A day.
    Day,
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// True or false.
    Flag,
    /// JSON.
    Json,
    /// Bytes.
    Bytes,
}

/// Parses a list of columns, separated by blanks. Returns each name with its type. The type stands after a colon (`number:int`) or
/// follows from the name: `…_at` is a time; `…_on`, `valid_from` and `valid_to` are days; `id`, `…_id` and `…_by` are ids; any other
/// name is a text.
pub fn columns(list: &'static str) -> impl Iterator<Item = (&'static str, Form)> {
    list.split_whitespace().map(|column| {
        let (name, form) = column.split_once(':').unwrap_or((column, ""));
        let form = match form {
            "int" => Form::Int,
            "flag" => Form::Flag,
            "json" => Form::Json,
            "bytes" => Form::Bytes,
            "text" => Form::Text,
            "time" => Form::Time,
            "day" => Form::Day,
            "id" => Form::Id,
            _ if name.ends_with("_at") => Form::Time,
            _ if name.ends_with("_on") || matches!(name, "valid_from" | "valid_to") => Form::Day,
            _ if name == "id" || name.ends_with("_id") || name.ends_with("_by") => Form::Id,
            _ => Form::Text,
        };
        (name, form)
    })
}

impl Table {
    /// Sets [`Table::actors`].
    #[must_use]
    pub const fn actors(self, columns: &'static [ActorColumn]) -> Self {
        Self { actors: columns, ..self }
    }

    /// Sets [`Table::frozen`].
    #[must_use]
    pub const fn frozen(self, columns: &'static [&'static str]) -> Self {
        Self { frozen: columns, ..self }
    }

    /// Returns the columns of the extract of personal data for a person.
    pub fn extract_columns(&self) -> impl Iterator<Item = (&'static str, Form)> {
        let personal = self.personal.iter().filter(|personal| personal.in_extract).flat_map(|personal| columns(personal.columns));
        columns(self.plain).chain(personal)
    }

    /// Returns all columns.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Form)> {
        columns(self.plain).chain(self.personal.iter().flat_map(|personal| columns(personal.columns)))
    }

    /// Whether the rows of a person are deleted when the person is erased.
    #[must_use]
    pub fn is_deleted_at_erasure(&self) -> bool {
        self.subject != DataSubject::None && self.personal.iter().all(|personal| personal.at_erasure == Erase::Row)
    }
}

/// Declares columns with personal data that are deleted with their row when the person is erased.
#[must_use]
pub const fn deleted_columns(columns: &'static str, purpose: DataPurpose, rule: Rule, shown: &'static str) -> Personal {
    Personal { columns, purpose, shown, at_erasure: Erase::Row, rule, in_extract: true }
}

/// Declares columns with personal data whose row is kept when the person is erased. `at_erasure` says what they become.
#[must_use]
pub const fn kept_columns(columns: &'static str, at_erasure: Erase, purpose: DataPurpose, rule: Rule, shown: &'static str) -> Personal {
    Personal { columns, purpose, shown, at_erasure, rule, in_extract: true }
}

/// Leaves columns out of the extract of personal data: secrets, digests, and copies of data that stands elsewhere in the extract.
#[must_use]
pub const fn not_in_extract(personal: Personal) -> Personal {
    Personal { in_extract: false, ..personal }
}

/// Declares free texts, which may name people.
#[must_use]
pub const fn text_columns(columns: &'static str, shown: &'static str) -> Personal {
    kept_columns(columns, Erase::ByHand, DataPurpose::Text, Rule::Records, shown)
}

/// Declares a table with personal data of users.
#[must_use]
pub const fn personal_table(
    name: &'static str,
    what: Bilingual,
    subject: DataSubject,
    personal: &'static [Personal],
    plain: &'static str,
) -> Table {
    Table { name, what, subject, personal, plain, actors: &[], frozen: &[] }
}

/// Declares a table whose only personal data is free text that may name people.
#[must_use]
pub const fn text_table(name: &'static str, what: Bilingual, personal: &'static [Personal], plain: &'static str) -> Table {
    Table { name, what, subject: DataSubject::None, personal, plain, actors: &[], frozen: &[] }
}

/// Declares a table without personal data.
#[must_use]
pub const fn impersonal_table(name: &'static str, plain: &'static str) -> Table {
    Table { name, what: Bilingual("", ""), subject: DataSubject::None, personal: &[], plain, actors: &[], frozen: &[] }
}

//! What the database holds about people: why, for how long, where it is shown, and what becomes of it when the person is
//! erased (registerförteckning, GDPR art. 30). The words in which tables are declared.

use super::{ActorColumn, Rule, Table};
use crate::kernel::language::Language;

/// The same words in Swedish and in English.
#[derive(Clone, Copy, Debug)]
pub struct Words(pub &'static str, pub &'static str);

impl Words {
    /// The words in a language.
    #[must_use]
    pub const fn r#in(self, language: Language) -> &'static str {
        match language {
            Language::Sv => self.0,
            Language::En => self.1,
        }
    }
}

/// Why something about a person is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// So that a person can sign in and others know who it is.
    Account,
    /// So that a person may do just what has been granted.
    Access,
    /// So that a person stays signed in, and can be signed out.
    SignIn,
    /// So that it can be shown who did what.
    History,
    /// So that a call sent twice is carried out once.
    Repetition,
    /// So that a published document says who published it.
    Signature,
    /// Texts about the work, which may come to name people.
    Text,
    /// So that it can be shown what was held, erased and disposed of.
    Accountability,
}

impl Why {
    /// What the data is for.
    #[must_use]
    pub const fn purpose(self) -> Words {
        match self {
            Self::Account => {
                Words("Att kunna logga in, och att andra ska veta vem som gör vad", "To sign in, and for others to know who does what")
            }
            Self::Access => {
                Words("Att var och en ska kunna göra det den har behörighet till", "For everyone to do what they have been granted")
            }
            Self::SignIn => Words("Att hålla en inloggning vid liv och kunna avsluta den", "To keep a sign-in alive and be able to end it"),
            Self::History => Words("Att i efterhand kunna visa vem som ändrade vad", "To show afterwards who changed what"),
            Self::Repetition => Words(
                "Att ett anrop som skickas två gånger bara ska utföras en gång",
                "For a call that is sent twice to be carried out once",
            ),
            Self::Signature => Words("Att det ska framgå vem som publicerade en handling", "To show who published a document"),
            Self::Text => Words(
                "Att beskriva aktörer och arbete; texten kan råka namnge eller beskriva personer",
                "To describe actors and work; the text may happen to name or describe people",
            ),
            Self::Accountability => Words(
                "Att kunna visa vad som har undantagits, raderats och gallrats, och av vem",
                "To show what was held, erased and disposed of, and by whom",
            ),
        }
    }

    /// On what legal ground it is stored.
    #[must_use]
    pub const fn legal_basis(self) -> Words {
        match self {
            Self::Account | Self::Access | Self::SignIn | Self::Repetition => {
                Words("Uppgift av allmänt intresse, GDPR art. 6.1 e", "Task in the public interest, GDPR art. 6(1)(e)")
            }
            Self::History | Self::Signature => Words(
                "Rättslig förpliktelse, GDPR art. 6.1 c: arkivlagen (1990:782) och tryckfrihetsförordningen 2 kap.",
                "Legal obligation, GDPR art. 6(1)(c): the Archives Act (1990:782) and the Freedom of the Press Act ch. 2",
            ),
            Self::Text => Words(
                "Uppgift av allmänt intresse, GDPR art. 6.1 e; allmänna handlingar bevaras enligt arkivlagen (1990:782)",
                "Task in the public interest, GDPR art. 6(1)(e); official documents are kept by the Archives Act (1990:782)",
            ),
            Self::Accountability => Words(
                "Rättslig förpliktelse, GDPR art. 6.1 c och art. 5.2 (ansvarsskyldighet)",
                "Legal obligation, GDPR art. 6(1)(c) and art. 5(2) (accountability)",
            ),
        }
    }
}

/// What becomes of a column when the person is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// The row goes, and the column with it.
    Row,
    /// It becomes the same name for all who are erased.
    Name,
    /// It becomes an address that nobody has.
    Address,
    /// It becomes empty.
    Empty,
    /// It stays: an id or a fact that names nobody once the account is erased.
    Stays,
    /// It stays until somebody has read it and corrected the record.
    ByHand,
}

impl Erase {
    /// How it is erased, in words.
    #[must_use]
    pub const fn words(self) -> Words {
        match self {
            Self::Row => Words("raden tas bort", "the row is removed"),
            Self::Name => Words("ersätts med ”Borttagen användare / Removed user”", "becomes “Borttagen användare / Removed user”"),
            Self::Address => Words("ersätts med en adress som ingen har", "becomes an address that nobody has"),
            Self::Empty => Words("töms", "is emptied"),
            Self::Stays => Words("står kvar, men pekar på ett konto utan namn", "stays, but points to an account without a name"),
            Self::ByHand => Words("rättas för hand i posten", "is corrected by hand in the record"),
        }
    }
}

/// Whose the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Nobody's in particular.
    Nobody,
    /// The user's whose id stands in one of these columns.
    User(&'static [&'static str]),
    /// Theirs whose the row is that a column refers to, in another table.
    Through(&'static str, &'static str),
    /// Theirs who made the record, by its kind in the history.
    Made(&'static str),
}

/// Columns of a table that hold something about people.
#[derive(Clone, Copy, Debug)]
pub struct Personal {
    /// The columns, each with its form where the name does not tell (see [`Form`]).
    pub columns: &'static str,
    /// Why they are there.
    pub why: Why,
    /// The operations that show them, separated by blanks; empty for nowhere.
    pub shown: &'static str,
    /// What becomes of them when the person is erased.
    pub at_erasure: Erase,
    /// How long they are kept.
    pub rule: Rule,
    /// Whether they are told to the person who asks; secrets and copies are not.
    pub told: bool,
}

/// The form of a column, by which it is read: from its name (`…_at` is a time, `…_on` and `valid_…` a day, `id`, `…_id` and
/// `…_by` an id, all else a text), or said after it: `number:int`.
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

/// The columns of a list with their forms.
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

    /// The columns that are told to the person whose a row is.
    pub fn told(&self) -> impl Iterator<Item = (&'static str, Form)> {
        let personal = self.personal.iter().filter(|personal| personal.told).flat_map(|personal| columns(personal.columns));
        columns(self.plain).chain(personal)
    }

    /// All columns.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Form)> {
        columns(self.plain).chain(self.personal.iter().flat_map(|personal| columns(personal.columns)))
    }

    /// Whether the rows go when the person is erased.
    #[must_use]
    pub fn goes(&self) -> bool {
        self.of != Of::Nobody && self.personal.iter().all(|personal| personal.at_erasure == Erase::Row)
    }
}

/// Columns about a person, which go with their row when the person is erased.
#[must_use]
pub const fn goes(columns: &'static str, why: Why, rule: Rule, shown: &'static str) -> Personal {
    Personal { columns, why, shown, at_erasure: Erase::Row, rule, told: true }
}

/// Columns about a person, which stay or become something else when the person is erased.
#[must_use]
pub const fn becomes(columns: &'static str, at_erasure: Erase, why: Why, rule: Rule, shown: &'static str) -> Personal {
    Personal { columns, why, shown, at_erasure, rule, told: true }
}

/// The same, not told to anybody: secrets, digests, and copies of what is told elsewhere.
#[must_use]
pub const fn untold(personal: Personal) -> Personal {
    Personal { told: false, ..personal }
}

/// Texts that may come to name people.
#[must_use]
pub const fn texts(columns: &'static str, shown: &'static str) -> Personal {
    becomes(columns, Erase::ByHand, Why::Text, Rule::Records, shown)
}

/// A table whose rows are about a person.
#[must_use]
pub const fn about(name: &'static str, what: Words, of: Of, personal: &'static [Personal], plain: &'static str) -> Table {
    Table { name, what, of, personal, plain, actors: &[], frozen: &[] }
}

/// A table whose texts may name people.
#[must_use]
pub const fn naming(name: &'static str, what: Words, personal: &'static [Personal], plain: &'static str) -> Table {
    Table { name, what, of: Of::Nobody, personal, plain, actors: &[], frozen: &[] }
}

/// A table that holds nothing about anybody.
#[must_use]
pub const fn nobody(name: &'static str, plain: &'static str) -> Table {
    Table { name, what: Words("", ""), of: Of::Nobody, personal: &[], plain, actors: &[], frozen: &[] }
}

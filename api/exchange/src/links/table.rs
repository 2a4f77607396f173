//! The entity of links between records of sources and actors.

use std::collections::BTreeMap;

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value as Cell,
    entity::prelude::*,
    sea_query::{ArrayType, ColumnType, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LinkId;
use crate::{
    matches::MatchId,
    registry::actors::ActorId,
    sources::{
        SourceId,
        rules::{self, Record},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_actor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LinkId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub source_id: SourceId,
    pub external_id: String,
    /// The actor that the record is; `None` while the record is held.
    pub actor_id: Option<ActorId>,
    /// The match in which the record is held; `None` once it is linked.
    pub match_id: Option<MatchId>,
    pub members: Members,
    /// The digest of the record that the source last sent, in the form in which it was sent.
    pub digest: String,
    pub absent_since: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The members of an actor that a source gave and wrote. They are one column, as [`Stored`] in JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// The members that the source last sent, in the form in which they are stored.
    pub given: Record,
    /// The members that the source last wrote, with their values.
    pub base: Record,
}

impl Members {
    fn read(column: &str) -> serde_json::Result<Self> {
        let (given, base) = serde_json::from_str::<Stored<Record>>(column)?.into_parts();
        Ok(Self { given, base })
    }
}

impl From<Members> for Cell {
    fn from(members: Members) -> Self {
        // Maps of JSON can always be written as JSON. If one could not, the column would refuse a null.
        Self::String(serde_json::to_string(&Stored::of(&members.given, &members.base)).ok())
    }
}

impl TryGetable for Members {
    fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
        let column = String::try_get_by(row, column)?;
        Self::read(&column).map_err(|error| TryGetError::DbErr(DbErr::Json(error.to_string())))
    }
}

impl ValueType for Members {
    fn try_from(cell: Cell) -> Result<Self, ValueTypeErr> {
        match cell {
            Cell::String(Some(column)) => Self::read(&column).map_err(|_| ValueTypeErr),
            _ => Err(ValueTypeErr),
        }
    }
    fn type_name() -> String {
        "Members".to_owned()
    }
    fn array_type() -> ArrayType {
        ArrayType::String
    }
    fn column_type() -> ColumnType {
        ColumnType::Text
    }
}

/// The members that a source gave and those that it wrote, each stored once: most are both.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored<T: Default> {
    /// The members that were given and written with the same value.
    both: T,
    /// The other members that were given.
    given: T,
    /// The other members that were written.
    written: T,
    /// Whether all members of an actor were written. Those that stand nowhere else were written empty.
    whole: bool,
}

impl<'a> Stored<BTreeMap<&'a str, &'a Value>> {
    fn of(given: &'a Record, base: &'a Record) -> Self {
        let empty = rules::empty_members();
        let whole = empty.keys().all(|member| base.contains_key(member));
        let mut stored = Self { whole, ..Self::default() };
        for (member, value) in given {
            let part = if base.get(member) == Some(value) { &mut stored.both } else { &mut stored.given };
            part.insert(member, value);
        }
        let is_left_out = |member: &String, value: &Value| given.get(member) == Some(value) || (whole && empty.get(member) == Some(value));
        stored
            .written
            .extend(base.iter().filter(|(member, value)| !is_left_out(member, value)).map(|(member, value)| (member.as_str(), value)));
        stored
    }
}

impl Stored<Record> {
    fn into_parts(self) -> (Record, Record) {
        let Self { both, mut given, mut written, whole } = self;
        written.extend(both.clone());
        if whole {
            for (member, value) in rules::empty_members() {
                written.entry(member.clone()).or_insert_with(|| value.clone());
            }
        }
        given.extend(both);
        (given, written)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let value = prop_oneof![Just(Value::Null), Just(json!([])), (0..3_u8).prop_map(|number| json!(format!("v{number}")))];
        proptest::collection::btree_map("focus|name|languages|kind|else", value, 0..5).prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_was_given_and_written_is_read_as_it_was(given in record(), base in record(), whole in any::<bool>()) {
            let mut base = base;
            if whole {
                for (member, value) in rules::empty_members() {
                    base.entry(member.clone()).or_insert_with(|| value.clone());
                }
            }
            let members = Members { given, base };
            let cell = Cell::from(members.clone());
            prop_assert_eq!(<Members as ValueType>::try_from(cell).unwrap(), members);
        }
    }

    #[test]
    fn a_member_that_was_given_and_written_stands_once() {
        let given = Record::from_iter([("name".to_owned(), json!("Odlarna"))]);
        let mut base = rules::empty_members().clone();
        base.extend(given.clone());
        let text = serde_json::to_string(&Stored::of(&given, &base)).unwrap();
        assert_eq!(text, r#"{"both":{"name":"Odlarna"},"given":{},"written":{},"whole":true}"#);
    }
}

//! The entity of links between records of sources and actors.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue::Set, entity::prelude::*};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LinkId;
use crate::{
    kernel::Result,
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
    pub actor_id: Option<ActorId>,
    pub match_id: Option<MatchId>,
    /// The members that the source gave and wrote ([`Stored`]), in JSON.
    pub members: String,
    pub digest: String,
    pub absent_since: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// A link between a record of a source and an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
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
    /// The members that the source last sent, in the form in which they are stored.
    pub given: Record,
    /// The members that the source last wrote, with their values.
    pub base: Record,
    /// The digest of the record that the source last sent, in the form in which it was sent.
    pub digest: String,
    pub absent_since: Option<ChronoDateTimeUtc>,
}

impl TryFrom<Model> for Link {
    type Error = crate::kernel::Problem;

    fn try_from(row: Model) -> Result<Self> {
        let (given, base) = serde_json::from_str::<Stored<Record>>(&row.members)?.into_parts();
        Ok(Self {
            id: row.id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            source_id: row.source_id,
            external_id: row.external_id,
            actor_id: row.actor_id,
            match_id: row.match_id,
            given,
            base,
            digest: row.digest,
            absent_since: row.absent_since,
        })
    }
}

impl Link {
    /// Returns the row of the link.
    ///
    /// # Errors
    /// When its members cannot be written as JSON (500).
    pub(super) fn row(&self) -> Result<ActiveModel> {
        Ok(ActiveModel {
            id: Set(self.id),
            version: Set(self.version),
            created_at: Set(self.created_at),
            updated_at: Set(self.updated_at),
            source_id: Set(self.source_id),
            external_id: Set(self.external_id.clone()),
            actor_id: Set(self.actor_id),
            match_id: Set(self.match_id),
            members: Set(serde_json::to_string(&Stored::of(&self.given, &self.base))?),
            digest: Set(self.digest.clone()),
            absent_since: Set(self.absent_since),
        })
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
            let text = serde_json::to_string(&Stored::of(&given, &base)).unwrap();
            let read: Stored<Record> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.into_parts(), (given, base));
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

//! Typed ids. All ids are UUID version 7, so the order of ids is the order of creation and can carry keyset pages.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering as Atomic},
};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, SchemaFormat, schema::Schema, schema::Type},
};
use uuid::Uuid;

/// The id of a `T`. Code that passes an `Id<Forum>` in the place of an `Id<Actor>` does not compile.
pub struct Id<T> {
    uuid: Uuid,
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// Returns the id as the plain UUID that the database stores.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self { uuid, of: PhantomData }
    }
}
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.uuid.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from)
    }
}

impl<T> From<Id<T>> for Uuid {
    fn from(id: Id<T>) -> Self {
        id.uuid
    }
}

impl<T> From<Id<T>> for Value {
    fn from(id: Id<T>) -> Self {
        Self::Uuid(Some(id.uuid))
    }
}
impl<T> TryGetable for Id<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Uuid::try_get_by(row, index).map(Self::from)
    }
}
impl<T> ValueType for Id<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Uuid as ValueType>::try_from(value).map(Self::from)
    }
    fn type_name() -> String {
        "Id".to_owned()
    }
    fn array_type() -> ArrayType {
        ArrayType::Uuid
    }
    fn column_type() -> ColumnType {
        ColumnType::Uuid
    }
}
impl<T> Nullable for Id<T> {
    fn null() -> Value {
        Value::Uuid(None)
    }
}
impl<T> TryFromU64 for Id<T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Id"))
    }
}
impl<T> sea_orm::IntoActiveValue<Id<T>> for Id<T> {
    fn into_active_value(self) -> sea_orm::ActiveValue<Id<T>> {
        sea_orm::ActiveValue::Set(self)
    }
}

impl<T> PartialSchema for Id<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).into()
    }
}
impl<T> ToSchema for Id<T> {
    fn name() -> Cow<'static, str> {
        let full = std::any::type_name::<T>();
        Cow::Owned(format!("{}Id", full.rsplit("::").next().unwrap_or(full)))
    }
}

/// The source of new ids. It is injected, so that tests can predict them.
#[derive(Debug)]
pub enum Ids {
    /// Ids that grow within the process and are random between processes.
    Random,
    /// Ids with a counter, for tests and for documents that must be the same each time.
    Counted(AtomicU64),
}

impl Ids {
    /// Returns a source of predictable ids whose counter starts at `first`.
    #[must_use]
    pub const fn counted_from(first: u64) -> Self {
        Self::Counted(AtomicU64::new(first))
    }

    /// Whether ids are unpredictable. Other values that should differ each time, such as nonces, follow this too.
    #[must_use]
    pub const fn are_random(&self) -> bool {
        matches!(self, Self::Random)
    }

    pub fn next<T>(&self, now: DateTime<Utc>) -> Id<T> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the home of new ids")]
            Self::Random => Uuid::now_v7().into(),
            Self::Counted(next) => {
                let count = next.fetch_add(1, Atomic::Relaxed);
                let millis = now.timestamp_millis().unsigned_abs();
                let mut tail = [0; 10];
                tail[2..].copy_from_slice(&count.to_be_bytes());
                uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid().into()
            }
        }
    }
}

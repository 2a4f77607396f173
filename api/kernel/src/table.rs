//! Column types that the entities of all rooms use.

use chrono::NaiveDate;
use sea_orm::{
    Condition, DbBackend, ExprTrait, TryGetableFromJson, Value,
    sea_query::{ArrayType, ColumnType, Expr, IntoColumnRef, Nullable, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A short list in one JSON column. It keeps the order of its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}
impl<T: DeserializeOwned> TryGetableFromJson for List<T> {}

impl<T: Serialize> From<List<T>> for Value {
    fn from(list: List<T>) -> Self {
        // Lists of plain data can always be serialised. If one could not, storing an empty list would be wrong.
        Self::Json(serde_json::to_value(&list.0).ok().map(Box::new))
    }
}
impl<T: DeserializeOwned> ValueType for List<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::Json(Some(json)) => serde_json::from_value(*json).map_err(|_| ValueTypeErr),
            _ => Err(ValueTypeErr),
        }
    }
    fn type_name() -> String {
        "List".to_owned()
    }
    fn array_type() -> ArrayType {
        ArrayType::Json
    }
    fn column_type() -> ColumnType {
        ColumnType::JsonBinary
    }
}
impl<T> Nullable for List<T> {
    fn null() -> Value {
        Value::Json(None)
    }
}

/// Selects the rows of a period that includes a day. The first day belongs to the period and the last does not; a missing one means
/// no limit.
pub fn valid_on(from: impl IntoColumnRef, to: impl IntoColumnRef, day: NaiveDate) -> Condition {
    let (from, to) = (Expr::col(from), Expr::col(to));
    Condition::all().add(from.clone().is_null().or(from.lte(day))).add(to.clone().is_null().or(to.gt(day)))
}

/// Whether the database is `PostgreSQL`, for statements that must differ from those for `SQLite`.
#[must_use]
pub const fn is_postgres(backend: DbBackend) -> bool {
    matches!(backend, DbBackend::Postgres)
}

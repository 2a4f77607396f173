//! Lists by keyset: each page starts where the last ended, costs the same at any depth, and never counts unless asked.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, IdenStatic, Iterable, ModelTrait, Order, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, Value,
    sea_query::{CaseStatement, Expr, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Db,
    hash::{hex, unhex},
    language::say,
    problem::{Fault, Kind, Problem, Result},
    request::Call,
};

/// Items of a page unless the caller says otherwise.
pub const DEFAULT_LIMIT: u64 = 20;
/// The most items of a page.
pub const MAX_LIMIT: u64 = 200;
/// How far an offset reaches; beyond that only cursors do.
pub const MAX_OFFSET: u64 = 10_000;
/// How long a cursor lasts.
pub const CURSOR_HOURS: i64 = 24;

/// What a list may be asked to include.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// How many there are in all.
    Total,
}

/// Which page of a list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items the page has at most.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 200, default = 20, required = false, value_type = i32)]
    pub limit: u64,
    /// Where the page starts: `nextCursor` of the page before. Valid for a day, for the same caller, filter and order.
    #[param(max_length = 4000, nullable = false)]
    pub cursor: Option<String>,
    /// How many items to skip, at most 10,000; use `cursor` to go further.
    #[param(minimum = 0, nullable = false, value_type = Option<i32>)]
    pub offset: Option<u64>,
    /// `total` counts all items that the filter admits.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub include: Option<Vec<Include>>,
    /// Members of each item to answer with; all unless given. An item then lacks the others, also those that its schema requires.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub fields: Option<Vec<String>>,
}

/// Members of the answer.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Selection {
    /// Members to answer with; all unless given. The answer then lacks the others, also those that its schema requires.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub fields: Option<Vec<String>>,
}

const fn default_limit() -> u64 {
    DEFAULT_LIMIT
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub items: Vec<T>,
    /// Where the next page starts; null on the last page.
    pub next_cursor: Option<String>,
    /// How many items there are in all, when asked for by `include=total`.
    #[schema(format = Int64)]
    pub total: Option<u64>,
    /// Where to follow `/changes` from to keep what was read up to date: a place in the feed from before the list was read. Take
    /// that of the first page. The tag of the answer does not depend on it.
    pub change_cursor: String,
}

impl<T> Page<T> {
    /// The page with each item as something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, next_cursor, total, change_cursor } = self;
        Page { items: items.into_iter().map(each).collect(), next_cursor, total, change_cursor }
    }

    /// The same where each item may fail to become something else.
    ///
    /// # Errors
    /// When one does.
    pub fn try_map<U>(self, each: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let Self { items, next_cursor, total, change_cursor } = self;
        Ok(Page { items: items.into_iter().map(each).collect::<Result<_>>()?, next_cursor, total, change_cursor })
    }
}

/// What a list is sorted by, in turn. The last key must be unique.
pub struct Key<M> {
    by: SimpleExpr,
    descending: bool,
    of: Box<dyn Fn(&M) -> Value>,
}

impl<M> Key<M> {
    /// Sorts by an expression that has the given value for a row. The value must never be null.
    pub fn new(by: impl Into<SimpleExpr>, of: impl Fn(&M) -> Value + 'static) -> Self {
        Self { by: by.into(), descending: false, of: Box::new(of) }
    }

    /// Sorts by a column.
    pub fn column(column: impl ColumnTrait, of: impl Fn(&M) -> Value + 'static) -> Self {
        Self::new(SimpleExpr::from(Expr::col(column.as_column_ref())), of)
    }

    /// The same the other way round.
    #[must_use]
    pub fn reversed(self, reversed: bool) -> Self {
        Self { descending: self.descending != reversed, ..self }
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// What it is bound to.
    scope: String,
    /// Until when it is valid, in seconds since 1970.
    until: i64,
    keys: Vec<KeyValue>,
}

/// A value that a list can be sorted by, as it travels in a cursor.
#[derive(Serialize, Deserialize)]
enum KeyValue {
    Int(i64),
    Text(String),
    Bytes(String),
    Time(DateTime<Utc>),
    Uuid(Uuid),
}

impl KeyValue {
    fn of(value: Value) -> Option<Self> {
        Some(match value {
            Value::Int(Some(value)) => Self::Int(value.into()),
            Value::BigInt(Some(value)) => Self::Int(value),
            Value::String(Some(value)) => Self::Text(value),
            Value::Bytes(Some(value)) => Self::Bytes(hex(&value)),
            Value::ChronoDateTimeUtc(Some(value)) => Self::Time(value),
            Value::Uuid(Some(value)) => Self::Uuid(value),
            _ => return None,
        })
    }

    fn value(self) -> Option<Value> {
        Some(match self {
            Self::Int(value) => value.into(),
            Self::Text(value) => value.into(),
            Self::Bytes(value) => unhex(&value)?.into(),
            Self::Time(value) => value.into(),
            Self::Uuid(value) => value.into(),
        })
    }
}

impl Paging {
    /// All items up to the largest page, for lists that are short by nature.
    #[must_use]
    pub const fn whole() -> Self {
        Self { limit: MAX_LIMIT, cursor: None, offset: None, include: None, fields: None }
    }

    /// The page of `select`, sorted by `keys`.
    ///
    /// # Errors
    /// When the cursor is not one for this list, or the offset too far.
    pub async fn fetch<E>(&self, select: Select<E>, keys: Vec<Key<E::Model>>, call: &Call, db: &Db) -> Result<Page<E::Model>>
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E> + Send + Sync,
    {
        let (select, keys, veiled) = without_oracle(select, keys, call);
        if let Some(offset) = self.offset.filter(|offset| *offset > MAX_OFFSET) {
            return Err(Problem {
                faults: vec![Fault::of_parameter(
                    "offset",
                    "too-large",
                    say!(
                        "Det går att hoppa över högst {MAX_OFFSET} poster, inte {offset}. Bläddra vidare med cursor (nextCursor i svaret).",
                        "At most {MAX_OFFSET} items can be skipped, not {offset}. Go on with cursor (nextCursor in the answer)."
                    ),
                )],
                ..Problem::new(Kind::Invalid)
            });
        }
        let change_cursor = db.feed_cursor(db.feed.latest());
        let scope = call.cursor_scope();
        let after = match &self.cursor {
            Some(cursor) => Some(open(cursor, &scope, keys.len(), veiled, db)?),
            None => None,
        };
        let total = match &self.include {
            Some(include) if include.contains(&Include::Total) => Some(select.clone().count(db.reader()).await?),
            _ => None,
        };
        let mut select = select.limit(self.limit + 1).offset(self.offset.filter(|offset| *offset > 0));
        if let Some(after) = after {
            select = select.filter(beyond(&keys, after));
        }
        for key in &keys {
            select = select.order_by(key.by.clone(), if key.descending { Order::Desc } else { Order::Asc });
        }
        let mut items = select.all(db.reader()).await?;
        let more = items.len() as u64 > self.limit;
        items.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let next_cursor = match items.last().filter(|_| more) {
            Some(last) => {
                let mut keys: Vec<_> = keys.iter().filter_map(|key| KeyValue::of((key.of)(last))).collect();
                if veiled && !matches!(keys.first(), Some(KeyValue::Uuid(id)) if id.is_nil()) {
                    // What is hidden stands in no cursor, so none is another when it becomes another.
                    keys.truncate(1);
                }
                // In whole hours, so that the same page is the same bytes for a while.
                let until = ((db.clock.now() + TimeDelta::hours(CURSOR_HOURS)).timestamp() / 3600 + 1) * 3600;
                Some(db.seal.close(&serde_json::to_vec(&Cursor { scope, until, keys })?))
            }
            None => None,
        };
        Ok(Page { items, next_cursor, total, change_cursor })
    }
}

/// Sees to it that a list tells nothing of what is hidden from the caller by which rows it has or where they stand. When it
/// is filtered by something that may be hidden, rows with anything hidden are left out; otherwise they come last, by their ids
/// whatever the list is sorted by. Tells whether they do.
fn without_oracle<E>(select: Select<E>, mut keys: Vec<Key<E::Model>>, call: &Call) -> (Select<E>, Vec<Key<E::Model>>, bool)
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let kind = E::default().table_name().to_owned();
    let id = E::Column::iter().find(|column| column.as_str() == "id");
    let (Some(secrecy), Some(id)) = (&call.asked.secrecy, id) else { return (select, keys, false) };
    let records = secrecy.records(&kind);
    if records.is_empty() {
        return (select, keys, false);
    }
    let ordinary = ["limit", "cursor", "offset", "include", "fields", "expand", "sort", "format"];
    let mut filters = call.asked.parameters.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    if filters.any(|name| !ordinary.contains(&name) && !secrecy.is_open(&kind, name)) {
        return (select.filter(id.is_not_in(records)), keys, false);
    }
    let veil = CaseStatement::new().case(id.is_in(records.iter().copied()), id.into_expr()).finally(Uuid::nil());
    let place = move |row: &E::Model| match row.get(id) {
        Value::Uuid(Some(id)) if records.contains(&id) => id.into(),
        _ => Value::from(Uuid::nil()),
    };
    keys.insert(0, Key::new(veil, place));
    (select, keys, true)
}

fn open(cursor: &str, scope: &str, keys: usize, veiled: bool, db: &Db) -> Result<Vec<Value>> {
    let invalid = || Problem::new(Kind::InvalidCursor);
    let opened = db.seal.open(cursor).ok_or_else(invalid)?;
    let cursor: Cursor = serde_json::from_slice(&opened).map_err(|_| invalid())?;
    if cursor.scope != scope || (cursor.keys.len() != keys && !(veiled && cursor.keys.len() == 1)) {
        return Err(invalid());
    }
    if cursor.until < db.clock.now().timestamp() {
        return Err(Problem::new(Kind::Expired));
    }
    cursor.keys.into_iter().map(KeyValue::value).collect::<Option<_>>().ok_or_else(invalid)
}

/// What comes after a row. Where all keys go one way rows are compared as wholes, so that an index is entered at the very
/// place, however many share the first key. Where they do not, the first key stands once more on its own for that.
fn beyond<M>(keys: &[Key<M>], after: Vec<Value>) -> Condition {
    let keys = &keys[..keys.len().min(after.len())];
    if keys.len() > 1 && keys.iter().all(|key| key.descending == keys[0].descending) {
        let row = Expr::tuple(keys.iter().map(|key| key.by.clone()));
        let after = Expr::tuple(after.into_iter().map(Expr::val));
        return Condition::all().add(if keys[0].descending { row.lt(after) } else { row.gt(after) });
    }
    let mut any = Condition::any();
    let mut equal = Condition::all();
    let mut entry = Condition::all();
    for (position, (key, value)) in keys.iter().zip(after).enumerate() {
        let (strictly, or_equal) = if key.descending {
            (key.by.clone().lt(value.clone()), key.by.clone().lte(value.clone()))
        } else {
            (key.by.clone().gt(value.clone()), key.by.clone().gte(value.clone()))
        };
        if position == 0 && keys.len() > 1 {
            entry = entry.add(or_equal);
        }
        any = any.add(equal.clone().add(strictly));
        equal = equal.add(key.by.clone().eq(value));
    }
    entry.add(any)
}

//! Pages of lists by keyset: a page starts after the last sort key of the page before, so every page costs the same. Items are
//! counted only when the caller asks for the total.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IdenStatic, Iterable, ModelTrait, Order, PrimaryKeyToColumn,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Value,
    sea_query::{CaseStatement, Expr, Query, SelectStatement, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Db,
    db::Read,
    hash::{hex, unhex},
    language::say,
    problem::{Fault, Kind, Problem, Result},
    rendered::Item,
    request::Call,
    search::Search,
    table::is_postgres,
};

mod walk;

/// The number of items of a page when the caller gives no limit.
pub const DEFAULT_LIMIT: u64 = 20;
/// The largest number of items of a page.
pub const MAX_LIMIT: u64 = 200;
/// The largest offset. Callers go further with cursors.
pub const MAX_OFFSET: u64 = 10_000;
/// The largest number to which the items of a list are counted. To count more costs more than callers gain by it.
pub const MAX_TOTAL: u64 = 10_000;
/// The least time for which a cursor is valid, in hours. The end is rounded up to a whole hour.
pub const CURSOR_HOURS: i64 = 24;

/// Extra information that a list can include.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// The number of all items.
    Total,
}

/// Explains a fault of a parameter: who asks for too large an offset is told how to go on.
pub(super) fn explained(fault: Fault) -> Fault {
    if (fault.pointer.as_str(), fault.code) != ("/offset", "too-large") {
        return fault;
    }
    let detail = say!(
        "Det går att hoppa över högst {MAX_OFFSET} poster. Bläddra vidare med cursor (nextCursor i svaret).",
        "At most {MAX_OFFSET} items can be skipped. Go on with cursor (nextCursor in the answer)."
    );
    Fault { detail, ..fault }
}

/// The parameters of a page of a list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The largest number of items of the page.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 200, default = 20, required = false, value_type = i32)]
    pub limit: u64,
    /// The start of the page: `nextCursor` of the page before. It is valid for a day, for the same caller, filter and order.
    #[param(max_length = 4000, nullable = false)]
    pub cursor: Option<String>,
    /// The number of items to skip, at most 10,000. Use `cursor` to go further.
    #[param(minimum = 0, maximum = 10_000, nullable = false, value_type = Option<i32>)]
    pub offset: Option<u64>,
    /// Extra information. `total` counts the items that match the filter, at most 10,000.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub include: Option<Vec<Include>>,
    /// The members of each item to answer with; all when not given. The items then lack the other members, also those that their
    /// schema requires.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub fields: Option<Vec<String>>,
}

/// The members of the answer that the caller wants.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Selection {
    /// The members to answer with; all when not given. The answer then lacks the other members, also those that its schema requires.
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
    /// The items, in the requested order.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// The number of all items that match the filter, when the call has `include=total`; otherwise null. It is 10,000 when there are
    /// more, and `totalIsExact` is false then.
    #[schema(format = Int64, maximum = 10_000)]
    pub total: Option<u64>,
    /// Whether `total` is the number of all items. False when there are more than 10,000, and when they were not counted.
    pub total_is_exact: bool,
    /// A cursor for `/changes`, from before the list was read. To keep a copy of the list up to date, read the changes from the
    /// cursor of the first page. The `ETag` of the answer does not depend on this member.
    pub change_cursor: String,
}

impl<T> Page<T> {
    /// Converts each item.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, next_cursor, total, total_is_exact, change_cursor } = self;
        Page { items: items.into_iter().map(each).collect(), next_cursor, total, total_is_exact, change_cursor }
    }

    /// Converts each item by a function that can fail.
    ///
    /// # Errors
    /// The first error of `each`.
    pub fn try_map<U>(self, each: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let Self { items, next_cursor, total, total_is_exact, change_cursor } = self;
        Ok(Page { items: items.into_iter().map(each).collect::<Result<_>>()?, next_cursor, total, total_is_exact, change_cursor })
    }
}

impl<T: Item> Page<T> {
    /// Returns the page in JSON.
    pub(super) fn text(&self) -> Result<Vec<u8>> {
        const BEGINNING: &[u8] = br#"{"items":["#;
        let Self { items, next_cursor, total, total_is_exact, change_cursor } = self;
        let (next_cursor, change_cursor) = (next_cursor.clone(), change_cursor.clone());
        let rest = Page::<()> { items: Vec::new(), next_cursor, total: *total, total_is_exact: *total_is_exact, change_cursor };
        let rest = serde_json::to_vec(&rest)?;
        let mut text = Vec::with_capacity(items.len() * 1024 + rest.len());
        text.extend_from_slice(BEGINNING);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            item.write(&mut text)?;
        }
        text.extend_from_slice(rest.strip_prefix(BEGINNING).unwrap_or_default());
        Ok(text)
    }
}

/// A sort key of a list. A list has several in turn, of which the last must be unique.
pub struct Key<M> {
    by: SimpleExpr,
    descending: bool,
    /// Returns the value of the key for a row.
    value: Box<dyn Fn(&M) -> Value>,
}

impl<M> Key<M> {
    /// Sorts by an expression, ascending. `value` returns the value of the expression for a row, which must never be null.
    pub fn new(by: impl Into<SimpleExpr>, value: impl Fn(&M) -> Value + 'static) -> Self {
        Self { by: by.into(), descending: false, value: Box::new(value) }
    }

    /// Sorts by a column, ascending. `value` returns the value of the column for a row.
    pub fn column(column: impl ColumnTrait, value: impl Fn(&M) -> Value + 'static) -> Self {
        Self::new(SimpleExpr::from(Expr::col(column.as_column_ref())), value)
    }

    /// Reverses the order when `reversed` is true.
    #[must_use]
    pub fn reversed(self, reversed: bool) -> Self {
        Self { descending: self.descending != reversed, ..self }
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// A digest of the caller, the path, the filter and the order, for which the cursor is valid.
    scope: String,
    /// The end of its validity, in seconds since 1970.
    until: i64,
    /// The sort keys of the last row of the page.
    keys: Vec<KeyValue>,
}

/// The value of a sort key in a cursor.
#[derive(Serialize, Deserialize)]
enum KeyValue {
    Int(i64),
    Text(String),
    Bytes(String),
    Time(DateTime<Utc>),
    Uuid(Uuid),
}

impl KeyValue {
    fn from_value(value: Value) -> Option<Self> {
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

    fn into_value(self) -> Option<Value> {
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
    /// Reads one page of `select`, sorted by `keys`.
    ///
    /// # Errors
    /// When the cursor is of another list, filter, order or caller (400) or too old (410), or the database does not answer (503).
    pub async fn fetch<E>(&self, select: Select<E>, keys: Vec<Key<E::Model>>, call: &Call, db: &Db) -> Result<Page<E::Model>>
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E> + Send + Sync,
    {
        self.search(select, None, keys, None, call, db).await
    }

    /// Reads one page of what `search` finds in `select`, sorted by `keys`; of all, when there is no search. `read` is for
    /// [`Connection::rows`](super::db::Connection::rows).
    ///
    /// # Errors
    /// See [`Self::fetch`].
    pub async fn search<E>(
        &self,
        select: Select<E>,
        search: Option<Search<E::Model>>,
        mut keys: Vec<Key<E::Model>>,
        read: Option<Read<E::Model>>,
        call: &Call,
        db: &Db,
    ) -> Result<Page<E::Model>>
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E> + Send + Sync,
    {
        if let Some(rank) = search.as_ref().and_then(Search::rank) {
            keys.insert(0, rank);
        }
        let (select, keys, hidden_last) = prevent_inference(select, keys, call);
        let change_cursor = db.feed_cursor(db.feed.latest());
        let scope = call.cursor_scope();
        let after = match &self.cursor {
            Some(cursor) => Some(open_cursor(cursor, &scope, keys.len(), hidden_last, db)?),
            None => None,
        };
        let total = match &self.include {
            Some(include) if include.contains(&Include::Total) => {
                let counted = match &search {
                    Some(search) => select.clone().filter(search.by_index()),
                    // The order of the list leads SQLite to an index, which is smaller than the table. PostgreSQL finds it by itself.
                    None if !hidden_last && !is_postgres(db.backend()) => in_order(select.clone(), &keys),
                    None => select.clone(),
                };
                Some(count(counted.select_only().expr(Expr::cust("1")).limit(MAX_TOTAL + 1).into_query(), db).await?)
            }
            _ => None,
        };
        let walked = match &search {
            Some(search) if self.offset.is_none() && !hidden_last && search.finds_many(db).await? => {
                walk::find(&select, search, &keys, after.as_deref(), self.limit + 1, read, db).await?
            }
            _ => None,
        };
        let mut items = match walked {
            Some(items) => items,
            None => self.read(select, search.as_ref(), &keys, after, read, db).await?,
        };
        let more = items.len() as u64 > self.limit;
        items.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let next_cursor = match items.last().filter(|_| more) {
            Some(last) => {
                let mut keys: Vec<_> = keys.iter().filter_map(|key| KeyValue::from_value((key.value)(last))).collect();
                if hidden_last && !matches!(keys.first(), Some(KeyValue::Uuid(id)) if id.is_nil()) {
                    // A cursor does not depend on hidden values, so that it does not change when they change.
                    keys.truncate(1);
                }
                // Whole hours, so that the same page has the same bytes for a while.
                let until = ((db.clock.now() + TimeDelta::hours(CURSOR_HOURS)).timestamp() / 3600 + 1) * 3600;
                Some(db.seal.close(&serde_json::to_vec(&Cursor { scope, until, keys })?))
            }
            None => None,
        };
        let total_is_exact = total.is_some_and(|total| total <= MAX_TOTAL);
        let total = total.map(|total| Ord::min(total, MAX_TOTAL));
        Ok(Page { items, next_cursor, total, total_is_exact, change_cursor })
    }

    /// Reads the rows after `after`: those of the page, and the next one.
    async fn read<E: EntityTrait>(
        &self,
        mut select: Select<E>,
        search: Option<&Search<E::Model>>,
        keys: &[Key<E::Model>],
        after: Option<Vec<Value>>,
        read: Option<Read<E::Model>>,
        db: &Db,
    ) -> Result<Vec<E::Model>> {
        if let Some(after) = after {
            select = select.filter(after_condition(keys, &after));
        }
        let page = |select| in_order(select, keys).limit(self.limit + 1).offset(self.offset.filter(|offset| *offset > 0));
        let id = E::PrimaryKey::iter().next().map(PrimaryKeyToColumn::into_column);
        let select = match (search, id) {
            // All that is found must be sorted, so only ids are sorted, and whole rows are read for the page.
            (Some(search), Some(id)) => {
                let ids = page(select.filter(search.by_index())).select_only().column(id).into_query();
                in_order(E::find().filter(id.in_subquery(ids)), keys)
            }
            _ => page(select),
        };
        Ok(db.reader().rows(select, read).await?)
    }
}

/// Returns the number of rows of a query.
pub(super) async fn count(rows: SelectStatement, db: &Db) -> Result<u64> {
    let count = Query::select().expr_as(Expr::cust("COUNT(*)"), "num_items").from_subquery(rows, "sub_query").take();
    let counted: i64 = db.reader().query_one(&count).await?.map_or(Ok(0), |row| row.try_get("", "num_items"))?;
    Ok(counted.try_into().unwrap_or_default())
}

fn in_order<E: EntityTrait>(select: Select<E>, keys: &[Key<E::Model>]) -> Select<E> {
    keys.iter().fold(select, |select, key| select.order_by(key.by.clone(), if key.descending { Order::Desc } else { Order::Asc }))
}

/// Prevents that a caller infers hidden values from the rows of a list or from their order. When the list is filtered by a member
/// that can be hidden, rows with anything hidden are left out. Otherwise those rows come last, in the order of their ids, however
/// the list is sorted; the returned flag is true then.
fn prevent_inference<E>(select: Select<E>, mut keys: Vec<Key<E::Model>>, call: &Call) -> (Select<E>, Vec<Key<E::Model>>, bool)
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
    let hidden_key = CaseStatement::new().case(id.is_in(records.iter().copied()), id.into_expr()).finally(Uuid::nil());
    let value = move |row: &E::Model| match row.get(id) {
        Value::Uuid(Some(id)) if records.contains(&id) => id.into(),
        _ => Value::from(Uuid::nil()),
    };
    keys.insert(0, Key::new(hidden_key, value));
    (select, keys, true)
}

fn open_cursor(cursor: &str, scope: &str, keys: usize, hidden_last: bool, db: &Db) -> Result<Vec<Value>> {
    let invalid = || Problem::new(Kind::InvalidCursor);
    let opened = db.seal.open(cursor).ok_or_else(invalid)?;
    let cursor: Cursor = serde_json::from_slice(&opened).map_err(|_| invalid())?;
    if cursor.scope != scope || (cursor.keys.len() != keys && !(hidden_last && cursor.keys.len() == 1)) {
        return Err(invalid());
    }
    if cursor.until < db.clock.now().timestamp() {
        return Err(Problem::new(Kind::Expired));
    }
    cursor.keys.into_iter().map(KeyValue::into_value).collect::<Option<_>>().ok_or_else(invalid)
}

fn has_one_direction<M>(keys: &[Key<M>]) -> bool {
    keys.windows(2).all(|two| two[0].descending == two[1].descending)
}

/// Returns the condition for the rows after the row with the keys `after`. When all keys have the same direction, it compares the
/// keys as one tuple, so that the database enters an index at the exact place, however many rows share the first key. When the
/// directions differ, it adds a condition on the first key alone, by which an index can be entered.
fn after_condition<M>(keys: &[Key<M>], after: &[Value]) -> Condition {
    let keys = &keys[..keys.len().min(after.len())];
    if keys.len() > 1 && has_one_direction(keys) {
        let row = Expr::tuple(keys.iter().map(|key| key.by.clone()));
        let after = Expr::tuple(after.iter().cloned().map(Expr::val));
        return Condition::all().add(if keys[0].descending { row.lt(after) } else { row.gt(after) });
    }
    let mut any = Condition::any();
    let mut equal = Condition::all();
    let mut entry = Condition::all();
    for (position, (key, value)) in keys.iter().zip(after.iter().cloned()).enumerate() {
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

//! Full-text search in names and texts: folded words with prefix match. The index is updated in the transaction of each write.
//!
//! Words are cut and folded here ([`text::words`]), so the databases only look them up: with FTS5 in `SQLite`, with a `tsvector` in
//! `PostgreSQL`. Records whose name begins with the searched text come first, then the order of the list holds.
//!
//! The index finds the records of rare words, which are then sorted. When more records have the words, a page of them is found sooner
//! by walking along the list in its order; see [`super::Paging::search`].

use sea_orm::{
    ColumnTrait, DbBackend, ExprTrait, Value,
    sea_query::{CaseStatement, Condition, Expr, Query, SelectStatement, SimpleExpr},
};

use super::{
    Db, Id, Write,
    db::Words,
    page::{self, Key},
    problem::Result,
    table::is_postgres,
    text,
};

/// The least number of found records that are too many to be sorted for one page.
const MANY: u64 = 2_000;

/// Puts the texts of a record in the index. They replace its earlier texts.
///
/// # Errors
/// When the database does not answer (503).
pub async fn put<T>(kind: &'static str, id: Id<T>, texts: &[&str], write: &Write<'_>) -> Result<()> {
    put_many(kind, &[(id, texts.join(" "))], write).await
}

/// Puts the texts of several records of one kind in the index. They replace earlier texts. No record may occur twice.
///
/// # Errors
/// When the database does not answer (503).
pub async fn put_many<T>(kind: &'static str, records: &[(Id<T>, String)], write: &Write<'_>) -> Result<()> {
    let words = |texts: &str| Some(text::words(texts).join(" "));
    let changes = records.iter().map(|(id, texts)| Words { kind, id: id.uuid(), words: words(texts) }).collect();
    Ok(write.tx.change_words(changes).await?)
}

/// Removes a record from the index.
///
/// # Errors
/// When the database does not answer (503).
pub async fn remove<T>(id: Id<T>, write: &Write<'_>) -> Result<()> {
    // An entry is found by the id alone.
    Ok(write.tx.change_words(vec![Words { kind: "", id: id.uuid(), words: None }]).await?)
}

/// A search among the records of a kind: every word of the searched text is the beginning of a word of the record.
pub struct Search<M> {
    kind: &'static str,
    /// The column with the record's id.
    id: SimpleExpr,
    words: Vec<String>,
    /// The sort key with which the names begin that begin with the searched text.
    start: Vec<u8>,
    names_first: Option<Names<M>>,
    backend: DbBackend,
}

/// The sort keys of names: their column, and the value for a row.
struct Names<M> {
    column: SimpleExpr,
    of: fn(&M) -> &[u8],
}

impl<M: 'static> Search<M> {
    /// Makes the search for a text. `id` is the column with the record's id. A text without words matches no record.
    pub fn new(kind: &'static str, id: impl ColumnTrait, q: &str, backend: DbBackend) -> Self {
        let id = Expr::col(id.as_column_ref());
        Self { kind, id, words: text::words(q), start: text::sort_key_of_start(q.trim()), names_first: None, backend }
    }

    /// Sorts the records whose name begins with the searched text before all others. `column` has the sort keys of the names, by which
    /// the list is sorted next.
    #[must_use]
    pub fn names_first(self, column: impl ColumnTrait, of: fn(&M) -> &[u8]) -> Self {
        Self { names_first: Some(Names { column: Expr::col(column.as_column_ref()), of }), ..self }
    }

    /// Returns the first sort key of the list, when names that begin with the searched text come first. Its value is 0 for those.
    pub(super) fn rank(&self) -> Option<Key<M>> {
        let Names { of, .. } = self.names_first.as_ref()?;
        let (of, start) = (*of, self.start.clone());
        let rank = CaseStatement::new().case(self.begins()?, 0).finally(1);
        Some(Key::new(rank, move |row| Value::from(i32::from(!of(row).starts_with(&start)))))
    }

    /// Returns the parts of the list in their order, by their rank.
    pub(super) fn parts(&self) -> Vec<Condition> {
        match self.begins() {
            Some(begins) => vec![begins.clone(), begins.not()],
            None => vec![Condition::all()],
        }
    }

    /// Returns the condition for names that begin with the searched text.
    fn begins(&self) -> Option<Condition> {
        let Names { column, .. } = self.names_first.as_ref()?;
        let mut end = self.start.clone();
        while end.pop_if(|last| *last == u8::MAX).is_some() {}
        let begins = Condition::all().add(column.clone().gte(self.start.clone()));
        let Some(last) = end.last_mut() else { return Some(begins) };
        *last += 1;
        Some(begins.add(column.clone().lt(end)))
    }

    /// Returns the condition for the records that are found, by way of the index.
    pub(super) fn by_index(&self) -> SimpleExpr {
        if self.words.is_empty() {
            return Expr::val(false);
        }
        self.id.clone().in_subquery(self.found().column("entity_id").take())
    }

    /// Returns the condition for the records that are found, by way of the words of each record.
    pub(super) fn by_words(&self) -> SimpleExpr {
        let mut words = Query::select();
        words.from("search_entry").and_where(Expr::col("entity_id").eq(self.id.clone()));
        if is_postgres(self.backend) {
            words.expr(self.matches());
        } else {
            // All words but the first have a blank before them.
            let has = |word: &String| Expr::cust_with_values("instr(' ' || words, ?) > 0", [format!(" {word}")]);
            words.expr(self.words.iter().map(has).reduce(ExprTrait::and).unwrap_or_else(|| Expr::val(false)));
        }
        // It is a value and no condition, so that the database does not look the words up in the index after all.
        SimpleExpr::SubQuery(None, Box::new(words.into()))
    }

    /// Whether so many records are found that a page of them is found sooner by walking along the list. The answer can be a minute old.
    ///
    /// # Errors
    /// When the database does not answer (503).
    pub(super) async fn finds_many(&self, db: &Db) -> Result<bool> {
        if self.words.is_empty() {
            return Ok(false);
        }
        let asked = (self.kind, self.words.join(" "));
        if let Some(many) = db.common_words.get(&asked) {
            return Ok(many);
        }
        let many = page::count(self.found().column("id").limit(MANY).take(), db).await? == MANY;
        db.common_words.insert(asked, many);
        Ok(many)
    }

    /// Selects the entries of the index that are found.
    fn found(&self) -> SelectStatement {
        let mut found = Query::select();
        found.from("search_entry");
        if is_postgres(self.backend) {
            found.and_where(Expr::col("kind").eq(self.kind)).and_where(self.matches());
        } else {
            let query = self.words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" AND ");
            let query = format!("kind : \"{}\" AND words : ({query})", self.kind);
            found.and_where(Expr::cust_with_values("id IN (SELECT rowid FROM search_words WHERE search_words MATCH ?)", [query]));
        }
        found
    }

    /// Returns the condition for the entries that are found, on `PostgreSQL`.
    fn matches(&self) -> SimpleExpr {
        let query = self.words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ");
        Expr::cust_with_values("words @@ $1::tsquery", [query])
    }
}

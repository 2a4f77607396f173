//! Export of lists: every list can also be answered as a whole, as CSV, as a workbook (XLSX) or as one JSON object a line (NDJSON).
//!
//! A handler gives a closure that reads a page of its list ([`Listed::from_pages`]). For a page in JSON the closure is called once, for a
//! table once per page. Only one page is in memory at a time, and no connection to the database is held between pages. An error after
//! the answer has begun breaks off the connection, so that a part is never taken for the whole.

mod cells;
mod format;
mod turns;
mod xlsx;

use std::{fs::File, io::Read, ops::Deref, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, Responder,
    body::{BoxBody, SizedStream},
    http::header,
    web,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use self::{cells::Cell, xlsx::Book};
use super::{
    Page, Paging,
    contract::{answer, members, resolve},
    language::Language,
    page::MAX_LIMIT,
    problem::{Problem, Result},
    rendered::Item,
    reply::{Reply, retain_members},
    request::Call,
};

pub use cells::Dialect;
pub use format::Format;
pub use turns::{Full, Turn, Turns};

/// The member that lists the members hidden from the caller.
const REDACTED: &str = "redacted";
/// The size in bytes of the pieces in which a workbook is sent.
const PIECE: usize = 64 * 1024;

/// A column of a table: a member of the list's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the member, which is the heading in files for programs.
    pub name: String,
    /// The Swedish heading, if there is one.
    pub heading: Option<String>,
}

/// Returns the columns of the list that an operation answers with; none when the operation is no list that can be exported.
pub(super) fn columns(document: &Value, operation: &Value) -> Vec<Column> {
    let Some((_, answer)) = answer(operation) else { return Vec::new() };
    if !Format::MEDIA_TYPES.iter().all(|kind| answer["content"].get(kind).is_some()) {
        return Vec::new();
    }
    let page = resolve(document, &answer["content"]["application/json"]["schema"]);
    let item = resolve(document, &page["properties"]["items"]["items"]);
    members(document, operation)
        .into_iter()
        .map(|name| Column { heading: item["x-headings"][&name].as_str().map(ToOwned::to_owned), name })
        .collect()
}

/// A call for a list as a table.
#[derive(Debug)]
pub struct Export {
    /// The form of the table.
    pub format: Format,
    /// The name of the file, without its extension.
    pub name: String,
    /// The wanted columns.
    pub columns: Vec<Column>,
    /// The time of the export.
    pub now: DateTime<Utc>,
    /// Whether only the headers of the answer are wanted.
    pub head: bool,
    /// The permit for the export, held until the export has ended.
    pub turn: Turn,
}

impl Export {
    /// Returns the columns of a list that a call wants: those in `fields`, or all. The column of hidden members is there only when
    /// anything is hidden from the caller.
    #[must_use]
    pub fn columns(all: &[Column], fields: Option<&[String]>, anything_hidden: bool) -> Vec<Column> {
        let wanted = |name: &String| if name == REDACTED { anything_hidden } else { fields.is_none_or(|fields| fields.contains(name)) };
        all.iter().filter(|column| wanted(&column.name)).cloned().collect()
    }

    /// Returns the Swedish headings; for columns without one, their names.
    fn headings(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.heading.as_deref().unwrap_or(&column.name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    fn cells<'a>(&'a self, item: &'a Value) -> impl Iterator<Item = Cell> + 'a {
        self.columns.iter().map(|column| Cell::from_value(item.get(&column.name)))
    }

    /// Returns the text before the first row: the byte order mark and the headings.
    fn beginning(&self) -> String {
        match self.format {
            Format::Csv(dialect) => {
                let mut table = dialect.beginning().to_owned();
                match dialect {
                    Dialect::Rfc4180 => dialect.texts(self.names(), &mut table),
                    Dialect::ExcelSv => dialect.texts(self.headings(), &mut table),
                }
                table
            }
            Format::Ndjson | Format::Xlsx => String::new(),
        }
    }

    /// Returns one line for each item.
    fn lines(&self, items: &[Value]) -> String {
        let mut table = String::new();
        for item in items {
            match self.format {
                Format::Csv(dialect) => dialect.line(self.cells(item), &mut table),
                Format::Ndjson | Format::Xlsx => {
                    table.push_str(&item.to_string());
                    table.push('\n');
                }
            }
        }
        table
    }

    /// Returns the answer with its headers. One of them holds the cursor of the feed, because a table has no place for it.
    fn answer(&self, change_cursor: &str) -> HttpResponseBuilder {
        let mut response = HttpResponse::Ok();
        response
            .content_type(self.format.media_type())
            .insert_header((header::CONTENT_DISPOSITION, disposition(&self.name, self.format.ending())))
            .insert_header((header::VARY, VARY))
            .insert_header((CHANGE_CURSOR, change_cursor));
        response
    }
}

/// The header with the cursor for `/changes` by which a copy of a table is kept up to date.
pub const CHANGE_CURSOR: &str = "Change-Cursor";

/// The request headers that the answer of a list depends on.
pub(super) const VARY: &str = "Accept, Accept-Language, Authorization";

/// Returns the value of `Content-Disposition` by which a browser saves an answer as a file (RFC 6266). The name may have any
/// characters (RFC 8187). `ending` is the extension without a dot.
#[must_use]
pub fn disposition(name: &str, ending: &str) -> String {
    let encoded = crate::percent::encode(name);
    format!("attachment; filename*=UTF-8''{encoded}.{ending}")
}

/// The answer of a list: a page of it, or the whole list as a table.
#[derive(Debug)]
pub enum Listed<T> {
    /// A page in JSON.
    Page(Reply<Page<T>>),
    /// The whole list as a table.
    Table(HttpResponse),
}

impl<T: Item + 'static> Listed<T> {
    /// Returns the answer of a list in the form that the caller wants. `pages` reads one page. The handler must make all other checks
    /// before, because the answer may have begun when a later page is read. `pages` must own its data, because it outlives the handler.
    ///
    /// # Errors
    /// The error of `pages` on the first page, or for a workbook on any page; and when a workbook cannot be written (422 when a text
    /// is too long for a cell).
    pub async fn from_pages<B, F>(by: B, paging: Paging, pages: F) -> Result<Self>
    where
        B: Deref<Target = Call> + 'static,
        F: AsyncFn(&B, &Paging) -> Result<Page<T>> + 'static,
    {
        let Some(export) = by.asked.export.clone() else {
            let page = pages(&by, &paging).await?;
            return Reply::page(&by, &page).map(Self::Page);
        };
        let limit = if export.head { 1 } else { MAX_LIMIT };
        let mut rows = Rows { by, pages, next: Some(Paging { limit, include: None, ..paging }), change_cursor: String::new() };
        // The first page is read before the answer begins, so that an error in it becomes a problem.
        let first = rows.next().await?.unwrap_or_default();
        let mut answer = export.answer(&rows.change_cursor);
        if export.head {
            return Ok(Self::Table(answer.streaming(stream::empty::<Result<Bytes>>())));
        }
        if export.format == Format::Xlsx {
            let (file, length) = workbook(&export, first, &mut rows).await?;
            return Ok(Self::Table(answer.body(SizedStream::new(length, pieces(file, export)))));
        }
        let beginning = Bytes::from(export.beginning() + &export.lines(&first));
        Ok(Self::Table(answer.streaming(stream::iter([Ok(beginning)]).chain(remaining_lines(export, rows)))))
    }
}

/// The rows of a list, page by page.
struct Rows<B, F> {
    by: B,
    pages: F,
    next: Option<Paging>,
    /// The cursor of the feed, from before the first page was read.
    change_cursor: String,
}

impl<B: Deref<Target = Call>, F> Rows<B, F> {
    /// Reads the next page. Its items are as in the JSON answer: hidden values are replaced, and only wanted members remain. Returns
    /// `None` after the last page.
    async fn next<T: Item>(&mut self) -> Result<Option<Vec<Value>>>
    where
        F: AsyncFn(&B, &Paging) -> Result<Page<T>>,
    {
        let Some(paging) = self.next.take() else { return Ok(None) };
        let page = (self.pages)(&self.by, &paging).await?;
        if self.change_cursor.is_empty() {
            self.change_cursor = page.change_cursor;
        }
        self.next = page.next_cursor.map(|cursor| Paging { cursor: Some(cursor), offset: None, ..paging });
        let item = |item: T| {
            let mut item = item.value()?;
            if let Some(secrecy) = &self.by.asked.secrecy {
                secrecy.hide(&mut item);
            }
            if let Some(fields) = &self.by.asked.fields {
                retain_members(&mut item, fields);
            }
            Ok(item)
        };
        page.items.into_iter().map(item).collect::<Result<_>>().map(Some)
    }
}

/// Returns the lines of all pages after the first, as a stream of one piece for each page.
fn remaining_lines<B, F, T>(export: Arc<Export>, rows: Rows<B, F>) -> impl stream::Stream<Item = Result<Bytes>> + 'static
where
    B: Deref<Target = Call> + 'static,
    F: AsyncFn(&B, &Paging) -> Result<Page<T>> + 'static,
    T: Item + 'static,
{
    stream::try_unfold((export, rows), async |(export, mut rows)| match rows.next().await {
        Ok(Some(items)) => Ok(Some((Bytes::from(export.lines(&items)), (export, rows)))),
        Ok(None) => Ok(None),
        Err(problem) => {
            tracing::error!(%problem, request_id = rows.by.author.request_id, "an export broke off");
            Err(problem)
        }
    })
}

/// Writes the whole list as a workbook. Returns the file and its length in bytes.
async fn workbook<B, F, T>(export: &Export, first: Vec<Value>, rows: &mut Rows<B, F>) -> Result<(File, u64)>
where
    B: Deref<Target = Call>,
    F: AsyncFn(&B, &Paging) -> Result<Page<T>>,
    T: Item,
{
    // People read workbooks, so the headings are in the caller's language.
    let headings: Vec<_> = match rows.by.asked.language {
        Language::Sv => export.headings().map(ToOwned::to_owned).collect(),
        Language::En => export.names().map(ToOwned::to_owned).collect(),
    };
    let mut book = Book::new(&export.name, headings, export.now)?;
    let mut page = Some(first);
    while let Some(items) = page {
        for item in &items {
            book.row(export.cells(item))?;
        }
        page = rows.next().await?;
    }
    web::block(move || book.finish()).await.map_err(|error| Problem::internal(&error))?
}

/// Returns a file as a stream of pieces. The stream holds the export, so that its permit is held until all pieces are sent.
fn pieces(file: File, export: Arc<Export>) -> impl stream::Stream<Item = Result<Bytes>> {
    stream::try_unfold((file, export), async |(mut file, export)| {
        let read = web::block(move || {
            let mut piece = vec![0; PIECE];
            file.read(&mut piece).map(|length| {
                piece.truncate(length);
                (piece, file)
            })
        });
        let (piece, file) = read.await.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), (file, export))))
    })
}

impl<T: Item> Responder for Listed<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Page(reply) => {
                let mut response = reply.respond_to(request);
                response.headers_mut().insert(header::VARY, header::HeaderValue::from_static(VARY));
                response
            }
            Self::Table(response) => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_any_name() {
        assert_eq!(disposition("audit-entries", "csv"), "attachment; filename*=UTF-8''audit-entries.csv");
        assert_eq!(disposition("aktörer \"\r\n", "csv"), "attachment; filename*=UTF-8''akt%C3%B6rer%20%22%0D%0A.csv");
    }

    #[test]
    fn only_wanted_columns_are_exported() {
        let all = ["id", "name", "redacted"].map(|name| Column { name: name.to_owned(), heading: None });
        let names = |fields: Option<&[String]>, hidden| {
            Export::columns(&all, fields, hidden).into_iter().map(|column| column.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(None, false), "id name");
        assert_eq!(names(Some(&["name".to_owned()]), true), "name redacted");
    }
}

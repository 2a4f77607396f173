use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, get, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{
    Followers, KINDS,
    store::{self, Piece, Wanted},
    stream::Stream,
    unknown_kind,
};
use crate::{
    access::{By, Lasting, policy::needs},
    geography::areas::AreaId,
    kernel::{
        Db, Fault, Problem, Query, Reply, Result,
        events::{ChangeOperation, Place},
        places,
        problem::Kind,
    },
};

/// A change of one record (ändring).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Grows strictly from one change to the next.
    pub position: i64,
    /// Tells the change from another at the same position.
    #[serde(skip)]
    pub(super) mark: u64,
    /// The kind of record, such as `actor`.
    #[serde(rename = "type")]
    #[schema(example = "actor")]
    pub kind: String,
    /// The record.
    pub id: Uuid,
    pub op: ChangeOperation,
    /// The record's version after the change.
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The user who changed it; null for the installation itself.
    pub changed_by: Option<Uuid>,
    /// The record that it became part of, for `merge`.
    pub merged_into: Option<Uuid>,
}

impl Change {
    /// Where it stands in the feed.
    pub(super) const fn place(&self) -> Place {
        Place { position: self.position, mark: self.mark }
    }
}

/// A piece of the feed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePage {
    pub items: Vec<Change>,
    /// Where to go on, now or later; always there.
    pub next_cursor: String,
    /// Whether there is more to read at once.
    pub has_more: bool,
}

/// Where in the feed to read, and which changes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Following {
    /// `nextCursor` of the piece before, or `changeCursor` of a list; from the oldest change that is kept when left out.
    #[param(nullable = false, max_length = 500)]
    pub cursor: Option<String>,
    /// Changes of these kinds of record only, such as `actor,mandate`.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub types: Option<Vec<String>>,
    /// Changes of records that concern this area or any below it, or did before the change.
    #[param(nullable = false)]
    pub area: Option<AreaId>,
    /// How many changes at most.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 200, default = 20, required = false, value_type = i32)]
    pub limit: u64,
    /// How many seconds to wait for a change when there is none.
    #[serde(default)]
    #[param(minimum = 0, maximum = 30, default = 0, required = false, value_type = i32)]
    pub wait: u64,
}

const fn twenty() -> u64 {
    crate::kernel::page::DEFAULT_LIMIT
}

impl Following {
    async fn wanted(&self, db: &Db) -> Result<Wanted> {
        let faults: Vec<_> = self
            .types
            .iter()
            .flatten()
            .filter(|kind| !KINDS.contains(&kind.as_str()))
            .map(|kind| Fault::of_parameter("types", "not-in-list", unknown_kind(kind)))
            .collect();
        if !faults.is_empty() {
            return Err(Problem::parameters(faults));
        }
        let area = match self.area {
            Some(area) => Some(store::area(area, db).await?),
            None => None,
        };
        Ok(Wanted { kinds: self.types.clone(), area, limit: self.limit })
    }
}

/// List changes
///
/// Everything that has changed and that the caller may see, oldest first, without a gap. Read on from `nextCursor`, also when
/// a piece is empty: one call looks at no more than 5,000 changes, however few of them it shows. `wait` answers as soon as
/// there is something. With `Accept: text/event-stream` changes are sent as they come, until the caller leaves, the token
/// ends or the service stops: `data` of each event is a `Change`, `id` is where to go on, by `Last-Event-ID` or `cursor`.
#[utoipa::path(tag = "exchange", operation_id = "listChanges",
    params(Following, ("Last-Event-ID" = Option<String>, Header, nullable = false, max_length = 500,
        description = "For `text/event-stream`: where to go on, instead of `cursor`.")),
    responses((status = 200, description = "A piece of the feed, or the feed as it grows",
        content((ChangePage = "application/json"), (String = "text/event-stream")))),
    extensions(("x-permission" = json!("changes.read"))))]
#[get("/changes")]
async fn list(
    by: By<needs::ReadChanges>,
    Query(following): Query<Following>,
    request: HttpRequest,
    followers: Data<Followers>,
    db: Data<Db>,
) -> Result<HttpResponse> {
    let accept = request.headers().get("accept").and_then(|accept| accept.to_str().ok());
    let streams = accept.is_some_and(|accept| accept.split(',').any(|range| range.trim().starts_with("text/event-stream")));
    let wanted = following.wanted(&db).await?;
    // What a browser says when it comes back is further on than the address that it was given.
    let last = request.headers().get("last-event-id").filter(|_| streams);
    let last = last.map(|last| last.to_str().map_err(|_| Problem::new(Kind::InvalidCursor))).transpose()?;
    let cursor = last.or(following.cursor.as_deref());
    let after = store::open(cursor, &db).await?;
    let lasting = Lasting::of(&request)?;
    if streams {
        let place = Followers::enter(&followers, by.user)?;
        // Read once before the answer begins, so that what goes wrong at once is told as a problem.
        store::read(after, &wanted, by.sight(), by.secrecy.as_ref(), &db).await?;
        return Ok(Stream { lasting, wanted, after, db }.answer(place));
    }
    let mut piece = store::read(after, &wanted, by.sight(), by.secrecy.as_ref(), &db).await?;
    if piece.items.is_empty() && !piece.has_more && following.wait > 0 {
        let _place = Followers::enter(&followers, by.user)?;
        places::leave();
        piece = waited(piece, &wanted, Duration::from_secs(following.wait), &lasting, &db).await?;
    }
    let page = ChangePage { items: piece.items, next_cursor: db.feed_cursor(piece.next), has_more: piece.has_more };
    Ok(Reply::computed_beside(&by, &page, &page.next_cursor)?.respond_to(&request))
}

/// The first piece that has something, or the last that has not. While it waits it holds no connection to the database.
async fn waited(mut piece: Piece, wanted: &Wanted, longest: Duration, lasting: &Lasting<needs::ReadChanges>, db: &Db) -> Result<Piece> {
    let (mut latest, mut stopping) = (db.feed.follow(), db.feed.stopping());
    let end = time::sleep(longest);
    tokio::pin!(end);
    // What was given between the first reading and here is not waited for.
    latest.mark_changed();
    loop {
        tokio::select! {
            () = &mut end => return Ok(piece),
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(piece),
            _ = latest.changed() => {}
        }
        // Who may see what may have changed meanwhile.
        let (caller, secrecy) = lasting.now(db).await?;
        piece = store::read(piece.next, wanted, &caller.sight, secrecy.as_ref(), db).await?;
        if !piece.items.is_empty() || piece.has_more {
            return Ok(piece);
        }
    }
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}

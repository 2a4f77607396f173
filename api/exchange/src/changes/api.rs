use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, get, web::Data};
use tokio::time;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Followers,
    store::{self, ChangeFilter, Piece},
    stream::Stream,
    types::*,
    unknown_kind,
};
use crate::{
    access::{By, Lasting, policy::needs},
    kernel::{Db, Fault, Problem, Query, Reply, Result, fields, places, problem::Kind, record},
};

impl FollowQuery {
    async fn to_filter(&self, db: &Db) -> Result<ChangeFilter> {
        let faults: Vec<_> = self
            .types
            .iter()
            .flatten()
            .filter(|kind| record::find_kind(kind).is_none())
            .map(|kind| Fault::of_parameter("types", "not-in-list", unknown_kind(kind)))
            .collect();
        if !faults.is_empty() {
            return Err(Problem::parameters(faults));
        }
        let area = match self.area {
            Some(area) => Some(store::area_path(area, db).await?),
            None => None,
        };
        Ok(ChangeFilter { kinds: self.types.clone(), area, limit: self.limit })
    }
}

/// List changes
///
/// Returns all changes that the caller may see, oldest first and without gaps. Continue from `nextCursor`, also when a page
/// is empty: one call examines at most 5,000 changes, however few of them it returns. With `wait`, the call answers as soon
/// as there is a change. With `Accept: text/event-stream`, changes are sent as they come, until the caller disconnects, the
/// token expires or the service stops: `data` of each event is a `Change`, and `id` is the cursor to continue from, in
/// `Last-Event-ID` or `cursor`.
#[utoipa::path(tag = "exchange", operation_id = "listChanges",
    params(FollowQuery, ("Last-Event-ID" = Option<String>, Header, nullable = false, max_length = 500,
        description = "For `text/event-stream`: the cursor to continue from, instead of `cursor`.")),
    responses((status = 200, description = "A page of the feed, or a stream of its changes",
        content((ChangePage = "application/json"), (String = "text/event-stream")))))]
#[get("/changes")]
async fn list(
    by: By<needs::ReadChanges>,
    Query(following): Query<FollowQuery>,
    request: HttpRequest,
    followers: Data<Followers>,
    db: Data<Db>,
) -> Result<HttpResponse> {
    let ranges: Vec<_> = fields::items(request.headers(), "accept").collect();
    let forms = ["application/json", "text/event-stream"];
    let streams = fields::preferred(&ranges, &forms, fields::fits_media_type) == Some(forms[1]);
    let wanted = following.to_filter(&db).await?;
    // A browser that reconnects sends `Last-Event-ID`, which is further on than the cursor in the address that it was
    // given.
    let last = request.headers().get("last-event-id").filter(|_| streams);
    let last = last.map(|last| last.to_str().map_err(|_| Problem::new(Kind::InvalidCursor))).transpose()?;
    let cursor = last.or(following.cursor.as_deref());
    let after = store::open_cursor(cursor, &db).await?;
    let lasting = Lasting::of(&request)?;
    if streams {
        let place = Followers::enter(&followers, by.author.user)?;
        // Read once before the response begins, so that an error at this point is answered as a problem.
        store::read(after, &wanted, by.sight(), by.asked.secrecy.as_ref(), &db).await?;
        return Ok(Stream { lasting, wanted, after, db }.answer(place));
    }
    let mut piece = store::read(after, &wanted, by.sight(), by.asked.secrecy.as_ref(), &db).await?;
    if piece.items.is_empty() && !piece.has_more && following.wait > 0 {
        let _place = Followers::enter(&followers, by.author.user)?;
        places::leave();
        piece = wait_for_changes(piece, &wanted, Duration::from_secs(following.wait), &lasting, &db).await?;
    }
    let page = ChangePage { items: piece.items, next_cursor: db.feed_cursor(piece.next), has_more: piece.has_more };
    Ok(Reply::computed_except(&by, &page, &page.next_cursor)?.respond_to(&request))
}

/// Waits for changes and returns the first page that has any, or an empty page when the time is up or the service stops.
/// While it waits it holds no connection to the database.
async fn wait_for_changes(
    mut piece: Piece,
    wanted: &ChangeFilter,
    longest: Duration,
    lasting: &Lasting<needs::ReadChanges>,
    db: &Db,
) -> Result<Piece> {
    let (mut latest, mut stopping) = (db.feed.subscribe(), db.feed.subscribe_to_stop());
    let end = time::sleep(longest);
    tokio::pin!(end);
    // Changes that got their position between the first read and this line must be read at once.
    latest.mark_changed();
    loop {
        tokio::select! {
            () = &mut end => return Ok(piece),
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(piece),
            _ = latest.changed() => {}
        }
        // The caller's rights may have changed in the meantime.
        let (caller, secrecy) = lasting.current_caller(db).await?;
        piece = store::read(piece.next, wanted, &caller.sight, secrecy.as_ref(), db).await?;
        if !piece.items.is_empty() || piece.has_more {
            return Ok(piece);
        }
    }
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}

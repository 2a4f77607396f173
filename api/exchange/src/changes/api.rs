use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, get, web::Data};
use tokio::time;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Followers,
    store::{self, Piece, Wanted},
    stream::Stream,
    types::*,
    unknown_kind,
};
use crate::{
    access::{By, Lasting, policy::needs},
    kernel::{Db, Fault, Problem, Query, Reply, Result, fields, places, problem::Kind, record},
};

impl Following {
    async fn wanted(&self, db: &Db) -> Result<Wanted> {
        let faults: Vec<_> = self
            .types
            .iter()
            .flatten()
            .filter(|kind| record::of_kind(kind).is_none())
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
        content((ChangePage = "application/json"), (String = "text/event-stream")))))]
#[get("/changes")]
async fn list(
    by: By<needs::ReadChanges>,
    Query(following): Query<Following>,
    request: HttpRequest,
    followers: Data<Followers>,
    db: Data<Db>,
) -> Result<HttpResponse> {
    let ranges: Vec<_> = fields::items(request.headers(), "accept").collect();
    let forms = ["application/json", "text/event-stream"];
    let streams = fields::preferred(&ranges, &forms, |range, form| fields::fits_media_type(range, form)) == Some(forms[1]);
    let wanted = following.wanted(&db).await?;
    // What a browser says when it comes back is further on than the address that it was given.
    let last = request.headers().get("last-event-id").filter(|_| streams);
    let last = last.map(|last| last.to_str().map_err(|_| Problem::new(Kind::InvalidCursor))).transpose()?;
    let cursor = last.or(following.cursor.as_deref());
    let after = store::open(cursor, &db).await?;
    let lasting = Lasting::of(&request)?;
    if streams {
        let place = Followers::enter(&followers, by.author.user)?;
        // Read once before the answer begins, so that what goes wrong at once is told as a problem.
        store::read(after, &wanted, by.sight(), by.asked.secrecy.as_ref(), &db).await?;
        return Ok(Stream { lasting, wanted, after, db }.answer(place));
    }
    let mut piece = store::read(after, &wanted, by.sight(), by.asked.secrecy.as_ref(), &db).await?;
    if piece.items.is_empty() && !piece.has_more && following.wait > 0 {
        let _place = Followers::enter(&followers, by.author.user)?;
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

//! Changes as they come, as server-sent events: each with its place, so that a follower who was cut off goes on where it was.

use std::{fmt::Write, time::Duration};

use actix_web::{HttpResponse, http::header, web::Data};
use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::watch, time};

use super::{
    Change,
    store::{self, Wanted},
    waiting,
};
use crate::{
    access::{Lasting, policy::needs},
    kernel::{Db, Problem, Result, events::Place, problem::Kind, secrecy::Secrecy},
};

/// How often something is said, so that nobody on the way takes the stream for dead, and the caller's right is looked at.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What comes at nearly the same time is read together, so that many who follow do not each ask for each change.
const TOGETHER: Duration = Duration::from_millis(30);
/// How long to wait before asking again when the database is away.
const AWAY: Duration = Duration::from_secs(1);

/// A follower who is sent changes as they come.
pub(super) struct Stream {
    pub lasting: Lasting<needs::ReadChanges>,
    pub wanted: Wanted,
    /// The place that the follower has come to.
    pub after: Place,
    pub db: Data<Db>,
}

impl Stream {
    /// The answer, which goes on until the follower leaves, the service stops or the caller's right ends.
    pub(super) fn answer(self, place: waiting::Place) -> HttpResponse {
        let running = Running {
            latest: self.db.feed.follow(),
            stopping: self.db.feed.stopping(),
            heartbeat: time::interval_at(time::Instant::now() + HEARTBEAT, HEARTBEAT),
            begun: false,
            _place: place,
            stream: self,
        };
        let body = stream::unfold(running, async |mut running| {
            let bytes = running.next().await?;
            Some((Ok::<_, Problem>(bytes), running))
        });
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/event-stream"))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header(("X-Accel-Buffering", "no"))
            // What is compressed waits for more before it is sent.
            .insert_header((header::CONTENT_ENCODING, "identity"))
            .streaming(Box::pin(body))
    }
}

struct Running {
    stream: Stream,
    latest: watch::Receiver<Place>,
    stopping: watch::Receiver<bool>,
    heartbeat: time::Interval,
    begun: bool,
    _place: waiting::Place,
}

impl Running {
    /// What is sent next, or nothing when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            // At once, so that the follower knows that it follows, and from where.
            return Some(format!("retry: 2000\n{}", self.here()).into());
        }
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            // Marked as seen before the feed is read, so that what comes meanwhile is read next.
            self.latest.borrow_and_update();
            let pause = match self.read().await {
                Ok(Some(bytes)) => return Some(bytes),
                Ok(None) => TOGETHER,
                // Nobody is told anything before it is known again who may see what.
                Err(problem) if problem.kind == Kind::Unavailable => AWAY,
                Err(_) => return None,
            };
            let silent = tokio::select! {
                _ = self.heartbeat.tick() => true,
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = new(&mut self.latest, pause) => false,
            };
            if silent {
                return Some(self.here().into());
            }
        }
    }

    /// The changes that are there and that the caller may see now; nothing when there are none.
    async fn read(&mut self) -> Result<Option<Bytes>> {
        let Stream { lasting, wanted, after, db, .. } = &mut self.stream;
        loop {
            let (caller, secrecy) = lasting.now(db).await?;
            let piece = store::read(*after, wanted, &caller.sight, secrecy.as_ref(), db).await?;
            let mut text = String::new();
            for change in &piece.items {
                event(&mut text, change, secrecy.as_ref(), db)?;
            }
            *after = piece.next;
            if !text.is_empty() {
                return Ok(Some(text.into()));
            }
            if !piece.has_more {
                return Ok(None);
            }
        }
    }

    /// A sign of life, which moves the follower's place past what it was not shown.
    fn here(&self) -> String {
        format!(": here\nid: {}\n\n", self.stream.db.feed_cursor(self.stream.after))
    }
}

/// Waits until there is something new, and a moment longer.
async fn new(latest: &mut watch::Receiver<Place>, pause: Duration) {
    if pause < AWAY {
        let _ = latest.changed().await;
    }
    time::sleep(pause).await;
}

fn event(text: &mut String, change: &Change, secrecy: Option<&Secrecy>, db: &Db) -> Result<()> {
    let mut data = serde_json::to_value(change)?;
    if let Some(secrecy) = secrecy {
        secrecy.hide(&mut data);
    }
    let _ = write!(text, "id: {}\nevent: change\ndata: {data}\n\n", db.feed_cursor(change.place()));
    Ok(())
}

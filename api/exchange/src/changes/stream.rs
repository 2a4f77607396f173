//! Sends changes as they come, as server-sent events. Each event has its cursor as id, so a client that was disconnected
//! can continue from the last event that it received.

use std::{fmt::Write, time::Duration};

use actix_web::{HttpResponse, http::header, web::Data};
use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::watch, time};

use super::{
    Change,
    store::{self, ChangeFilter},
    waiting,
};
use crate::{
    access::{Lasting, policy::needs},
    kernel::{Db, Problem, Result, events::Place, problem::Kind, secrecy::Secrecy},
};

/// How often a heartbeat is sent, so that no proxy closes the stream as idle. The caller's rights are checked again each
/// time.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes that come within this time are read together, so that many followers do not each query the database for every
/// change.
const TOGETHER: Duration = Duration::from_millis(30);
/// How long to wait before reading again when the database is not available.
const AWAY: Duration = Duration::from_secs(1);

/// A client that is sent changes as they come.
pub(super) struct Stream {
    pub lasting: Lasting<needs::ReadChanges>,
    pub wanted: ChangeFilter,
    /// The place that has been sent last.
    pub after: Place,
    pub db: Data<Db>,
}

impl Stream {
    /// Returns the streaming response. It ends when the client disconnects, the service stops or the caller's rights end.
    pub(super) fn answer(self, place: waiting::Place) -> HttpResponse {
        let running = Running {
            latest: self.db.feed.subscribe(),
            stopping: self.db.feed.subscribe_to_stop(),
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
            // A compressing middleware would hold events back until its buffer is full. The answer is sent without this header.
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
    /// Returns the next bytes to send, or `None` when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            // Sent at once, so that the client knows that it is connected, and from which cursor.
            return Some(format!("retry: 2000\n{}", self.heartbeat_text()).into());
        }
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            // Mark it as seen before the feed is read: a change that comes during the read then causes another read.
            self.latest.borrow_and_update();
            let pause = match self.read().await {
                Ok(Some(bytes)) => return Some(bytes),
                Ok(None) => TOGETHER,
                // Nothing is sent until the caller's rights can be read again.
                Err(problem) if problem.kind == Kind::Unavailable => AWAY,
                Err(_) => return None,
            };
            let silent = tokio::select! {
                _ = self.heartbeat.tick() => true,
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = wait_for_new(&mut self.latest, pause) => false,
            };
            if silent {
                return Some(self.heartbeat_text().into());
            }
        }
    }

    /// Returns the new changes that the caller may see now, as event text, or `None` when there are none.
    async fn read(&mut self) -> Result<Option<Bytes>> {
        let Stream { lasting, wanted, after, db, .. } = &mut self.stream;
        loop {
            let (caller, secrecy) = lasting.current_caller(db).await?;
            let piece = store::read(*after, wanted, &caller.sight, secrecy.as_ref(), db).await?;
            let mut text = String::new();
            for change in &piece.items {
                write_event(&mut text, change, secrecy.as_ref(), db)?;
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

    /// Returns a heartbeat. Its id moves the client's cursor past changes that were not shown to it.
    fn heartbeat_text(&self) -> String {
        format!(": here\nid: {}\n\n", self.stream.db.feed_cursor(self.stream.after))
    }
}

/// Waits until there is a new change, and then for `pause`, so that changes that come close together are read together.
async fn wait_for_new(latest: &mut watch::Receiver<Place>, pause: Duration) {
    if pause < AWAY {
        let _ = latest.changed().await;
    }
    time::sleep(pause).await;
}

fn write_event(text: &mut String, change: &Change, secrecy: Option<&Secrecy>, db: &Db) -> Result<()> {
    let mut data = serde_json::to_value(change)?;
    if let Some(secrecy) = secrecy {
        secrecy.hide(&mut data);
    }
    let _ = write!(text, "id: {}\nevent: change\ndata: {data}\n\n", db.feed_cursor(change.place()));
    Ok(())
}

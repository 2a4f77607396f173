//! Measurements for operators, in the format of Prometheus, on a port of their own.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, atomic::AtomicU64},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    web::{self, Data},
};
use prometheus_client::{encoding::text, metrics::gauge::Gauge, registry::Registry};
use sea_orm::{ConnectionTrait, Statement};

use crate::{
    access::{Access, Limits},
    kernel::{
        Db, Problem, Result,
        measures::{Caches, Calls},
        places::Places,
    },
};

type Count = Gauge<i64>;
/// Tells how much the caches hold that are neither the database's nor those of tokens and callers.
pub type NoteCaches = Box<dyn Fn(&Caches) + Send + Sync>;

/// All measurements.
pub struct Metrics {
    registry: Registry,
    db: Data<Db>,
    access: Data<Access>,
    places: Data<Places>,
    calls: [Count; 2],
    hashes: [Count; 3],
    connections: [Count; 2],
    feed: [Count; 2],
    caches: Caches,
    note_others: NoteCaches,
    up: Gauge<f64, AtomicU64>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Registers the measurements of all parts of the service.
    #[must_use]
    pub fn new(
        (db, database_cache): (Data<Db>, u64),
        access: Data<Access>,
        places: Data<Places>,
        limits: &Limits,
        calls: &Calls,
        note_others: NoteCaches,
    ) -> Self {
        let mut registry = Registry::with_prefix("samsyn");
        calls.register(&mut registry);
        limits.register(&mut registry);
        let caches = Caches::default();
        caches.register(&mut registry);
        registry.register("tx_retries", "Transactions that were retried after a conflict", db.retries.clone());
        let mut count = |name: &str, help: &str| {
            let gauge = Count::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let calls = [count("calls_under_way", "Calls in progress"), count("calls_waiting", "Calls that wait for their turn")];
        let hashes = [
            count("password_hashes_waiting", "Passwords that wait to be checked"),
            count("password_hashes_running", "Passwords being checked"),
            count("password_hashes_running_most", "The most passwords checked at once so far"),
        ];
        count("password_hashes_allowed", "The most passwords that may be checked at once").set(as_i64(access.hashing.at_once));
        let connections = [
            count("database_connections", "Connections to the database for reading"),
            count("database_connections_idle", "Idle connections to the database for reading"),
        ];
        count("database_cache_bytes_most", "The most bytes of the file that all connections to SQLite keep in memory")
            .set(i64::try_from(database_cache).unwrap_or(i64::MAX));
        let feed = [
            count("feed_position", "The last position of the feed of changes"),
            count("feed_waiting", "Changes without a position, because the feed has not been read since"),
        ];
        let up = Gauge::default();
        registry.register("database_up", "1 when the database answered just now, else 0", up.clone());
        Self { registry, db, access, places, calls, hashes, connections, feed, caches, note_others, up }
    }

    /// Answers `/metrics` and nothing else.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn serve(self, listener: TcpListener) -> io::Result<Server> {
        let metrics = Data::from(Arc::new(self));
        let app = move || App::new().app_data(metrics.clone()).route("/metrics", web::get().to(show));
        Ok(HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run())
    }

    async fn update(&self) {
        for (gauge, now) in self.calls.iter().zip(self.places.usage()) {
            gauge.set(as_i64(now));
        }
        for (gauge, now) in self.hashes.iter().zip(self.access.hashing.counts()) {
            gauge.set(as_i64(now));
        }
        let (all, idle) = self.db.connections();
        self.connections[0].set(all.into());
        self.connections[1].set(as_i64(idle));
        self.db.note_caches(&self.caches);
        self.access.note_caches(&self.caches);
        (self.note_others)(&self.caches);
        let feed = feed(&self.db).await;
        self.up.set(if feed.is_ok() { 1.0 } else { 0.0 });
        for (gauge, now) in self.feed.iter().zip(feed.unwrap_or_default()) {
            gauge.set(now);
        }
    }
}

/// The last position of the feed, and the number of changes without a position. An index answers both.
async fn feed(db: &Db) -> Result<[i64; 2]> {
    let sql = "SELECT (SELECT max(position) FROM event) AS last, (SELECT count(*) FROM event WHERE position IS NULL) AS waiting";
    let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql)).await?;
    let row = row.ok_or_else(|| Problem::internal(&"no row"))?;
    Ok([row.try_get::<Option<i64>>("", "last")?.unwrap_or_default(), row.try_get("", "waiting")?])
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

async fn show(metrics: Data<Metrics>) -> HttpResponse {
    metrics.update().await;
    let mut shown = String::new();
    match text::encode(&mut shown, &metrics.registry) {
        Ok(()) => HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(shown),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

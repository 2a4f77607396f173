//! Connections to `PostgreSQL`: a pool for reading and one for writing, so that neither takes all from the other. When the
//! database has vanished, or its machine only reads since another took over, both are made anew, at the first of its machines
//! that writes.

use std::{str::FromStr, sync::Arc, time::Duration};

use sea_orm::SqlxPostgresConnector;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

use super::{
    OpenError, Settings,
    address::{self, Address},
    connection::{Care, Connection, Watch},
};

/// How long a connection may have been idle and still be used without a question.
const FRESH: Duration = Duration::from_secs(1);
/// How long an answer to the shortest of questions is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The least time between two rounds of new connections.
const PAUSE: Duration = Duration::from_secs(1);

/// Opens both pools, and keeps them alive for as long as the database is open.
pub(super) async fn connect(settings: &Settings) -> Result<(Arc<Connection>, Arc<Connection>, Arc<Watch>), OpenError> {
    let machines = machines(settings)?;
    let patience = patience(settings);
    let longest = (!settings.statement_timeout.is_zero()).then(|| settings.acquire_timeout + settings.statement_timeout + patience);
    let watch = Arc::new(Watch::new(longest));
    let at = if machines.len() == 1 { 0 } else { choose(&machines, patience).await.map_or(0, |(at, _)| at) };
    let pools = Pools { writers: (settings.connections / 2).max(1), settings: settings.clone(), watch: Arc::clone(&watch) };
    let (wait, readers) = (settings.acquire_timeout, pools.readers());
    let writer = pools.options(pools.writers, 0).connect_with(machines[at].clone()).await;
    let writer = writer.map_err(|error| OpenError::Connect(error.to_string()))?;
    let reader = pools.options(readers, 0).connect_lazy_with(machines[at].clone());
    let writer =
        Connection::cared_for(SqlxPostgresConnector::from_sqlx_postgres_pool(writer), Care::of_writing(pools.writers, wait, &watch));
    let care = Care::of_reading(readers, wait, settings.lock_timeout, &watch);
    let reader = Connection::cared_for(SqlxPostgresConnector::from_sqlx_postgres_pool(reader), care);
    let (reader, writer) = (Arc::new(reader), Arc::new(writer));
    tokio::spawn(pools.keep_alive(machines, at, Arc::clone(&reader), Arc::clone(&writer)));
    Ok((reader, writer, watch))
}

/// How to reach each of the machines that the address names, in their order.
fn machines(settings: &Settings) -> Result<Vec<PgConnectOptions>, OpenError> {
    let Ok(Address(urls)) = address::postgres(&settings.url) else { return Err(OpenError::Url) };
    let millis = |time: Duration| format!("{}ms", time.as_millis());
    let with_session = |url: &String| {
        PgConnectOptions::from_str(url).map(|options| {
            options
                .options([
                    ("statement_timeout", millis(settings.statement_timeout)),
                    ("lock_timeout", millis(settings.lock_timeout)),
                    ("idle_in_transaction_session_timeout", "60s".to_owned()),
                    // A statement that nobody waits for any longer ends, and so do its locks.
                    ("client_connection_check_interval", "1s".to_owned()),
                    // An instance that has vanished lets go of its locks.
                    ("tcp_keepalives_idle", "30s".to_owned()),
                    ("tcp_keepalives_interval", "10s".to_owned()),
                    ("tcp_keepalives_count", "3".to_owned()),
                    ("tcp_user_timeout", "60s".to_owned()),
                ])
                .application_name("samsyn")
                .statement_cache_capacity(512)
                .disable_statement_logging()
        })
    };
    // What is wrong with an address is not told, for it may hold a password.
    urls.iter().map(with_session).collect::<Result<_, _>>().map_err(|_| OpenError::Url)
}

fn patience(settings: &Settings) -> Duration {
    PATIENCE.min(settings.acquire_timeout)
}

/// The first of the machines that writes, or else the first that answers; and whether it writes.
async fn choose(machines: &[PgConnectOptions], patience: Duration) -> Option<(usize, bool)> {
    let mut reads = None;
    for (at, machine) in machines.iter().enumerate() {
        match timeout(patience, writes(machine)).await {
            Ok(Ok(true)) => return Some((at, true)),
            Ok(Ok(false)) => reads = reads.or(Some((at, false))),
            Ok(Err(error)) => tracing::debug!(%error, at, "a machine of the database cannot be used"),
            Err(_) => tracing::debug!(at, "a machine of the database does not answer"),
        }
    }
    reads
}

async fn writes(machine: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = PgConnection::connect_with(machine).await?;
    let read_only: String = sqlx::query_scalar("SHOW transaction_read_only").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(read_only == "off")
}

struct Pools {
    writers: u32,
    settings: Settings,
    watch: Arc<Watch>,
}

impl Pools {
    fn readers(&self) -> u32 {
        self.settings.connections.saturating_sub(self.writers).max(1)
    }

    fn options(&self, size: u32, round: u64) -> PgPoolOptions {
        let patience = patience(&self.settings);
        let (before, after) = (Arc::clone(&self.watch), Arc::clone(&self.watch));
        PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(self.settings.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(move |connection, seen| {
                let watch = Arc::clone(&before);
                Box::pin(async move {
                    if seen.idle_for < FRESH {
                        return Ok(true);
                    }
                    let answered = timeout(patience, connection.ping()).await;
                    answered.unwrap_or_else(|_| {
                        watch.alarm(round);
                        Err(sqlx::Error::PoolTimedOut)
                    })?;
                    Ok(true)
                })
            })
            .after_release(move |connection, _| {
                let watch = Arc::clone(&after);
                Box::pin(async move {
                    // In the middle of a statement that nobody waits for, it is closed, whereupon the statement ends.
                    if watch.left_lately() {
                        timeout(patience, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                    }
                    Ok(true)
                })
            })
    }

    fn lazy(&self, size: u32, round: u64, machine: &PgConnectOptions) -> sea_orm::DatabaseConnection {
        SqlxPostgresConnector::from_sqlx_postgres_pool(self.options(size, round).connect_lazy_with(machine.clone()))
    }

    /// Makes all connections anew whenever they are found to be useless. Where several machines are named, it then looks for
    /// one that writes, until there is one.
    async fn keep_alive(self, machines: Vec<PgConnectOptions>, mut at: usize, reader: Arc<Connection>, writer: Arc<Connection>) {
        let mut settled = true;
        loop {
            if settled {
                self.watch.alarmed().await;
            }
            if self.watch.is_closed() {
                return;
            }
            let found = if machines.len() == 1 { Some((at, true)) } else { choose(&machines, patience(&self.settings)).await };
            let (found, is_writing) = found.unwrap_or((at, false));
            if settled || is_writing || found != at {
                at = found;
                let round = self.watch.next_round();
                tracing::warn!(machine = at, is_writing, "connections to the database are made anew");
                let old = [
                    reader.renew(self.lazy(self.readers(), round, &machines[at])),
                    writer.renew(self.lazy(self.writers, round, &machines[at])),
                ];
                if self.watch.is_closed() {
                    let _ = (reader.pool().close().await, writer.pool().close().await);
                }
                for pool in old {
                    // What is under way in them ends as it ends.
                    tokio::spawn(pool.close());
                }
            }
            settled = is_writing;
            sleep(PAUSE).await;
        }
    }
}

/// How the connections that there are now were made, for one beside them.
pub(super) fn options_of(pool: &PgPool) -> PgConnectOptions {
    (*pool.connect_options()).clone()
}

//! Connections to `PostgreSQL`: a pool for reading and one for writing, so that neither can take all connections. When the database
//! has vanished, or its machine has become read-only because another took over, both pools are made anew, at the first machine that
//! accepts writes.

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
    connection::{Connection, NetworkPool, Watch},
};

/// The longest time that a connection may have been idle and still be used without a ping.
const FRESH: Duration = Duration::from_secs(1);
/// The longest time to wait for the answer to a ping.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shortest time between two rounds of new connections.
const PAUSE: Duration = Duration::from_secs(1);

/// Opens both pools, and starts the task that renews them for as long as the database is open. Returns the pools for reading and for
/// writing, and the watch.
pub(super) async fn connect(settings: &Settings) -> Result<(Arc<Connection>, Arc<Connection>, Arc<Watch>), OpenError> {
    let machines = machines(settings)?;
    let patience = patience(settings);
    let longest = (!settings.statement_timeout.is_zero()).then(|| settings.acquire_timeout + settings.statement_timeout + patience);
    let watch = Arc::new(Watch::new(longest));
    let index = if machines.len() == 1 { 0 } else { find_writable(&machines, patience).await.map_or(0, |(index, _)| index) };
    let pools = Pools { writers: (settings.connections / 2).max(1), settings: settings.clone(), watch: Arc::clone(&watch) };
    let (wait, readers) = (settings.acquire_timeout, pools.readers());
    let writer = pools.options(pools.writers, 0).connect_with(machines[index].clone()).await;
    let writer = writer.map_err(|error| OpenError::Connect(error.to_string()))?;
    let reader = pools.options(readers, 0).connect_lazy_with(machines[index].clone());
    let network = NetworkPool::for_writing(pools.writers, wait, &watch);
    let writer = Connection::over_network(SqlxPostgresConnector::from_sqlx_postgres_pool(writer), network);
    let network = NetworkPool::for_reading(readers, wait, settings.lock_timeout, &watch);
    let reader = Connection::over_network(SqlxPostgresConnector::from_sqlx_postgres_pool(reader), network);
    let (reader, writer) = (Arc::new(reader), Arc::new(writer));
    tokio::spawn(pools.keep_alive(machines, index, Arc::clone(&reader), Arc::clone(&writer)));
    Ok((reader, writer, watch))
}

/// Returns the options for connections to each machine of the address, in their order.
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
                    // A statement whose client has gone ends, and releases its locks.
                    ("client_connection_check_interval", "1s".to_owned()),
                    // The locks of an instance that has vanished are released.
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
    // The error does not repeat the address, which may contain a password.
    urls.iter().map(with_session).collect::<Result<_, _>>().map_err(|_| OpenError::Url)
}

fn patience(settings: &Settings) -> Duration {
    PATIENCE.min(settings.acquire_timeout)
}

/// Returns the index of the first machine that accepts writes, with true; otherwise of the first that answers, with false.
async fn find_writable(machines: &[PgConnectOptions], patience: Duration) -> Option<(usize, bool)> {
    let mut read_only = None;
    for (index, machine) in machines.iter().enumerate() {
        match timeout(patience, is_writable(machine)).await {
            Ok(Ok(true)) => return Some((index, true)),
            Ok(Ok(false)) => read_only = read_only.or(Some((index, false))),
            Ok(Err(error)) => tracing::debug!(%error, at = index, "a machine of the database cannot be used"),
            Err(_) => tracing::debug!(at = index, "a machine of the database does not answer"),
        }
    }
    read_only
}

async fn is_writable(machine: &PgConnectOptions) -> Result<bool, sqlx::Error> {
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
                    // A connection that is still executing an abandoned statement is closed, which ends the statement.
                    if watch.abandoned_lately() {
                        timeout(patience, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                    }
                    Ok(true)
                })
            })
    }

    fn lazy_pool(&self, size: u32, round: u64, machine: &PgConnectOptions) -> sea_orm::DatabaseConnection {
        SqlxPostgresConnector::from_sqlx_postgres_pool(self.options(size, round).connect_lazy_with(machine.clone()))
    }

    /// Makes all connections anew whenever they are found to be useless. With several machines, it then looks for one that accepts
    /// writes until there is one. `index` is the present machine.
    async fn keep_alive(self, machines: Vec<PgConnectOptions>, mut index: usize, reader: Arc<Connection>, writer: Arc<Connection>) {
        let mut settled = true;
        loop {
            if settled {
                self.watch.alarmed().await;
            }
            if self.watch.is_closed() {
                return;
            }
            let found = if machines.len() == 1 { Some((index, true)) } else { find_writable(&machines, patience(&self.settings)).await };
            let (found, is_writing) = found.unwrap_or((index, false));
            if settled || is_writing || found != index {
                index = found;
                let round = self.watch.next_round();
                tracing::warn!(machine = index, is_writing, "connections to the database are made anew");
                let old = [
                    reader.renew(self.lazy_pool(self.readers(), round, &machines[index])),
                    writer.renew(self.lazy_pool(self.writers, round, &machines[index])),
                ];
                if self.watch.is_closed() {
                    let _ = (reader.pool().close().await, writer.pool().close().await);
                }
                for pool in old {
                    // Statements that are under way in the old pools end by themselves.
                    tokio::spawn(pool.close());
                }
            }
            settled = is_writing;
            sleep(PAUSE).await;
        }
    }
}

/// Returns the options of the present connections, for another connection outside of the pool.
pub(super) fn connect_options(pool: &PgPool) -> PgConnectOptions {
    (*pool.connect_options()).clone()
}

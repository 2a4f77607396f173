//! Connections to `PostgreSQL`: one pool for reading and writing.

use std::str::FromStr;

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{OpenError, Settings};

/// Opens the pool; it is both the reader and the writer.
pub(super) async fn connect(settings: &Settings) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(|error| OpenError::Connect(error.to_string()))?
        .options([
            ("statement_timeout", format!("{}ms", settings.statement_timeout.as_millis())),
            ("idle_in_transaction_session_timeout", "60s".to_owned()),
        ])
        .application_name("samsyn")
        .statement_cache_capacity(512)
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| OpenError::Connect(error.to_string()))?;
    let pool = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    Ok((pool.clone(), pool))
}

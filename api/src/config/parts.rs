//! The settings in the form that each part of the service takes.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use sea_orm::ActiveEnum;

use super::Config;
use crate::{
    access::{
        LimitSettings, TokenSettings,
        letters::{Outbox, OutboxError},
        policy::Role,
    },
    intake::bounds::Bounds,
    kernel::{address, cors::Cors, db, disk::Spool, middleware::Envelope, places::PlaceSettings, record::Terms},
};

impl Config {
    /// The settings of the database.
    #[must_use]
    pub fn database(&self) -> db::Settings {
        db::Settings {
            url: self.database_url.clone(),
            connections: self.database_connections,
            acquire_timeout: Duration::from_secs(self.database_wait_seconds),
            statement_timeout: Duration::from_secs(self.database_statement_seconds),
            lock_timeout: Duration::from_secs(self.database_lock_seconds),
            durable: self.database_durable,
            cache_mebibytes: self.database_cache_mebibytes,
        }
    }

    /// The settings of tokens and sessions.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings {
        TokenSettings {
            two_step_roles: self.two_step_roles(),
            longest: TimeDelta::days(self.session_longest_days),
            origins: self.cors_origins.clone(),
            issuer: self.public_url.clone(),
            access: TimeDelta::minutes(self.access_token_minutes),
            session: TimeDelta::hours(self.session_hours),
        }
    }

    /// The roles for which a password alone is too weak: those that demand two steps, and those that demand assurance from a
    /// provider, because a password would be a way around that.
    fn two_step_roles(&self) -> Vec<Role> {
        let named = self.second_factor_roles.iter().filter_map(|role| Role::try_from_value(role).ok());
        let sure = self.identity_providers.iter().flat_map(|provider| &provider.required_acr).map(|required| required.role);
        let mut roles: Vec<_> = named.chain(sure).collect();
        roles.sort_by_key(sea_orm::ActiveEnum::to_value);
        roles.dedup();
        roles
    }

    /// The outbox for mail.
    ///
    /// # Errors
    /// The setting that cannot be used, and a sentence.
    pub fn outbox(&self) -> Result<Outbox, OutboxError> {
        Outbox::new(&self.mail_url, &self.mail_from, &self.account_url)
    }

    /// For how long personal data is kept.
    #[must_use]
    pub const fn retention(&self) -> Terms {
        Terms { sessions: self.retention_sessions_days, users: self.retention_users_days, feed: self.feed_days }
    }

    /// The settings of the middleware around every call.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        Envelope {
            public_url: self.public_url.clone(),
            body_bytes: self.body_bytes,
            body_time: Duration::from_secs(self.body_seconds),
            call_time: Duration::from_secs(self.call_seconds),
            secure: self.public_url.starts_with("https://"),
            trusted_proxies: address::parse_networks(&self.trusted_proxies).unwrap_or_default(),
            cors: Cors::new(&self.cors_origins).unwrap_or_default(),
        }
    }

    /// The limits of imports, and the folder in which files wait: beside the database file on `SQLite`, if no other is set.
    #[must_use]
    pub fn imports(&self) -> Bounds {
        let database = db::sqlite_file(&self.database_url);
        let beside = database.as_deref().map(|file| file.parent().filter(|folder| !folder.as_os_str().is_empty()));
        let beside = beside.map(|folder| folder.unwrap_or(Path::new(".")).to_owned());
        let folder = if self.import_folder.is_empty() { beside } else { Some(self.import_folder.clone().into()) };
        let file_bytes = self.import_mebibytes << 20;
        // A file must keep the pace that any body must keep.
        let bodies = (file_bytes / self.body_bytes.max(1)).max(1);
        Bounds {
            rows: self.import_rows,
            per_caller: self.imports_per_caller,
            at_once: self.imports_at_once,
            file_bytes,
            file_time: Duration::from_secs(self.body_seconds.saturating_mul(bodies as u64)),
            spool: Spool { folder, database, spare: self.disk_spare_mebibytes << 20 },
        }
    }

    /// The limits on the number of calls at once.
    #[must_use]
    pub const fn places(&self) -> PlaceSettings {
        PlaceSettings {
            at_once: self.calls_at_once,
            waiting: self.calls_waiting,
            patience: Duration::from_millis(self.call_wait_milliseconds),
        }
    }

    /// The installation's own networks that webhooks may call.
    #[must_use]
    pub fn webhook_networks(&self) -> Vec<ipnet::IpNet> {
        address::parse_networks(&self.webhook_networks).unwrap_or_default()
    }

    /// The limits on how often callers may call.
    #[must_use]
    pub fn limits(&self) -> LimitSettings {
        LimitSettings {
            caller_per_minute: self.rate_caller_per_minute.into(),
            address_per_minute: self.rate_address_per_minute.into(),
            invalid_tokens_per_minute: self.rate_invalid_tokens_per_minute.into(),
            calls_per_day: self.calls_per_day.into(),
            failures_per_account: self.sign_in_failures_per_account.into(),
            failures_per_address: self.sign_in_failures_per_address.into(),
            letters_per_caller: self.letters_per_caller.into(),
            letters_per_recipient: self.letters_per_recipient.into(),
        }
    }
}

//! Configuration: defaults that run, then a file, then the environment, then flags; each setting has one name everywhere.
//!
//! The setting `database_url` is `database_url = "…"` in the file, `SAMSYN_DATABASE_URL` in the environment and
//! `--set database_url=…` on the command line.

mod careful;
mod parts;
mod printing;

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use sea_orm::ActiveEnum;

use self::printing::redacted;
use crate::{
    access::{
        federation::{self, IdentityProvider, LoginClient},
        letters::OutboxError,
        policy::Role,
    },
    kernel::{address, cors::Cors, db},
};

macro_rules! settings {
($($(#[doc = $help:literal])+ $name:ident: $type:ty = $default:expr;)*) => {
/// All settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config { $($(#[doc = $help])+ pub $name: $type,)* }

/// Name, description and default of each setting.
fn reference() -> Vec<(&'static str, String, Value)> {
vec![$((stringify!($name), [$($help.trim()),+].join(" "), Value::from($default)),)*]
}
};
}

settings! {
/// Address and port to listen on. Port 0 takes any free one.
listen: String = "127.0.0.1:8080";
/// The address at which the service is reached from outside, without a slash at the end. Empty means http:// and `listen`.
public_url: String = "";
/// `sqlite:FILE`, or `postgres://USER:PASSWORD@HOST/NAME`. Several machines of one PostgreSQL, of which one at a time can
/// write, are separated by commas, as `HOST:PORT,HOST:PORT`. They are tried in that order.
database_url: String = "sqlite:samsyn-data/samsyn.db";
/// Number of connections to the database. On SQLite they are for reading. On PostgreSQL half of them are for reading and half
/// for writing, and there is at least one for each.
database_connections: u32 = 8;
/// Number of seconds that a call waits for a free connection before it is refused (503).
database_wait_seconds: u64 = 5;
/// Number of seconds that PostgreSQL works on one statement before it gives up. A connection that is silent for that long and
/// for `database_wait_seconds` more is given up too. 0 means no limit.
database_statement_seconds: u64 = 30;
/// Number of seconds that a statement on PostgreSQL waits for a lock before its call is refused (503). 0 means until
/// `database_statement_seconds`. It should be less than `database_wait_seconds`.
database_lock_seconds: u64 = 3;
/// Whether SQLite keeps the last writes through a power cut. false makes writes about twice as fast.
database_durable: bool = true;
/// Number of mebibytes of SQLite's file that all connections together may keep in memory.
database_cache_mebibytes: u64 = 32;
/// Whether the database is migrated at the start.
migrate_on_start: bool = true;
/// Whether the reference data is loaded at the start: areas, public actors, codelists, indicators.
reference_pack: bool = true;
/// The largest body of a call, in bytes.
body_bytes: usize = 2_097_152;
/// The largest file that may be imported, in mebibytes. It has as many times longer to arrive as it may be larger than a
/// body.
import_mebibytes: usize = 50;
/// The most rows in a file that is imported. A file with more is refused before any of it is stored.
import_rows: u32 = 100_000;
/// The most imports of one caller that have not ended.
imports_per_caller: u32 = 5;
/// The most imports of all callers together that have not ended.
imports_at_once: u32 = 50;
/// The folder for files that are being imported. The files have no names. Empty means the folder of SQLite's database, or
/// else the system's folder for temporary files.
import_folder: String = "";
/// Number of mebibytes that an import must leave free on the disks of the import folder and of SQLite's database. 0 means no
/// check.
disk_spare_mebibytes: u64 = 256;
/// Number of seconds that a body may take to arrive.
body_seconds: u64 = 30;
/// Number of seconds that a call may take to be answered after it has arrived, in addition to the time that it asks to wait.
/// Then it is cancelled and refused (503). This does not apply to streams, nor to the reception of a file to import.
call_seconds: u64 = 60;
/// Number of seconds that the headers of a call may take to arrive.
header_seconds: u64 = 5;
/// Number of connections that each worker serves at once.
connections: usize = 10_000;
/// Number of threads that serve calls. 0 means one for each processor.
workers: usize = 0;
/// Number of calls that each instance works on at once. 0 means no limit.
calls_at_once: usize = 64;
/// Number of further calls that may wait for their turn. Others are refused at once (503).
calls_waiting: usize = 256;
/// Number of milliseconds that a call waits for its turn before it is refused (503).
call_wait_milliseconds: u64 = 1000;
/// Number of milliseconds for which the service still answers after it has been told to stop, while /health/ready fails
/// already. It should be longer than a load balancer needs to notice.
stop_delay_milliseconds: u64 = 5000;
/// Number of seconds that calls in progress have to end when the service stops.
stop_seconds: u64 = 30;
/// Number of minutes for which an access token is valid.
access_token_minutes: i64 = 10;
/// Number of hours for which a session is valid unless it is renewed.
session_hours: i64 = 168;
/// Number of days for which a session is valid at most, however often it is renewed.
session_longest_days: i64 = 30;
/// Identity providers of organisations whose users sign in there (OpenID Connect). These are tables, which only the file can
/// have.
identity_providers: Vec<IdentityProvider> = Value::Array(Vec::new());
/// Frontends that may let users sign in with an identity provider. These are tables, which only the file can have.
login_clients: Vec<LoginClient> = Value::Array(Vec::new());
/// Roles that are effective only after a sign-in in two steps, or at an identity provider that is sure enough.
second_factor_roles: Vec<String> = Vec::<Value>::new();
/// The delivery of mail: `file:FOLDER` writes each letter to a file, `smtps://USER:PASSWORD@HOST` or
/// `smtp://USER:PASSWORD@HOST?tls=required` hands it to a server.
mail_url: String = "file:samsyn-data/mail";
/// Whether mail may leave this machine without TLS. Letters have links that open accounts, so allow it only over a network
/// that nobody else can read.
mail_in_clear: bool = false;
/// The sender of mail.
mail_from: String = "Samsyn <samsyn@localhost>";
/// The address of the pages that links in mail lead to; invitation, password and email are below it. Empty means the
/// service's own pages.
account_url: String = "";
/// Addresses and networks of proxies that are trusted when they report the address of their caller.
trusted_proxies: Vec<String> = Vec::<Value>::new();
/// The installation's own networks that webhooks may call, also over plain HTTP, such as `10.1.0.0/16`. Everybody who may
/// have a webhook can then reach the services there.
webhook_networks: Vec<String> = Vec::<Value>::new();
/// Origins of web pages that may call from a browser, such as `https://app.example.se`.
cors_origins: Vec<String> = Vec::<Value>::new();
/// Calls per minute by one signed-in caller. 0 means no limit, here and below.
rate_caller_per_minute: u32 = 1200;
/// Calls per minute from one address without a valid token.
rate_address_per_minute: u32 = 600;
/// Calls per minute from one address with an invalid token.
rate_invalid_tokens_per_minute: u32 = 60;
/// Calls per day by one signed-in caller.
calls_per_day: u32 = 200_000;
/// Lists that one caller may export as tables at once, on each instance.
exports_per_caller: u32 = 4;
/// Lists that all callers together may export at once, on each instance.
exports_at_once: u32 = 32;
/// The most failed sign-ins to one account within 15 minutes.
sign_in_failures_per_account: u32 = 10;
/// The most failed sign-ins from one address within 15 minutes.
sign_in_failures_per_address: u32 = 50;
/// Letters to others, such as invitations, that one caller may cause per day. 0 means no limit.
letters_per_caller: u32 = 100;
/// Letters that others may cause to one address per day. 0 means no limit.
letters_per_recipient: u32 = 10;
/// Address and port at which measurements can be read at /metrics, separate from the API. Empty means nowhere.
metrics_listen: String = "";
/// Number of days for which an ended session is kept before `samsyn retention run` removes it.
retention_sessions_days: i64 = 30;
/// Number of days for which a disabled account is kept before `samsyn retention run` erases it. 0 leaves that to an
/// administrator.
retention_users_days: i64 = 730;
/// Number of days for which changes are kept in the feed. 0 keeps them for ever. A follower that has been away for longer
/// reads everything again. The audit log does not depend on it.
feed_days: i64 = 400;
/// Number of calls of one caller that may wait for changes at once, as streams or with `wait`, on each instance.
followers_per_caller: usize = 8;
/// Number of calls of all callers together that may wait for changes at once, on each instance.
followers: usize = 500;
/// The contact for reports of weaknesses, as a mailto: or https: address.
security_contact: String = "mailto:security@samsyn.example.se";
/// The level of the log: error, warn, info, debug or trace, or a filter such as `samsyn=debug`.
log: String = "info";
/// The form of the log: `json` for machines, `text` for people.
log_format: String = "json";
}

/// The text is without passwords and secrets, because it may be written anywhere.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

/// The reason why a configuration cannot be used: the setting, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting at fault.
    pub setting: String,
    /// What is wrong, and what to do.
    pub sentence: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.sentence)
    }
}
impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the configuration from all its sources. Later ones override earlier ones. `defaults` are the command's own.
    ///
    /// # Errors
    /// The setting that cannot be used, and a sentence on what it should be.
    pub fn load(
        defaults: &[(&str, &str)],
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut table: Table = reference().into_iter().map(|(name, _, default)| (name.to_owned(), default)).collect();
        for (name, value) in defaults {
            set(&mut table, name, name, value)?;
        }
        if let Some(file) = file {
            let wrong = |sentence: String| ConfigError { setting: format!("the file {}", file.display()), sentence };
            let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
            let given: Table = text.parse().map_err(|error: toml::de::Error| wrong(format!("it is no TOML: {}", error.message())))?;
            for (name, value) in given {
                require_known(&table, &name, &name)?;
                table.insert(name, value);
            }
        }
        let mut password = None;
        for (variable, value) in environment {
            // The library that connects to PostgreSQL reads this variable by itself.
            if variable == "PGPASSWORD" {
                password = Some(value);
                continue;
            }
            if let Some(name) = variable.strip_prefix("SAMSYN_").map(str::to_lowercase) {
                // A secret is safer in a file than in the environment, which others may see.
                if let Some(name) = name.strip_suffix("_file").filter(|name| table.contains_key(*name)) {
                    let text = std::fs::read_to_string(&value)
                        .map_err(|error| ConfigError { setting: variable.clone(), sentence: format!("{value} cannot be read: {error}") })?;
                    set(&mut table, name, &variable, text.trim_end_matches(['\r', '\n']))?;
                    continue;
                }
                // Others may use the prefix for their own variables; tests do.
                if table.contains_key(&name) {
                    set(&mut table, &name, &variable, &value)?;
                }
            }
        }
        for (name, value) in flags {
            require_known(&table, name, name)?;
            set(&mut table, name, name, value)?;
        }
        let mut config: Self = serde_path_to_error::deserialize(Value::Table(table))
            .map_err(|error| ConfigError { setting: error.path().to_string(), sentence: error.inner().message().to_owned() })?;
        if config.public_url.is_empty() {
            config.public_url = format!("http://{}", config.listen);
        }
        if config.account_url.is_empty() {
            config.account_url = format!("{}/account", config.public_url);
        }
        config.check()?;
        config.check_passwords(password.as_deref())?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting: &str, sentence: String| Err(ConfigError { setting: setting.to_owned(), sentence });
        if self.listen.parse::<std::net::SocketAddr>().is_err() {
            return wrong("listen", format!("{} is no address and port, such as 127.0.0.1:8080", self.listen));
        }
        if !(self.public_url.starts_with("https://") || self.public_url.starts_with("http://")) || self.public_url.ends_with('/') {
            return wrong(
                "public_url",
                format!("{} is no web address without a slash at the end, such as https://samsyn.example.se", self.public_url),
            );
        }
        if let Err(sentence) = db::check_address(&self.database_url) {
            return wrong("database_url", sentence);
        }
        if !(1..=1000).contains(&self.database_connections) {
            return wrong("database_connections", format!("{} is not between 1 and 1000", self.database_connections));
        }
        for (name, seconds) in [("database_wait_seconds", self.database_wait_seconds), ("call_seconds", self.call_seconds)] {
            if !(1..=3600).contains(&seconds) {
                return wrong(name, format!("{seconds} is not between 1 and 3600"));
            }
        }
        for (name, seconds) in
            [("database_statement_seconds", self.database_statement_seconds), ("database_lock_seconds", self.database_lock_seconds)]
        {
            if seconds > 3600 {
                return wrong(name, format!("{seconds} is more than 3600"));
            }
        }
        if !(1..=1_048_576).contains(&self.database_cache_mebibytes) {
            return wrong("database_cache_mebibytes", format!("{} is not between 1 and 1048576", self.database_cache_mebibytes));
        }
        if !(1..=10).contains(&self.access_token_minutes) {
            return wrong("access_token_minutes", format!("{} is not between 1 and 10", self.access_token_minutes));
        }
        if !(1..=3650).contains(&self.session_longest_days) {
            return wrong("session_longest_days", format!("{} is not between 1 and 3650", self.session_longest_days));
        }
        if !(1..=1024).contains(&self.import_mebibytes) {
            return wrong("import_mebibytes", format!("{} is not between 1 and 1024", self.import_mebibytes));
        }
        if !(1..=10_000_000).contains(&self.import_rows) {
            return wrong("import_rows", format!("{} is not between 1 and 10000000", self.import_rows));
        }
        if !self.import_folder.is_empty() && !Path::new(&self.import_folder).is_dir() {
            return wrong("import_folder", format!("{} is no folder", self.import_folder));
        }
        if self.session_hours < 1 {
            return wrong("session_hours", format!("{} is less than 1", self.session_hours));
        }
        if let Some(unknown) = self.second_factor_roles.iter().find(|role| Role::try_from_value(role).is_err()) {
            return wrong("second_factor_roles", format!("{unknown} is no role"));
        }
        if let Err(OutboxError(setting, sentence)) = self.outbox() {
            return wrong(setting, sentence);
        }
        if let Err(sentence) = address::parse_networks(&self.trusted_proxies) {
            return wrong("trusted_proxies", sentence);
        }
        if let Err(sentence) = address::parse_networks(&self.webhook_networks) {
            return wrong("webhook_networks", sentence);
        }
        if let Err(sentence) = Cors::new(&self.cors_origins) {
            return wrong("cors_origins", sentence);
        }
        if !self.metrics_listen.is_empty() && self.metrics_listen.parse::<std::net::SocketAddr>().is_err() {
            return wrong("metrics_listen", format!("{} is no address and port, such as 127.0.0.1:9090", self.metrics_listen));
        }
        if self.call_wait_milliseconds > 60_000 {
            return wrong("call_wait_milliseconds", format!("{} is more than 60000", self.call_wait_milliseconds));
        }
        if self.stop_delay_milliseconds > 600_000 {
            return wrong("stop_delay_milliseconds", format!("{} is more than 600000", self.stop_delay_milliseconds));
        }
        for (name, days) in [
            ("retention_sessions_days", self.retention_sessions_days),
            ("retention_users_days", self.retention_users_days),
            ("feed_days", self.feed_days),
        ] {
            if !(0..=36_500).contains(&days) {
                return wrong(name, format!("{days} is not between 0 and 36500"));
            }
        }
        if !matches!(self.log_format.as_str(), "json" | "text") {
            return wrong("log_format", format!("{} is neither json nor text", self.log_format));
        }
        federation::check(&self.identity_providers, &self.login_clients, &self.public_url)
            .map_err(|(setting, sentence)| ConfigError { setting, sentence })?;
        Ok(())
    }

    /// The whole configuration as a file that gives the same settings, each with its description. Passwords are not shown.
    #[must_use]
    pub fn print(&self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        let values = Table::try_from(self).unwrap_or_default();
        for (name, help, default) in reference() {
            let value = redacted(name, values.get(name).unwrap_or(&default));
            let _ = writeln!(text, "# {help}\n# Default: {default}. Environment: SAMSYN_{}\n{name} = {value}\n", name.to_uppercase());
        }
        text
    }
}

fn require_known(table: &Table, name: &str, shown: &str) -> Result<(), ConfigError> {
    if table.contains_key(name) {
        return Ok(());
    }
    let meant = crate::kernel::text::nearest(name, table.keys().map(String::as_str));
    let sentence = match meant {
        Some(meant) => format!("there is no such setting; did you mean {meant}?"),
        None => "there is no such setting; `samsyn config print` shows all".to_owned(),
    };
    Err(ConfigError { setting: shown.to_owned(), sentence })
}

fn set(table: &mut Table, name: &str, shown: &str, text: &str) -> Result<(), ConfigError> {
    let wrong = |wanted: &str| ConfigError { setting: shown.to_owned(), sentence: format!("{text} is not {wanted}") };
    let value = match table.get(name) {
        Some(Value::Integer(_)) => Value::Integer(text.trim().parse().map_err(|_| wrong("a whole number"))?),
        Some(Value::Boolean(_)) => Value::Boolean(text.trim().parse().map_err(|_| wrong("true or false"))?),
        // Lists of plain values are separated by commas. Lists of tables are possible only in the file.
        Some(Value::Array(_)) => Value::Array(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()),
        _ => Value::String(text.to_owned()),
    };
    table.insert(name.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests;

//! The commands of the program.

mod audit;
mod changes;
mod demo;
mod demo_case;
mod doctor;
mod import;
mod keys;
mod retention;
mod serve;
mod user;

pub use serve::serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::Config,
    kernel::{Db, clock::Clock, id::Ids},
    openapi, records,
};

/// The result of a command. The error is a sentence for the user at the console.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The service with which municipalities, regions and civil society work together against segregation.
#[derive(Parser)]
#[command(name = "samsyn", version)]
struct Cli {
    #[command(flatten)]
    settings: SettingFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct SettingFlags {
    /// The configuration file. The variable `SAMSYN_CONFIG` can name it too.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on.
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// sqlite:FILE or <postgres://USER:PASSWORD@HOST/NAME>.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The address at which the service is reached from outside.
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// Any setting, by its name in `samsyn config print`.
    #[arg(long = "set", global = true, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API.
    Serve,
    /// Serve the API with an example case, in a folder of its own.
    Demo {
        /// Start over: remove everything in the demo's database.
        #[arg(long)]
        fresh: bool,
    },
    /// Migrate the database and load the reference data.
    Migrate,
    /// Print the OpenAPI document of the API.
    Openapi {
        /// In the older form, OpenAPI 3.0.3.
        #[arg(long)]
        older: bool,
    },
    /// Print the table of roles and permissions.
    Permissions,
    /// Print or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage the keys that tokens are signed with.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Manage users.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Import a file of organisations: CSV, XLSX, JSON or NDJSON.
    Import(import::ImportCommand),
    /// Verify or export the audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Manage the feed of changes.
    #[command(subcommand)]
    Changes(changes::ChangesCommand),
    /// Dispose of data that has served its purpose.
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    /// Check whether the service could run, and print what to do if not.
    Doctor,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print every setting with its description.
    Print,
    /// Check the configuration, and report its first fault.
    Check,
}

/// Runs the command of the command line.
#[must_use]
pub fn run() -> ExitCode {
    if let Err(error) = keep_memory_private() {
        eprintln!("samsyn: memory may be written to a core dump: {error}");
    }
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("samsyn: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Keeps the memory out of core dumps and away from other programs of the same user, because it has keys and passwords.
fn keep_memory_private() -> Result<(), std::io::Error> {
    use rustix::process;
    process::setrlimit(process::Resource::Core, process::Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    process::set_dumpable_behavior(process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

impl Cli {
    fn run(self) -> Outcome {
        match &self.command {
            Command::Openapi { older } => {
                let document = openapi::document(openapi::CANONICAL_URL);
                let document = if *older { openapi::older(&document) } else { document };
                println!("{}", serde_json::to_string_pretty(&document)?);
                return Ok(());
            }
            Command::Permissions => {
                print!("{}", crate::access::policy::table());
                return Ok(());
            }
            _ => {}
        }
        let settings = self.settings.pairs()?;
        let defaults = if matches!(self.command, Command::Demo { .. }) { demo::DEFAULTS } else { &[] };
        #[expect(clippy::disallowed_methods, reason = "this is the home of the environment")]
        let environment: Vec<_> = std::env::vars().collect();
        let file = self
            .settings
            .config
            .clone()
            .or_else(|| environment.iter().find(|(name, _)| name == "SAMSYN_CONFIG").map(|(_, file)| PathBuf::from(file)));
        let config = Config::load(defaults, file.as_deref(), environment.into_iter(), &settings)?;
        match self.command {
            Command::Config(ConfigCommand::Print) => print!("{}", config.print()),
            Command::Config(ConfigCommand::Check) => {
                for warning in config.warnings() {
                    eprintln!("WARNING: {warning}");
                }
                println!("The configuration is in order.");
            }
            Command::Serve => return serve::run(config),
            Command::Demo { fresh } => return demo::run(config, fresh),
            Command::Migrate => return block_on(migrate(config)),
            Command::Keys(command) => return block_on(keys::run(command, config)),
            Command::User(command) => return block_on(user::run(command, config)),
            Command::Import(command) => return block_on(import::run(command, config)),
            Command::Audit(command) => return block_on(audit::run(command, config)),
            Command::Changes(command) => return block_on(changes::run(command, config)),
            Command::Retention(command) => return block_on(retention::run(command, config)),
            Command::Doctor => return block_on(doctor::run(config)),
            Command::Openapi { .. } | Command::Permissions => {}
        }
        Ok(())
    }
}

impl SettingFlags {
    fn pairs(&self) -> Result<Vec<(String, String)>, String> {
        let mut pairs = Vec::new();
        for (name, value) in [("listen", &self.listen), ("database_url", &self.database_url), ("public_url", &self.public_url)] {
            pairs.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        for pair in &self.set {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("--set {pair}: write it as NAME=VALUE"))?;
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(pairs)
    }
}

fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    actix_web::rt::System::new().block_on(work)
}

async fn open(config: &Config, migrate: bool) -> Result<Db, Box<dyn std::error::Error>> {
    Ok(Db::open(&config.database(), records::ALL, migrate, Clock::System, Ids::Random).await?)
}

async fn migrate(config: Config) -> Outcome {
    let db = open(&config, true).await?;
    if config.reference_pack {
        crate::guidance::packs::load(&db).await?;
    }
    db.close().await;
    println!("The database is up to date.");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn abuse_107_no_core_dump_holds_what_was_in_memory() -> Result<(), std::io::Error> {
        super::keep_memory_private()?;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior()?, rustix::process::DumpableBehavior::NotDumpable);
        Ok(())
    }
}

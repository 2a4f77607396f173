use clap::Subcommand;

use super::{Outcome, open};
use crate::{config::Config, kernel::request::Call, privacy::retention::store};

#[derive(Subcommand)]
pub(super) enum RetentionCommand {
    /// Apply all rules of disposal and print the protocol, which is kept. For cron.
    Run {
        /// Count only, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(command: RetentionCommand, config: Config) -> Outcome {
    let RetentionCommand::Run { dry_run } = command;
    let db = open(&config, config.migrate_on_start).await?;
    let terms = config.retention();
    let run = db.transaction(&Call::of_installation(), async |w| store::run(dry_run, &terms, w).await).await?;
    db.close().await;
    println!("{}", serde_json::to_string_pretty(&run)?);
    Ok(())
}

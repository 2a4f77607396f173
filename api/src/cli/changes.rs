use clap::Subcommand;

use super::{Outcome, open};
use crate::{config::Config, exchange::changes};

#[derive(Subcommand)]
pub(super) enum ChangesCommand {
    /// End every cursor, so that all followers read everything again. For use after a backup has been restored.
    NewEpoch,
}

pub(super) async fn run(command: ChangesCommand, config: Config) -> Outcome {
    let db = open(&config, false).await?;
    let outcome = match command {
        ChangesCommand::NewEpoch => changes::begin_epoch(&db).await,
    };
    db.close().await;
    println!("The feed is in epoch {}. Whoever follows it is told to read everything anew.", outcome?);
    Ok(())
}

use chrono::TimeDelta;
use clap::Subcommand;

use super::{Outcome, open};
use crate::{access::Access, config::Config};

/// For how long a new key is published before it signs, so that everybody who caches the public keys has fetched it by then.
const PUBLISHED_BEFORE: TimeDelta = TimeDelta::minutes(15);

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// List the ids of the keys, and the time from which each signs.
    List,
    /// Make a new key. It is published at once and signs in a quarter of an hour. Old keys are removed when every token that they
    /// signed has expired.
    Rotate {
        /// Sign with it at once, because the present key may have been exposed.
        #[arg(long)]
        now: bool,
    },
}

pub(super) async fn run(command: KeysCommand, config: Config) -> Outcome {
    let db = open(&config, config.migrate_on_start).await?;
    let access = Access::load(config.tokens(), &db).await?;
    if let KeysCommand::Rotate { now } = command {
        let from = db.clock.now() + if now { TimeDelta::zero() } else { PUBLISHED_BEFORE };
        access.rotate(from, &db).await?;
    }
    for (id, from) in access.key_times() {
        println!("{id} signs from {}", from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    }
    db.close().await;
    Ok(())
}

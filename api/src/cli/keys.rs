use chrono::TimeDelta;
use clap::Subcommand;

use super::{Outcome, open};
use crate::{access::Access, config::Config};

/// How long a new key is shown before it signs, so that whoever keeps the public keys has seen it by then.
const SHOWN_BEFORE: TimeDelta = TimeDelta::minutes(15);

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Show the keys' ids and from when each signs.
    List,
    /// Make a new key. It is shown at once and signs in a quarter of an hour; keys that nothing valid can be signed with go.
    Rotate {
        /// Sign with it at once, when the present one may have been exposed.
        #[arg(long)]
        now: bool,
    },
}

pub(super) async fn run(command: KeysCommand, config: Config) -> Outcome {
    let db = open(&config, config.migrate_on_start).await?;
    let access = Access::load(config.tokens(), &db).await?;
    if let KeysCommand::Rotate { now } = command {
        let from = db.clock.now() + if now { TimeDelta::zero() } else { SHOWN_BEFORE };
        access.rotate(from, &db).await?;
    }
    for (id, from) in access.key_times() {
        println!("{id} signs from {}", from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    }
    db.close().await;
    Ok(())
}

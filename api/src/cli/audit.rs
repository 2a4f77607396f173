use std::io::Write;

use clap::Subcommand;

use super::{Outcome, open};
use crate::{
    access::audit::{self, Head},
    config::Config,
};

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the chain of entries, and report an entry that has been changed or removed.
    Verify {
        /// Begin at this position, and trust the entries before it.
        #[arg(long, value_name = "POSITION", default_value_t = 1)]
        from: i64,
        /// The head that an earlier verification printed, and that was noted elsewhere.
        #[arg(long, value_name = "POSITION:HASH")]
        head: Option<Head>,
    },
    /// Write every linked entry to standard output, one JSON object per line, oldest first.
    Export,
}

pub(super) async fn run(command: AuditCommand, config: Config) -> Outcome {
    let db = open(&config, false).await?;
    let outcome = match command {
        AuditCommand::Verify { from, head } => match audit::verify(from, head.as_ref(), &db).await? {
            Err(flaw) => Err(format!("the audit log is not whole: {flaw}").into()),
            Ok(chain) => {
                println!("The audit log is whole: {} entries, {} waiting to be linked.", chain.count, chain.waiting);
                println!("Note this elsewhere, and give it as --head next time:\n{}", chain.head);
                Ok(())
            }
        },
        AuditCommand::Export => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            audit::write_lines(|line| writeln!(out, "{line}"), &db).await?;
            Ok(out.flush()?)
        }
    };
    db.close().await;
    outcome
}

//! Answers that are the same for everybody and change only with a pack: kept as bytes for a while, so that reference data
//! costs no more than a constant.

use std::time::Duration;

use super::{Reply, problem::Result, reply::Stored, request::Call};

/// How long an answer is kept; so late may another instance show what a newer pack has brought.
const KEPT: Duration = Duration::from_secs(30);

/// Answers by path and parameters.
#[derive(Debug)]
pub struct Remembered(moka::sync::Cache<String, Stored>);

impl Default for Remembered {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(5_000).time_to_live(KEPT).build())
    }
}

impl Remembered {
    /// The answer that is kept for just this address, or the one that `make` gives. It must not depend on the caller.
    ///
    /// # Errors
    /// What making it ends with; that is not kept.
    pub async fn answer<T, F>(&self, call: &Call, make: F) -> Result<Reply<T>>
    where
        F: AsyncFnOnce() -> Result<Reply<T>>,
    {
        let address = format!("{} {}", call.asked.path, call.asked.parameters);
        if let Some(stored) = self.0.get(&address) {
            return Ok(Reply::stored(stored, false));
        }
        let reply = make().await?;
        self.0.insert(address, reply.stored.clone());
        Ok(reply)
    }
}

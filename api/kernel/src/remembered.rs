//! A cache of answers that are the same for all callers and change only with a pack, so that reference data costs almost nothing
//! to serve.

use std::time::Duration;

use super::{Reply, measures::Caches, problem::Result, reply::Stored, request::Call};

/// How long an answer is cached. An instance may show the content of an older pack for as long.
const KEPT: Duration = Duration::from_secs(30);

/// Cached answers by path and parameters.
#[derive(Debug)]
pub struct Remembered(moka::sync::Cache<String, Stored>);

impl Default for Remembered {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(5_000).time_to_live(KEPT).build())
    }
}

impl Remembered {
    /// Tells how much the cache holds.
    pub fn note_caches(&self, caches: &Caches) {
        caches.note("reference_data", &self.0);
    }

    /// Returns the cached answer for the path and parameters of the call, or makes one and caches it. The answer must not depend on
    /// the caller.
    ///
    /// # Errors
    /// The error of `make`, which is not cached.
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

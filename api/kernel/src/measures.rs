//! Metrics of calls, for operators. Nothing is measured unless metrics are turned on.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The upper bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    operation: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: String,
}

/// Counts calls and measures their time, by operation.
#[derive(Clone, Debug)]
pub struct Calls {
    is_on: bool,
    answered: Family<Answered, Counter>,
    took: Family<Operation, Histogram>,
}

impl Calls {
    /// Makes empty metrics. They stay empty when `is_on` is false.
    #[must_use]
    pub fn new(is_on: bool) -> Self {
        Self { is_on, answered: Family::default(), took: Family::new_with_constructor(|| Histogram::new(BOUNDS)) }
    }

    /// Counts an answer with its status and the time that it took. A call of no operation counts as `other`, so that a caller cannot
    /// create labels.
    pub fn record(&self, operation: impl FnOnce() -> Option<String>, status: u16, took: Duration) {
        if !self.is_on {
            return;
        }
        let operation = operation().unwrap_or_else(|| "other".to_owned());
        let status = match status {
            ..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.took.get_or_create(&Operation { operation: operation.clone() }).observe(took.as_secs_f64());
        self.answered.get_or_create(&Answered { operation, status }).inc();
    }

    /// Registers the metrics, so that they can be read.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("calls", "Answered calls by operation and class of status", self.answered.clone());
        registry.register_with_unit(
            "call_duration",
            "Time to the answer by operation",
            prometheus_client::registry::Unit::Seconds,
            self.took.clone(),
        );
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cache {
    cache: &'static str,
}

/// How much the caches of this process hold.
#[derive(Clone, Debug, Default)]
pub struct Caches {
    entries: Family<Cache, Gauge>,
    most: Family<Cache, Gauge>,
}

impl Caches {
    /// Notes the number of entries of a cache, and the most that it keeps.
    pub fn note<K, V>(&self, name: &'static str, cache: &moka::sync::Cache<K, V>)
    where
        K: std::hash::Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        // The cache counts what has been put in only when it tidies up.
        cache.run_pending_tasks();
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.entries.get_or_create(&Cache { cache: name }).set(number(cache.entry_count()));
        self.most.get_or_create(&Cache { cache: name }).set(number(cache.policy().max_capacity().unwrap_or(u64::MAX)));
    }

    /// Registers the metrics, so that they can be read.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("cache_entries", "Entries of a cache", self.entries.clone());
        registry.register("cache_entries_most", "The most entries that a cache keeps", self.most.clone());
    }
}

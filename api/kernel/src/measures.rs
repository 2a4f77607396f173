//! What is measured of calls, for those who look after an installation. Nothing is measured unless somebody can read it.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

/// Upper bounds in seconds.
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

/// Calls by operation: how many, how they ended, how long they took.
#[derive(Clone, Debug)]
pub struct Calls {
    on: bool,
    answered: Family<Answered, Counter>,
    took: Family<Operation, Histogram>,
}

impl Calls {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on, answered: Family::default(), took: Family::new_with_constructor(|| Histogram::new(BOUNDS)) }
    }

    /// Notes an answer. What is no operation of the API is noted as `other`, so that a caller cannot make up names.
    pub fn answered(&self, operation: impl FnOnce() -> Option<String>, status: u16, took: Duration) {
        if !self.on {
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

    /// Lets the measures be read.
    pub fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        registry.register("calls", "Answered calls by operation and class of status", self.answered.clone());
        registry.register_with_unit(
            "call_duration",
            "Time to the answer by operation",
            prometheus_client::registry::Unit::Seconds,
            self.took.clone(),
        );
    }
}

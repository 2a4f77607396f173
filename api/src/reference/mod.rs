//! Reference: what words mean. The codelists with their labels in both languages.

pub mod codelists;

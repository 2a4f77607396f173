//! Reference: the codelists, with the meaning of each code in Swedish and English.

pub mod codelists;

//! Guidance: the method itself. So far the packs of reference data that an installation starts with.

pub mod packs;

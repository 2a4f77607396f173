//! Guidance: the method itself. So far it has only the packs of reference data that an installation starts with.

pub mod packs;

//! Samsyn.
pub mod access;
pub mod geography;
pub mod kernel;
pub mod reference;
pub mod registry;

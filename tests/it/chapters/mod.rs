//! The story, one chapter for each part of the service: the chapters of the case, and those after the case is decided.

mod accounts;
pub mod assessment;
mod audit;
pub mod closing;
mod exports;
mod federation;
pub mod forum;
mod imports;
pub mod interventions;
mod merging;
pub mod numbers;
pub mod parties;
pub mod priorities;
mod privacy;
mod registry;
mod secrecy;
mod sources;
pub mod webhooks;

use crate::story::{StoryRecords, Teller};

/// The chapters after the case is decided, in order.
pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    accounts::tell(t, told);
    federation::tell(t, told);
    audit::tell(t, told);
    sources::tell(t, told);
    imports::tell(t, told);
    secrecy::tell(t, told);
    merging::tell(t, told);
    webhooks::tell(t, told);
    privacy::tell(t, told);
    exports::tell(t, told);
    registry::tell(t, told);
}

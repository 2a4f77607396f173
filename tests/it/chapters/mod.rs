//! What the story goes on with when the case is decided: a chapter for each part of the service that is not the case itself.

mod accounts;
mod audit;
mod exports;
mod federation;
mod imports;
mod merging;
mod privacy;
mod registry;
mod secrecy;
mod sources;
pub mod webhooks;

use crate::story::{Teller, Told};

/// Tells all chapters, in order.
pub fn tell(t: &mut Teller<'_>, told: &Told) {
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

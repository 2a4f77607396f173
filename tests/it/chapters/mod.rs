//! What the story goes on with when the case is decided: a chapter for each part of the service that is not the case itself.

mod accounts;
mod audit;
mod federation;
mod privacy;
mod registry;
mod secrecy;

use crate::story::{Teller, Told};

/// Tells all chapters, in order.
pub fn tell(t: &mut Teller<'_>, told: &Told) {
    accounts::tell(t, told);
    federation::tell(t, told);
    audit::tell(t, told);
    secrecy::tell(t, told);
    privacy::tell(t, told);
    registry::tell(t, told);
}

//! What the story goes on with when the case is decided: a chapter for each part of the service that is not the case itself.

mod privacy;

use crate::story::{Teller, Told};

/// Tells all chapters, in order.
pub fn tell(t: &mut Teller<'_>, told: &Told) {
    privacy::tell(t, told);
}

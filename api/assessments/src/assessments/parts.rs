//! What others are told of the parts of an assessment.

use super::Assessment;
use crate::kernel::{Id, events::Visible, record::Record, saved::Saved};

/// A part of an assessment that has been stored or removed. It is seen by those who see the assessment.
pub fn saved_part<T>(assessment: &Assessment, part: &'static Record, id: Id<T>, version: i64) -> Saved<'static> {
    Saved::new(part, id, version, visibility_of(assessment)).within([assessment.fields.area_id])
}

pub(super) fn visibility_of(assessment: &Assessment) -> Visible {
    assessment.fields.visibility.of(Some(assessment.fields.forum_id.uuid()), None)
}

//! Visibility and events of an assessment and its parts.

use super::Assessment;
use crate::kernel::{Id, events::Visible, record::Record, saved::Saved};

/// Describes a stored or removed part of an assessment, for `Write::publish`. The part has the assessment's visibility.
pub fn saved_part<T>(assessment: &Assessment, part: &'static Record, id: Id<T>, version: i64) -> Saved<'static> {
    Saved::new(part, id, version, visibility_of(assessment)).in_areas([assessment.fields.area_id])
}

pub(super) fn visibility_of(assessment: &Assessment) -> Visible {
    assessment.fields.visibility.of(Some(assessment.fields.forum_id.uuid()), None)
}

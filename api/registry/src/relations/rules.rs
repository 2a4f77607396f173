//! Rules of relations: which relations can be written, and overlapping periods.

use chrono::NaiveDate;

use super::{NewActorRelation, RelationKind};
use crate::kernel::{Fault, say, text};

/// Returns the faults of a relation that can be found without the database.
#[must_use]
pub fn faults(new: &NewActorRelation) -> Vec<Fault> {
    let mut faults: Vec<_> = text::period_fault(new.valid_from, new.valid_to).into_iter().collect();
    if new.kind == RelationKind::PartOf {
        faults.push(Fault::at_pointer(
            "/kind",
            "kept-from-parent",
            say!(
                "Att en aktör är en del av en annan sägs med parentId på aktören (PATCH /actors/{{actorId}}); relationen följer med av sig själv.",
                "That an actor is part of another is said by parentId of the actor (PATCH /actors/{{actorId}}); the relation follows by itself."
            ),
        ));
    }
    if new.actor_id == new.other_actor_id {
        faults.push(circle_fault());
    }
    faults
}

/// Returns the fault of a relation from an actor to itself, or of a succession that forms a circle.
#[must_use]
pub fn circle_fault() -> Fault {
    Fault::at_pointer(
        "/otherActorId",
        "circle",
        say!(
            "En aktör kan inte ha en relation till sig själv, och inte efterträda en aktör som har efterträtt den.",
            "An actor cannot stand in a relation to itself, nor succeed an actor that has succeeded it."
        ),
    )
}

/// A half-open period: the first day, and the first day after it. `None` means that the period is open at that end.
pub type Period = (Option<NaiveDate>, Option<NaiveDate>);

/// Whether two periods have a day in common.
#[must_use]
pub fn overlap(one: Period, other: Period) -> bool {
    let begins_before_end = |one: Period, other: Period| one.0.zip(other.1).is_none_or(|(from, to)| from < to);
    begins_before_end(one, other) && begins_before_end(other, one)
}

/// Whether a day lies in a period.
#[must_use]
pub fn holds(period: Period, day: NaiveDate) -> bool {
    period.0.is_none_or(|from| from <= day) && period.1.is_none_or(|to| day < to)
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    const FIRST: NaiveDate = NaiveDate::MIN;

    fn day(number: u64) -> NaiveDate {
        FIRST.checked_add_days(Days::new(number)).unwrap_or(FIRST)
    }

    fn period() -> impl Strategy<Value = Period> {
        let from = proptest::option::of(1_u64..10);
        (from, proptest::option::of(1_u64..6))
            .prop_map(|(from, length)| (from.map(day), length.map(|length| day(from.unwrap_or(1) + length))))
    }

    proptest! {
        /// Two periods overlap exactly when there is a day in both.
        #[test]
        fn periods_overlap_when_a_day_is_in_both(one in period(), other in period()) {
            let together = (0..20).any(|number| holds(one, day(number)) && holds(other, day(number)));
            prop_assert_eq!(overlap(one, other), together);
            prop_assert_eq!(overlap(other, one), together);
        }
    }
}

//! Withholds members that a source owns, when writing them would change who is responsible for the actor or make it look
//! like another one.

use super::super::{
    rules::{IDENTIFYING, PARENT, RESPONSIBILITY, SEAT, UnwrittenReason},
    sync::{Changing, Syncing},
};
use crate::{
    kernel::{Result, Write},
    matches::{
        MatchReason,
        rules::{self as likeness, Likeness},
    },
    registry::{
        actors::{
            NewActor,
            matching::{self, Bodies, MatchVisibility},
            rules as actor_rules, store as actors,
        },
        likenesses::store::{self as likenesses, Similarity},
    },
};

/// Withholds the parent and the seat when the caller may not decide who is responsible for the actor; sending a record must
/// not bypass that rule. A caller whose only right is a grant for the source may still change a seat that the source itself
/// wrote.
pub(super) async fn parent_and_seat(one: &mut Changing, by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    if !RESPONSIBILITY.iter().any(|member| one.plan.write.contains_key(*member)) {
        return Ok(());
    }
    let new = one.planned_fields()?;
    let mut may = true;
    for fields in [&one.actor.fields, &new] {
        match actors::may_write(by.reach, fields, Some(one.actor.id), &w.tx).await {
            Ok(()) => {}
            Err(problem) if problem.kind.status() < 500 => may = false,
            Err(problem) => return Err(problem),
        }
    }
    if may {
        return Ok(());
    }
    let Changing { plan, link, current, .. } = one;
    let wrote_seat = link.members.base.get(SEAT).is_some_and(|seat| !seat.is_null() && Some(seat) == current.get(SEAT));
    let members: &[&str] = if wrote_seat && by.reach.sources.contains(&by.source.id.uuid()) { &[PARENT] } else { &RESPONSIBILITY };
    plan.withhold(members, UnwrittenReason::NotAllowed, current);
    Ok(())
}

/// Withholds members that would make the actor look like another one that the caller knows of. As with a new record that is
/// held, a person must first decide whether they are the same.
pub(super) async fn likenesses(one: &mut Changing, by: &Syncing<'_>, w: &Write<'_>) -> Result<()> {
    if !IDENTIFYING.iter().any(|member| one.plan.write.contains_key(*member)) {
        return Ok(());
    }
    let new = one.planned_fields()?;
    let called = |actor: &NewActor| (actor_rules::name_key(&actor.name), actor.seat_area_id);
    let kept = likeness::own_identifiers(&one.actor.fields.identifiers);
    let mut numbers = likeness::own_identifiers(&new.identifiers);
    numbers.retain(|number| !kept.contains(number));
    let keys = if called(&new) == called(&one.actor.fields) { Vec::new() } else { vec![called(&new).0] };
    let owners = matching::owners(&numbers, &w.tx).await?;
    let named = matching::by_name_key(&keys, &w.tx).await?;
    let taken = if matching::needs_body_check(&new, Some(&one.actor.fields)) {
        Bodies::load(&w.tx).await?.resembled_by(Some(one.actor.id), &new, Some(&one.actor.fields))
    } else {
        Vec::new()
    };
    let known = owners.values().flatten().copied().chain(named.values().flatten().map(|one| one.actor_id)).chain(taken.iter().copied());
    let telling = MatchVisibility::load(known, by.sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
    let tells_number = |actor| telling.allows(MatchReason::SameIdentifier, actor);
    let mut like = likeness::candidates(&new.identifiers, &called(&new).0, new.seat_area_id, &owners, &named, tells_number);
    like.retain(|like| like.actor_id != one.actor.id);
    likeness::add_bodies(&mut like, &taken);
    let told = like.into_iter().filter_map(|like| like.for_caller(&telling));
    let alike = |like: Likeness| Similarity { same_identifier: like.same_identifier, same_name: like.same_name };
    let mut told: Vec<_> = told.map(|like| (like.actor_id, alike(like))).collect();
    let apart = likenesses::dismissed_among(one.actor.id, &told, &w.tx).await?;
    told.retain(|(other, _)| !apart.contains(other));
    let Changing { plan, current, .. } = one;
    if told.iter().any(|(_, alike)| alike.same_name) {
        plan.withhold(&["name", "otherNames", "formerNames", "kind", SEAT], UnwrittenReason::LooksLikeAnother, current);
    }
    if told.iter().any(|(_, alike)| alike.same_identifier) {
        plan.withhold(&["identifiers"], UnwrittenReason::LooksLikeAnother, current);
    }
    likenesses::store_withheld(one.actor.id, told, w).await
}

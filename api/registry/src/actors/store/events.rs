//! What the feed and the history record of a change of an actor.

use super::KIND;
use crate::{
    access::Visibility,
    actors::{Actor, NewActor},
    geography::areas::AreaId,
    kernel::{
        events::{Change, ChangeOperation, Visible},
        history::Version,
    },
};

/// Returns the feed entry of a change of an actor. `before` is the actor before the change.
pub(super) fn change_event(actor: &Actor, before: Option<&Actor>, op: ChangeOperation) -> Change {
    Change::new(KIND, actor.id.uuid(), op, actor.version, visible(actor))
        .in_areas(before.into_iter().chain([actor]).flat_map(|actor| areas_of(&actor.fields)))
        .visible_before(before.map(|before| visible_before(before, actor)))
}

/// Returns who could see an actor before a change. With the visibility `actor` the users of its former parent could see it too.
fn visible_before(before: &Actor, actor: &Actor) -> Visible {
    match before.fields.parent_id.filter(|parent| actor.fields.parent_id != Some(*parent)) {
        Some(parent) if before.fields.visibility == Visibility::Actor => Visibility::Actor.of(None, Some(parent.uuid())),
        _ => visible(before),
    }
}

/// Returns the version of an actor that this write made, for the history. The actor itself has its members.
pub(super) fn present_version(actor: &Actor) -> Version<'_, NewActor> {
    Version { body: None, ..history_version(actor, ChangeOperation::Upsert, false) }
}

/// Returns a version of an actor for the history. With `earlier` it is a version that existed before this write.
pub(in crate::actors) fn history_version(actor: &Actor, op: ChangeOperation, earlier: bool) -> Version<'_, NewActor> {
    let since = earlier.then_some(actor.updated_at);
    Version { kind: KIND, id: actor.id.uuid(), version: actor.version, op, since, visible: visible(actor), body: Some(&actor.fields) }
}

fn visible(actor: &Actor) -> Visible {
    actor.fields.visibility.of(None, Some(actor.id.uuid()))
}

/// Returns the areas that an actor concerns: the seat and the areas served.
pub(super) fn areas_of(actor: &NewActor) -> impl Iterator<Item = AreaId> {
    actor.seat_area_id.into_iter().chain(actor.areas_served.iter().copied())
}

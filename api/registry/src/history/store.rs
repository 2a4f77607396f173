//! Queries of versions of records, each with its own visibility.

use sea_orm::{EntityTrait, QueryOrder, entity::prelude::*};
use serde_json::Value;

use super::{
    rules,
    types::{MemberChange, VersionEntry},
};
use crate::{
    access::{Sight, Visibility},
    actors::matching,
    kernel::{
        Db, Page, Paging, Result,
        history::{Column, Entity, Model},
        page::Key,
        request::Call,
    },
};

/// Selects the versions of a record that the caller can see according to the visibility of each version.
fn find_visible(sight: &Sight, record: Uuid) -> Select<Entity> {
    let visible = sight.rows(Column::Visibility, Some(Column::ForumId.into_expr()), Some(Column::ActorId.into_expr()));
    Entity::find().filter(Column::EntityId.eq(record)).filter(visible)
}

/// Returns a page of versions, newest first. The changes of each are those from the nearest earlier version that the caller can see.
pub(super) async fn list(sight: &Sight, record: Uuid, paging: &Paging, call: &Call, db: &Db) -> Result<Page<VersionEntry>> {
    let keys = vec![Key::column(Column::Version, |row: &Model| row.version.into()).reversed(true)];
    let mut page = paging.fetch(find_visible(sight, record), keys, call, db).await?;
    for row in page.items.iter_mut().filter(|row| row.body.is_none()) {
        row.body = Some(present_body(row, db).await?);
    }
    let mut earlier: Vec<Option<Value>> = page.items.iter().skip(1).map(|row| row.body.clone()).collect();
    if let Some(last) = page.items.last() {
        let before = find_visible(sight, record).filter(Column::Version.lt(last.version)).order_by_desc(Column::Version);
        earlier.push(before.one(db.reader()).await?.and_then(|row| row.body));
    }
    let mut earlier = earlier.into_iter();
    Ok(page.map(|row| view(row, earlier.next().flatten().as_ref(), sight, call)))
}

/// Returns the members of the version that an actor had when the version was read. When the actor has been changed since, its history
/// has them.
async fn present_body(row: &Model, db: &Db) -> Result<Value> {
    let actor = matching::by_ids(&[row.entity_id.into()], db.reader()).await?.remove(&row.entity_id.into());
    if let Some(actor) = actor.filter(|actor| actor.version == row.version) {
        return Ok(serde_json::to_value(&actor.fields)?);
    }
    let changed = Entity::find_by_id((row.entity_id, row.version)).one(db.reader()).await?;
    Ok(changed.and_then(|row| row.body).unwrap_or_default())
}

fn view(row: Model, before: Option<&Value>, sight: &Sight, call: &Call) -> VersionEntry {
    let secrecy = call.asked.secrecy.as_ref();
    let hidden = secrecy.map(|secrecy| secrecy.hidden(row.entity_id)).unwrap_or_default();
    // The former names are the values of `name` in earlier versions, so hiding them hides `name` too.
    let ground_of = |member: &str| hidden.get(member).or_else(|| hidden.get("formerNames").filter(|_| member == "name"));
    let changes = rules::differences(before, row.body.as_ref().unwrap_or(&Value::Null)).into_iter().map(|(member, before, after)| {
        let ground = ground_of(&member).map(|mark| mark.ground.clone());
        let shown = |value: Value| Some(value).filter(|value| ground.is_none() && !value.is_null());
        MemberChange { before: shown(before), after: shown(after), ground, member }
    });
    let own = Visibility::named(&row.visibility) == Visibility::Actor;
    VersionEntry {
        version: row.version,
        changed_at: row.changed_at,
        // Only signed-in callers learn which user works where, as in the feed.
        changed_by: row.changed_by.filter(|_| (sight.signed_in || sight.all) && !own),
        op: row.op,
        changes: changes.collect(),
    }
}

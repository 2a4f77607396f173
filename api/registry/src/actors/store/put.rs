//! Stores actors. All writes go through [`put_many`], which stores new actors in a few statements however many they are.

use sea_orm::{ActiveValue::Set, EntityTrait, QueryFilter, entity::prelude::*, sea_query::Expr};

use super::{
    KIND,
    drafts::{Admitted, Draft, Lookups, Number, QUERY_SIZE},
    events::{change_event, history_version, present_version},
    hanging, view, with_identifier,
};
use crate::{
    access::Sight,
    actors::{Actor, ActorId, NewActor, rules, table},
    kernel::{
        Problem, Result, Write,
        events::ChangeOperation,
        history::{self},
        search, text,
    },
    likenesses::store as likenesses,
    relations::store::{self as relations, ParentChange},
};

/// The number of actors that one statement inserts. `SQLite` takes at most 32,766 values in a statement.
const INSERT_SIZE: usize = 500;

/// Registers an actor.
///
/// # Errors
/// When the fields are invalid (422, with all faults), or the caller can see that another actor has one of its numbers (409).
pub async fn insert(new: NewActor, sight: &Sight, w: &Write<'_>) -> Result<Actor> {
    put_one(Draft { id: w.new_id(), before: None, fields: new }, sight, w).await
}

/// Changes an actor.
///
/// # Errors
/// As [`insert`], and when somebody else has changed the actor first (412).
pub async fn update(actor: &Actor, new: NewActor, sight: &Sight, w: &Write<'_>) -> Result<Actor> {
    put_one(Draft { id: actor.id, before: Some(actor.clone()), fields: new }, sight, w).await
}

async fn put_one(draft: Draft, sight: &Sight, w: &Write<'_>) -> Result<Actor> {
    put_many(vec![draft], sight, w).await?.pop().unwrap_or_else(|| Err(Problem::not_found()))
}

/// Checks and stores many actors. Returns one outcome per draft, in their order: the stored actor, or the reason why it was
/// refused. A refused draft does not affect the others. A draft may name an earlier draft of the call as its parent. Of two drafts
/// with the same own number the later is refused. An unchanged actor is not written. The permission of the caller is not checked.
///
/// A number counts as free when the actor that has it, or its identifiers, are hidden from the caller. Then both actors have the
/// number, and a likeness tells those who can see both (`registry::likenesses`). The same holds for names.
///
/// # Errors
/// When the database does not answer.
pub async fn put_many(drafts: Vec<Draft>, sight: &Sight, w: &Write<'_>) -> Result<Vec<Result<Actor>>> {
    let mut known = Lookups::load(&drafts, sight, w).await?;
    let mut outcomes = Vec::with_capacity(drafts.len());
    let mut admitted = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        outcomes.push(match known.admit(at, draft, w) {
            Ok(Admitted { before: Some(before), actor, .. }) if before.fields == actor.fields => Ok(before),
            Ok(draft) => {
                let actor = draft.actor.clone();
                admitted.push(draft);
                Ok(actor)
            }
            Err(problem) => Err(problem),
        });
    }
    for (at, problem) in write_rows(&mut admitted, w).await? {
        outcomes[at] = Err(problem);
    }
    write_areas(&admitted, w).await?;
    write_identifiers(&admitted, w).await?;
    let new_words =
        |draft: &&Admitted| draft.before.as_ref().is_none_or(|before| search_text(&before.fields) != search_text(&draft.actor.fields));
    let words: Vec<_> = admitted.iter().filter(new_words).map(|draft| (draft.actor.id, search_text(&draft.actor.fields))).collect();
    search::put_many(KIND, &words, w).await?;
    let mut versions = Vec::with_capacity(admitted.len());
    let mut moved = Vec::new();
    for Admitted { before, actor, .. } in &admitted {
        if actor.fields.parent_id != before.as_ref().and_then(|before| before.fields.parent_id) {
            // The users of an actor also have rights over its administrations.
            w.access_changed();
            moved.push(ParentChange { actor, before: before.as_ref() });
        }
        // The version before gets its body now that the actor has other members.
        versions.extend(before.iter().map(|before| history_version(before, ChangeOperation::Upsert, true)));
        versions.push(present_version(actor));
        w.record(change_event(actor, before.as_ref(), ChangeOperation::Upsert));
        if let Some(before) = before {
            hanging::announce_visibility(before, actor, w).await?;
        }
    }
    history::insert(&versions, w)?;
    relations::update_part_of(&moved, w).await?;
    let stored: Vec<_> = admitted.iter().map(|Admitted { before, actor, .. }| (actor, before.as_ref())).collect();
    likenesses::find_and_store(&stored, &known.taken, w).await?;
    Ok(outcomes)
}

/// Stores an actor of a pack of reference data: registers it when it is new, and updates it when nobody has changed it since
/// the pack was loaded. `scheme` and `code` are the identifier by which the actor is found again.
///
/// # Errors
/// When the database does not answer.
pub async fn put_from_pack(pack: &str, scheme: &str, code: &str, new: NewActor, w: &Write<'_>) -> Result<()> {
    let present = table::Entity::find()
        .filter(table::Column::Pack.eq(pack))
        .filter(table::Column::Id.in_subquery(with_identifier(&format!("{scheme}:{code}"))))
        .one(&w.tx)
        .await?;
    let actor = match present {
        None => insert(new, &Sight::of_installation(), w).await?,
        Some(row) if row.pack_version == Some(row.version) && row.deleted_at.is_none() => {
            let before = view(row)?;
            let new = NewActor { sector: before.fields.sector, former_names: before.fields.former_names.clone(), ..new };
            if new == before.fields {
                return Ok(());
            }
            update(&before, new, &Sight::of_installation(), w).await?
        }
        Some(_) => return Ok(()),
    };
    table::Entity::update_many()
        .set(table::ActiveModel { pack: Set(Some(pack.to_owned())), pack_version: Set(Some(actor.version)), ..Default::default() })
        .filter(table::Column::Id.eq(actor.id))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// Returns the text of an actor that `q` searches in.
pub(in crate::actors) fn search_text(actor: &NewActor) -> String {
    let mut texts = vec![actor.name.as_str(), actor.focus.as_deref().unwrap_or_default()];
    texts.extend(actor.other_names.iter().map(String::as_str));
    texts.extend(actor.former_names.iter().map(|former| former.name.as_str()));
    texts.extend(actor.identifiers.iter().map(|identifier| identifier.value.as_str()));
    texts.join(" ")
}

/// Marks an actor's own numbers as claimed: another actor has them already, and the writer could not see that.
pub(in crate::actors) async fn mark_claimed(actor: ActorId, numbers: &[Number], w: &Write<'_>) -> Result<()> {
    for (scheme, value) in numbers {
        table::identifier::Entity::update_many()
            .set(table::identifier::ActiveModel { claimed: Set(true), ..Default::default() })
            .filter(table::identifier::Column::ActorId.eq(actor))
            .filter(table::identifier::Column::Scheme.eq(scheme.as_str()))
            .filter(table::identifier::Column::Value.eq(value.as_str()))
            .exec(&w.tx)
            .await?;
    }
    Ok(())
}

/// Returns the row of an actor. Of a changed actor it has the columns that change, beside the id, the version and the time, because the
/// database writes the indexes of all columns that are set.
fn row(Admitted { before, actor, municipality, .. }: &Admitted) -> Result<table::ActiveModel> {
    let (fields, before) = (&actor.fields, before.as_ref().map(|before| &before.fields));
    let is_other = |differs: fn(&NewActor, &NewActor) -> bool| before.is_none_or(|before| differs(before, fields));
    let mut row = table::ActiveModel {
        id: Set(actor.id),
        version: Set(actor.version),
        updated_at: Set(actor.updated_at),
        municipality_code: municipality.clone(),
        ..Default::default()
    };
    if before.is_none() {
        row.created_at = Set(actor.created_at);
    }
    if is_other(|before, now| (before.kind, before.sector) != (now.kind, now.sector)) {
        row.kind = Set(fields.kind);
        row.sector = Set(fields.sector.unwrap_or_else(|| rules::usual_sector(fields.kind)));
    }
    if is_other(|before, now| before.name != now.name) {
        row.name_sort = Set(text::sort_key(&fields.name));
        row.name_key = Set(rules::name_key(&fields.name));
        row.name = Set(fields.name.clone());
    }
    if is_other(|before, now| before.parent_id != now.parent_id) {
        row.parent_id = Set(fields.parent_id);
    }
    if is_other(|before, now| (before.seat_area_id, &before.areas_served) != (now.seat_area_id, &now.areas_served)) {
        row.seat_area_id = Set(fields.seat_area_id);
        row.areas_served = Set(fields.areas_served.clone().into());
    }
    let details = table::Details::of(fields);
    if before.is_none_or(|before| table::Details::of(before) != details) {
        row.details = Set(details.column()?);
    }
    if is_other(|before, now| (before.founded, before.dissolved) != (now.founded, now.dissolved)) {
        row.founded = Set(fields.founded);
        row.dissolved = Set(fields.dissolved);
    }
    if is_other(|before, now| (before.status, before.visibility) != (now.status, now.visibility)) {
        row.status = Set(fields.status);
        row.visibility = Set(fields.visibility);
    }
    Ok(row)
}

/// Writes the rows of the actors. Actors that somebody else has changed first are taken out of `admitted`, and returned as a
/// problem (412) with the index of the draft.
async fn write_rows(admitted: &mut Vec<Admitted>, w: &Write<'_>) -> Result<Vec<(usize, Problem)>> {
    let changed = admitted.iter().filter(|draft| draft.before.is_some()).map(row);
    let updated = w.replace_all::<table::Entity>(changed.collect::<Result<_>>()?).await?;
    let mut late: Vec<(usize, Problem)> = Vec::new();
    admitted.retain(|Admitted { at, before, actor, .. }| {
        let Some(before) = before.as_ref().filter(|_| !updated.contains(&actor.id.uuid())) else { return true };
        late.push((*at, w.call.overtaken(before.version)));
        false
    });
    let new = admitted.iter().filter(|draft| draft.before.is_none()).map(row);
    let new = new.collect::<Result<Vec<_>>>()?;
    for rows in new.chunks(INSERT_SIZE) {
        w.tx.insert_later::<table::Entity>(rows.to_vec());
    }
    Ok(late)
}

async fn write_areas(admitted: &[Admitted], w: &Write<'_>) -> Result<()> {
    let other =
        |draft: &&Admitted| draft.before.as_ref().is_none_or(|before| before.fields.areas_served != draft.actor.fields.areas_served);
    let (mut old, mut rows) = (Vec::new(), Vec::new());
    for Admitted { before, actor, .. } in admitted.iter().filter(other) {
        old.extend(before.as_ref().map(|_| actor.id));
        let areas = actor.fields.areas_served.iter();
        rows.extend(areas.map(|area| table::served::ActiveModel { actor_id: Set(actor.id), area_id: Set(*area) }));
    }
    for old in old.chunks(QUERY_SIZE) {
        table::served::Entity::delete_many().filter(is_any_of(table::served::Column::ActorId, old)).exec(&w.tx).await?;
    }
    for rows in rows.chunks(QUERY_SIZE) {
        w.tx.insert_later::<table::served::Entity>(rows.to_vec());
    }
    Ok(())
}

async fn write_identifiers(admitted: &[Admitted], w: &Write<'_>) -> Result<()> {
    let other = |draft: &&Admitted| draft.before.as_ref().is_none_or(|before| before.fields.identifiers != draft.actor.fields.identifiers);
    let (mut old, mut rows) = (Vec::new(), Vec::new());
    for Admitted { before, actor, claimed, .. } in admitted.iter().filter(other) {
        old.extend(before.as_ref().map(|_| actor.id));
        rows.extend(actor.fields.identifiers.iter().map(|identifier| table::identifier::ActiveModel {
            id: Set(w.new_id()),
            actor_id: Set(actor.id),
            scheme: Set(identifier.scheme.clone()),
            value: Set(identifier.value.clone()),
            scope: Set(identifier.scope),
            live: Set(true),
            claimed: Set(claimed.iter().any(|(scheme, value)| *scheme == identifier.scheme && *value == identifier.value)),
        }));
    }
    // Delete all old numbers before inserting new ones, since a number may move from one actor to another.
    for old in old.chunks(QUERY_SIZE) {
        table::identifier::Entity::delete_many().filter(is_any_of(table::identifier::Column::ActorId, old)).exec(&w.tx).await?;
    }
    for rows in rows.chunks(QUERY_SIZE / 2) {
        w.tx.insert_later::<table::identifier::Entity>(rows.to_vec());
    }
    Ok(())
}

fn is_any_of(column: impl ColumnTrait, actors: &[ActorId]) -> Expr {
    column.is_in(actors.iter().copied())
}

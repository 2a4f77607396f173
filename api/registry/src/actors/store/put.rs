//! Stores actors. All writes go through [`put_many`], which stores new actors in a few statements however many they are.

use sea_orm::{
    ActiveValue::{self, Set},
    EntityTrait, QueryFilter,
    entity::prelude::*,
    sea_query::Expr,
};

use super::{
    KIND,
    drafts::{Admitted, Draft, Lookups, Number, QUERY_SIZE},
    events::{change_event, history_version},
    hanging, view, with_identifier,
};
use crate::{
    access::Sight,
    actors::{Actor, ActorId, NewActor, rules, table},
    kernel::{
        Problem, Result, Write,
        events::ChangeOperation,
        history::{self},
        problem::Kind,
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
        // An actor that is older than the history gets its earlier version stored too.
        versions.extend(before.iter().map(|before| history_version(before, ChangeOperation::Upsert, true)));
        versions.push(history_version(actor, ChangeOperation::Upsert, false));
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

fn row(actor: &Actor, municipality: &ActiveValue<Option<String>>) -> Result<table::ActiveModel> {
    let fields = &actor.fields;
    Ok(table::ActiveModel {
        id: Set(actor.id),
        version: Set(actor.version),
        created_at: Set(actor.created_at),
        updated_at: Set(actor.updated_at),
        kind: Set(fields.kind),
        sector: Set(fields.sector.unwrap_or_else(|| rules::usual_sector(fields.kind))),
        name_sort: Set(text::sort_key(&fields.name)),
        name_key: Set(rules::name_key(&fields.name)),
        name: Set(fields.name.clone()),
        parent_id: Set(fields.parent_id),
        municipality_code: municipality.clone(),
        seat_area_id: Set(fields.seat_area_id),
        areas_served: Set(fields.areas_served.clone().into()),
        details: Set(table::Details::of(fields).column()?),
        founded: Set(fields.founded),
        dissolved: Set(fields.dissolved),
        status: Set(fields.status),
        visibility: Set(fields.visibility),
        pack: sea_orm::NotSet,
        pack_version: sea_orm::NotSet,
        deleted_at: sea_orm::NotSet,
        merged_into: sea_orm::NotSet,
    })
}

/// Writes the rows of the actors. Actors that somebody else has changed first are taken out of `admitted`, and returned as a
/// problem (412) with the index of the draft.
async fn write_rows(admitted: &mut Vec<Admitted>, w: &Write<'_>) -> Result<Vec<(usize, Problem)>> {
    let mut late: Vec<(usize, Problem)> = Vec::new();
    for Admitted { at, before, actor, municipality, .. } in admitted.iter() {
        let Some(before) = before else { continue };
        let row = row(actor, municipality)?;
        match w.replace::<table::Entity>(row, table::Column::Id.eq(actor.id), table::Column::Version, before.version).await {
            Ok(()) => {}
            Err(problem) if problem.kind == Kind::PreconditionFailed => late.push((*at, problem)),
            Err(problem) => return Err(problem),
        }
    }
    admitted.retain(|draft| late.iter().all(|(at, _)| *at != draft.at));
    let new = admitted.iter().filter(|draft| draft.before.is_none()).map(|draft| row(&draft.actor, &draft.municipality));
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

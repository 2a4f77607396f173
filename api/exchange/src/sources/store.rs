//! All SQL of sources, and the checks of who may see, write and synchronise them.

use std::collections::HashMap;

use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, ExprTrait, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query, SimpleExpr},
};

use super::{NewSource, RECORD, Source, SourceId, rules, table};
use crate::{
    access::{Reach, Sight, Visibility},
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::Visible,
        page::Key,
        record::{self, Owner},
        request::Call,
        saved::Saved,
        say, text,
    },
    registry::actors::{ActorId, matching, store as actors},
};

fn view(row: table::Model) -> Source {
    Source {
        id: row.id,
        version: row.version,
        fields: NewSource { actor_id: row.actor_id, name: row.name, id_scheme: row.id_scheme, owned_fields: row.owned_fields.0 },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Selects the sources that the caller may see: those of actors that the caller may see, and for signed-in callers also
/// those of the installation itself.
fn find_visible(sight: &Sight) -> Select<table::Entity> {
    let own = table::Column::ActorId.is_null().and(Expr::val(sight.all || sight.signed_in));
    table::Entity::find().filter(actors::is_visible(sight, table::Column::ActorId).or(own))
}

/// Checks that the caller may write a source of this actor: the caller must be able to write the actor, or hold the
/// permission everywhere when there is no actor.
pub(super) async fn may_write(sight: &Sight, reach: &Reach, actor: Option<ActorId>, db: &impl ConnectionTrait) -> Result<()> {
    match actor {
        Some(actor) => actors::may_write_records_of(sight, reach, actor, db).await,
        None if reach.everywhere => Ok(()),
        None => Err(reach.missing()),
    }
}

/// Checks that the caller may send and read the records of a source: the caller has a grant for the source, or may write
/// it.
pub(crate) async fn may_sync(sight: &Sight, reach: &Reach, source: &Source, db: &impl ConnectionTrait) -> Result<()> {
    if reach.sources.contains(&source.id.uuid()) { Ok(()) } else { may_write(sight, reach, source.fields.actor_id, db).await }
}

/// Returns a source whose records the caller may send and read. A caller with a grant for the source finds it even when the
/// caller cannot see its actor, as long as the actor exists.
pub(crate) async fn find_for_sync(sight: &Sight, reach: &Reach, id: SourceId, db: &impl ConnectionTrait) -> Result<Source> {
    if reach.sources.contains(&id.uuid()) {
        let living = table::Column::ActorId.is_null().or(actors::is_not_removed(table::Column::ActorId));
        return table::Entity::find_by_id(id).filter(living).one(db).await?.map(view).ok_or_else(Problem::not_found);
    }
    let source = find(sight, id, db).await?;
    may_sync(sight, reach, &source, db).await?;
    Ok(source)
}

/// Returns a source without checking the caller's rights.
pub(crate) async fn by_id(id: SourceId, db: &impl ConnectionTrait) -> Result<Source> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Returns the source with this name that belongs to the installation itself.
pub(crate) async fn own_by_name(name: &str, db: &impl ConnectionTrait) -> Result<Option<Source>> {
    let select = table::Entity::find().filter(table::Column::ActorId.is_null()).filter(table::Column::Name.eq(name));
    Ok(select.one(db).await?.map(view))
}

/// Returns sources by their ids, without checking the caller's rights.
pub(crate) async fn by_ids(ids: &[SourceId], db: &impl ConnectionTrait) -> Result<HashMap<SourceId, Source>> {
    let rows = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, view(row))).collect())
}

/// Locks a source until the end of the transaction, so that only one synchronisation of it runs at a time.
pub(crate) async fn lock(id: SourceId, w: &Write<'_>) -> Result<()> {
    table::Entity::find_by_id(id).lock_exclusive().one(&w.tx).await?.map(drop).ok_or_else(Problem::not_found)
}

/// Returns the SQL condition that the caller may send and read the records of the source that a column names.
pub(crate) fn reach_condition(sight: &Sight, reach: &Reach, source: impl ColumnTrait) -> SimpleExpr {
    let mut reached = Condition::any().add(table::Column::Id.is_in(reach.sources.iter().copied())).add(matching::is_within_reach(
        sight,
        reach,
        table::Column::ActorId,
    ));
    if reach.everywhere {
        reached = reached.add(table::Column::ActorId.is_null());
    }
    let found = Query::select()
        .column((table::Entity, table::Column::Id))
        .from(table::Entity)
        .and_where(Expr::col((table::Entity, table::Column::Id)).eq(Expr::col(source.as_column_ref())))
        .cond_where(reached)
        .take();
    Expr::SubQuery(None, Box::new(found.into())).is_not_null()
}

/// Returns a page of the sources that the caller may see.
pub(super) async fn list(sight: &Sight, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Source>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(find_visible(sight), keys, call, db).await?.map(view))
}

/// Returns one source that the caller may see.
pub(super) async fn find(sight: &Sight, id: SourceId, db: &impl ConnectionTrait) -> Result<Source> {
    find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

async fn check(source: &NewSource, but: Option<SourceId>, w: &Write<'_>) -> Result<()> {
    let mut faults = rules::owned_faults(&source.owned_fields);
    faults.extend(text::nameless_fault("/name", &source.name));
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let taken = table::Entity::find()
        .filter(match source.actor_id {
            Some(actor) => table::Column::ActorId.eq(actor),
            None => table::Column::ActorId.is_null(),
        })
        .filter(table::Column::Name.eq(source.name.as_str()))
        .one(&w.tx)
        .await?
        .filter(|taken| Some(taken.id) != but);
    match taken {
        None => Ok(()),
        Some(taken) => {
            Err(Problem::conflict(say!("Det finns redan en källa med det namnet där.", "There is a source of that name already."))
                .with_record("/sources", taken.id))
        }
    }
}

/// Stores a new source.
pub(crate) async fn insert(new: &NewSource, w: &Write<'_>) -> Result<Source> {
    check(new, None, w).await?;
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        actor_id: new.actor_id,
        name: new.name.clone(),
        id_scheme: new.id_scheme.clone(),
        owned_fields: new.owned_fields.clone().into(),
    };
    w.put::<table::Entity>(row.clone(), None).await?;
    publish(&row, None, w).await?;
    Ok(view(row))
}

/// Changes a source.
pub(super) async fn update(source: &Source, new: NewSource, w: &Write<'_>) -> Result<Source> {
    lock(source.id, w).await?;
    let moves = new.actor_id != source.fields.actor_id;
    if moves && has_records(source.id, &w.tx).await? {
        return Err(Problem::conflict(say!(
            "Källan har redan poster och kan inte byta aktör. Registrera en ny källa för den andra aktören.",
            "The source has records already and cannot change its actor. Register a new source for the other actor."
        ))
        .with_path(format!("/sources/{}/actors", source.id)));
    }
    check(&new, Some(source.id), w).await?;
    let row = table::Model {
        id: source.id,
        version: source.version + 1,
        created_at: source.created_at,
        updated_at: w.now,
        actor_id: new.actor_id,
        name: new.name,
        id_scheme: new.id_scheme,
        owned_fields: new.owned_fields.into(),
    };
    w.put::<table::Entity>(row.clone(), Some(source.version)).await?;
    publish(&row, Some(source), w).await?;
    Ok(view(row))
}

/// Returns whether any record belongs to the source, according to the declarations of the kinds of record.
async fn has_records(source: SourceId, db: &impl ConnectionTrait) -> Result<bool> {
    for record in record::all() {
        let Owner::Source(column) = record.owner else { continue };
        let any = Query::select().column("id").from(record.table).and_where(Expr::col(column).eq(source)).limit(1).take();
        if db.query_one(&any).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Publishes the change in the feed, also to callers who could see the source before and no longer can.
async fn publish(row: &table::Model, was: Option<&Source>, w: &Write<'_>) -> Result<()> {
    let visible = visibility_of(row.actor_id, w).await?;
    let was = match was {
        Some(was) if was.fields.actor_id != row.actor_id => Some(visibility_of(was.fields.actor_id, w).await?),
        _ => None,
    };
    w.publish(Saved::new(&RECORD, row.id, row.version, visible).visible_before(was)).await
}

/// Returns who may see a source: signed-in callers who may see its actor.
async fn visibility_of(actor: Option<ActorId>, w: &Write<'_>) -> Result<Visible> {
    let seen = match actor {
        Some(actor) => actors::find(&Sight::of_installation(), actor, &w.tx).await?.fields.visibility,
        None => Visibility::Members,
    };
    let seen = if seen == Visibility::Public { Visibility::Members } else { seen };
    Ok(seen.of(None, actor.map(ActorId::uuid)))
}

use sea_orm::{EntityTrait, IntoActiveModel, entity::prelude::*};

use super::{Source, SourceId, api::NewSource, table};
use crate::{
    access::{Sight, Visibility},
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        say,
    },
    registry::actors::store as actors,
};

fn view(row: table::Model) -> Source {
    Source {
        id: row.id,
        version: row.version,
        fields: NewSource { actor_id: row.actor_id, name: row.name, id_scheme: row.id_scheme },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The sources of actors that may be seen.
fn seen(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::ActorId.in_subquery(actors::seen_ids(sight)))
}

/// A page of sources.
pub(super) async fn list(sight: &Sight, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Source>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(seen(sight), keys, call, db).await?.map(view))
}

/// One source that may be seen.
pub(super) async fn find(sight: &Sight, id: SourceId, db: &impl ConnectionTrait) -> Result<Source> {
    seen(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

async fn free(source: &NewSource, but: Option<SourceId>, w: &Write<'_>) -> Result<()> {
    let taken = table::Entity::find()
        .filter(table::Column::ActorId.eq(source.actor_id))
        .filter(table::Column::Name.eq(source.name.as_str()))
        .one(&w.tx)
        .await?
        .filter(|taken| Some(taken.id) != but);
    match taken {
        None => Ok(()),
        Some(taken) => {
            Err(Problem::conflict(say!("Aktören har redan en källa med det namnet.", "The actor has a source of that name already."))
                .with(format!("/sources/{}", taken.id)))
        }
    }
}

/// Registers a source.
pub(super) async fn insert(new: &NewSource, w: &Write<'_>) -> Result<Source> {
    free(new, None, w).await?;
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        actor_id: new.actor_id,
        name: new.name.clone(),
        id_scheme: new.id_scheme.clone(),
    };
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    record(&row, w).await?;
    Ok(view(row))
}

/// Changes a source.
pub(super) async fn update(source: &Source, new: NewSource, w: &Write<'_>) -> Result<Source> {
    free(&new, Some(source.id), w).await?;
    let row = table::Model {
        id: source.id,
        version: source.version + 1,
        created_at: source.created_at,
        updated_at: w.now,
        actor_id: new.actor_id,
        name: new.name,
        id_scheme: new.id_scheme,
    };
    let change = row.clone().into_active_model().reset_all();
    w.replace::<table::Entity>(change, table::Column::Id.eq(row.id), table::Column::Version, source.version).await?;
    record(&row, w).await?;
    Ok(view(row))
}

/// Tells the feed. A source is for those who are signed in and may see its actor.
async fn record(row: &table::Model, w: &Write<'_>) -> Result<()> {
    let actor = actors::find(&Sight::of_installation(), row.actor_id, &w.tx).await?;
    let seen = if actor.fields.visibility == Visibility::Public { Visibility::Members } else { actor.fields.visibility };
    let visible = seen.of(None, Some(row.actor_id.uuid()));
    w.record(Change::new("source", row.id.uuid(), ChangeOperation::Upsert, row.version, visible));
    Ok(())
}

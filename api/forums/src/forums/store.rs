//! Queries and writes of forums, with the index of their areas.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    Forum, ForumId, NewForum, RECORD,
    rules::{self, Operation},
    table,
    types::ForumFilter,
};
use crate::{
    access::{Caller, Reach, Sight, Visibility, policy::Permission},
    geography::areas::{AreaId, store as areas},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write, events::Visible, page::Key, problem::Kind, request::Call, saved::Saved, say,
        search::Search, text,
    },
};

fn view(row: table::Model) -> Forum {
    Forum {
        id: row.id,
        version: row.version,
        fields: NewForum {
            kind: row.kind,
            level: row.level,
            name: row.name,
            areas: row.areas.0,
            purpose: row.purpose,
            mandate_text: row.mandate_text,
            meeting_rhythm: row.meeting_rhythm,
            complements_line_organisation: row.complements_line_organisation,
            status: row.status,
            visibility: row.visibility,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    // The users of an invited actor can see the forum itself, but not yet the records in it.
    let mut sight = sight.clone();
    sight.forums.append(&mut sight.invited);
    table::Entity::find().filter(table::Column::DeletedAt.is_null()).filter(sight.rows(
        table::Column::Visibility,
        Some(table::Column::Id.into_expr()),
        None,
    ))
}

pub(super) async fn list(sight: &Sight, filter: &ForumFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Forum>> {
    let in_area = |area| Query::select().column("forum_id").from("forum_area").and_where(Expr::col("area_id").eq(area)).take();
    let of_actor = |actor| {
        Query::select()
            .column("forum_id")
            .from("forum_member")
            .and_where(Expr::col("actor_id").eq(actor))
            .and_where(Expr::col("status").is_in(["invited", "accepted"]))
            .take()
    };
    let select = find_visible(sight)
        .apply_if(filter.kind, |select, kind| select.filter(table::Column::Kind.eq(kind)))
        .apply_if(filter.status, |select, status| select.filter(table::Column::Status.eq(status)))
        .apply_if(filter.area_id, |select, area| select.filter(table::Column::Id.in_subquery(in_area(area))))
        .apply_if(filter.actor_id, |select, actor| select.filter(table::Column::Id.in_subquery(of_actor(actor))));
    let keys = vec![
        Key::column(table::Column::NameSort, |row: &table::Model| row.name_sort.clone().into()),
        Key::column(table::Column::Id, |row: &table::Model| row.id.into()),
    ];
    let search = filter.q.as_deref().map(|q| {
        Search::new(RECORD.kind, table::Column::Id, q, db.backend())
            .names_first(table::Column::NameSort, |row: &table::Model| &row.name_sort)
    });
    Ok(paging.search(select, search, keys, None, call, db).await?.map(view))
}

/// Returns one forum that the caller can see.
///
/// # Errors
/// When it does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, id: ForumId, db: &impl ConnectionTrait) -> Result<Forum> {
    find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Returns those of these forums that the caller can see.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(sight: &Sight, ids: &[ForumId], db: &impl ConnectionTrait) -> Result<Vec<Forum>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Returns the forum that a request body refers to, at the JSON Pointer `pointer`.
///
/// # Errors
/// When there is no such forum that the caller can see (422 at `pointer`).
pub async fn find_referenced(sight: &Sight, id: ForumId, pointer: &str, db: &impl ConnectionTrait) -> Result<Forum> {
    find(sight, id, db).await.map_err(|problem| match problem.kind {
        Kind::NotFound => Problem::fault(pointer, "not-found", say!("Forumet finns inte.", "The forum does not exist.")),
        _ => problem,
    })
}

/// Checks that the reach covers the forum itself or one of its areas. For a new forum `id` is `None`.
///
/// # Errors
/// When the reach covers neither (403).
pub async fn may_write(reach: &Reach, forum: &NewForum, id: Option<ForumId>, db: &impl ConnectionTrait) -> Result<()> {
    if reach.everywhere {
        return Ok(());
    }
    let paths = areas::paths(&forum.areas, db).await?;
    let paths: Vec<&str> = paths.values().map(String::as_str).collect();
    reach.require(&paths, None, id.map(ForumId::uuid))
}

/// Checks that the caller may add these areas to a forum. The reach must cover each area; a function in the forum is not enough.
///
/// # Errors
/// When the reach does not cover one of them (403).
pub(super) async fn may_add_areas(reach: &Reach, added: &[AreaId], db: &impl ConnectionTrait) -> Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    let paths = areas::paths(added, db).await?;
    paths.values().try_for_each(|path| reach.require(&[path.as_str()], None, None))
}

/// Checks that the caller holds the permission `forums.lead` in the forum or in one of its areas.
///
/// # Errors
/// When the caller does not (403).
pub(super) async fn may_lead(caller: &Caller, forum: &Forum, db: &impl ConnectionTrait) -> Result<()> {
    may_write(&caller.reach(Permission::LeadForums)?, &forum.fields, Some(forum.id), db).await
}

/// Returns the fault of the visibility `actor` for a record that belongs to a forum, since no actor owns it.
#[must_use]
pub fn visibility_fault(visibility: Visibility) -> Option<Fault> {
    (visibility == Visibility::Actor).then(|| {
        Fault::at_pointer(
            "/visibility",
            "not-in-list",
            say!(
                "Det som hör till ett forum kan synas för public, members eller forum.",
                "What belongs to a forum can be seen by public, members or forum."
            ),
        )
    })
}

/// Opens a forum.
///
/// # Errors
/// When the fields are invalid (422, with all faults).
pub async fn insert(new: NewForum, w: &Write<'_>) -> Result<Forum> {
    store(w.new_id(), 1, None, new, w).await
}

/// Changes a forum.
pub(super) async fn update(forum: &Forum, new: NewForum, w: &Write<'_>) -> Result<Forum> {
    store(forum.id, forum.version + 1, Some(forum), new, w).await
}

async fn store(id: ForumId, version: i64, before: Option<&Forum>, mut new: NewForum, w: &Write<'_>) -> Result<Forum> {
    let mut faults: Vec<Fault> = text::nameless_fault("/name", &new.name).into_iter().chain(visibility_fault(new.visibility)).collect();
    let known = areas::paths(&new.areas, &w.tx).await?;
    let unknown = new.areas.iter().enumerate().filter(|(_, area)| !known.contains_key(area));
    faults.extend(unknown.map(|(at, _)| areas::not_found_fault(format!("/areas/{at}"))));
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    new.areas.sort_unstable();
    new.areas.dedup();
    let name = new.name.trim().to_owned();
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        kind: new.kind,
        level: new.level,
        name_sort: text::sort_key(&name),
        name,
        areas: new.areas.into(),
        purpose: new.purpose,
        mandate_text: new.mandate_text,
        meeting_rhythm: new.meeting_rhythm,
        complements_line_organisation: new.complements_line_organisation,
        status: new.status,
        visibility: new.visibility,
        deleted_at: None,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let forum = view(row);
    if before.is_none_or(|before| before.fields.areas != forum.fields.areas) {
        if before.is_some() {
            table::area::Entity::delete_many().filter(table::area::Column::ForumId.eq(id)).exec(&w.tx).await?;
        }
        let rows = forum.fields.areas.iter().map(|area| table::area::ActiveModel { forum_id: Set(id), area_id: Set(*area) });
        table::area::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
        // The coordinators of the new areas can see the forum from now on.
        w.access_changed();
    }
    let areas = before.into_iter().chain([&forum]).flat_map(|forum| forum.fields.areas.iter().copied());
    let words = [forum.fields.name.as_str(), forum.fields.purpose.as_deref().unwrap_or_default()];
    w.publish(saved(&forum, version).visible_before(before.map(visible)).in_areas(areas).words(words)).await?;
    Ok(forum)
}

/// Returns the areas of a forum, whoever asks. The list is empty when there is no such forum.
///
/// # Errors
/// When the database does not answer.
pub async fn areas_of(forum: ForumId, db: &impl ConnectionTrait) -> Result<Vec<AreaId>> {
    let row = table::Entity::find_by_id(forum).one(db).await?;
    Ok(row.map(|row| row.areas.0).unwrap_or_default())
}

fn visible(forum: &Forum) -> Visible {
    forum.fields.visibility.of(Some(forum.id.uuid()), None)
}

fn saved(forum: &Forum, version: i64) -> Saved<'_> {
    Saved::new(&RECORD, forum.id, version, visible(forum)).in_areas(forum.fields.areas.iter().copied())
}

/// Checks that a forum has neither an open round nor a published assessment, which would no longer be shown without it. Rounds and
/// assessments belong to rooms above this one, so their tables are queried by name.
async fn require_unused(forum: ForumId, w: &Write<'_>) -> Result<()> {
    let rounds = Query::select()
        .column("id")
        .from("round")
        .and_where(Expr::col("forum_id").eq(forum))
        .and_where(Expr::col("status").eq("open"))
        .limit(1)
        .take();
    if w.tx.query_one(&rounds).await?.is_some() {
        return Err(Problem::conflict(say!(
            "En prioriteringsrunda är öppen i forumet. Stäng den först.",
            "A round of priorities is open in the forum. Close it first."
        )));
    }
    let published = Query::select()
        .column(("revision", "id"))
        .from("revision")
        .inner_join("assessment", Expr::col(("assessment", "id")).equals(("revision", "assessment_id")))
        .and_where(Expr::col(("assessment", "forum_id")).eq(forum))
        .and_where(Expr::col(("assessment", "deleted_at")).is_null())
        .limit(1)
        .take();
    if w.tx.query_one(&published).await?.is_some() {
        return Err(Problem::conflict(say!(
            "Forumet har publicerat en lägesbild och kan därför inte tas bort. Ge det status closed i stället.",
            "The forum has published an assessment and so cannot be removed. Give it the status closed instead."
        )));
    }
    Ok(())
}

/// Removes a forum. Its row stays, but the forum is neither shown nor found.
///
/// # Errors
/// When it has an open round or a published assessment (409).
pub(super) async fn remove(forum: &Forum, w: &Write<'_>) -> Result<()> {
    rules::require(Operation::Remove, forum.fields.status)?;
    require_unused(forum.id, w).await?;
    let version = w.remove(&RECORD, forum.id, forum.version).await?;
    w.publish(saved(forum, version).removed().words([])).await
}

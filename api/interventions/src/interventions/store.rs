//! Queries and writes of interventions, with the indexes of their areas and causes. A caller who can see an intervention sees only
//! those of its causes whose assessment it can see too.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{Intervention, InterventionId, NewIntervention, RECORD, table, types::InterventionFilter};
use crate::{
    access::{Reach, Sight, Visibility},
    assessments::causes::{CauseId, store as causes},
    forums::forums::{ForumId, store as forums},
    geography::areas::store as areas,
    kernel::{
        Db, Fault, Id, Page, Paging, Problem, Result, Write, events::Visible, page::Key, problem::Kind, request::Call, saved::Saved, say,
        search::Search, text,
    },
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
    registry::actors::store as actors,
};

fn view(row: table::Model) -> Intervention {
    Intervention {
        id: row.id,
        version: row.version,
        fields: NewIntervention {
            title: row.title,
            description: row.description,
            owner_actor_id: row.owner_actor_id,
            forum_id: row.forum_id,
            status: row.status,
            horizon: row.horizon,
            addresses: row.addresses,
            instrument: row.instrument,
            areas: row.areas.0,
            causes: row.causes.0,
            policy_domains: row.policy_domains.0,
            target_groups: row.target_groups.0,
            budget: row.budget,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            visibility: row.visibility,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::DeletedAt.is_null()).filter(sight.rows(
        table::Column::Visibility,
        Some(table::Column::ForumId.into_expr()),
        Some(table::Column::OwnerActorId.into_expr()),
    ))
}

/// Removes from these interventions the causes that the caller cannot see, and the forums that it does not belong to.
async fn hide_invisible_references(sight: &Sight, interventions: &mut [Intervention], db: &impl ConnectionTrait) -> Result<()> {
    if sight.all {
        return Ok(());
    }
    let all: Vec<_> = interventions.iter().flat_map(|intervention| intervention.fields.causes.iter().copied()).collect();
    let visible: Vec<_> = causes::visible(sight, &all, db).await?.into_iter().map(|cause| cause.id).collect();
    for intervention in interventions {
        intervention.fields.causes.retain(|cause| visible.contains(cause));
        intervention.fields.forum_id = intervention.fields.forum_id.filter(|forum| sight.forums.contains(&forum.uuid()));
    }
    Ok(())
}

pub(super) async fn list(sight: &Sight, filter: &InterventionFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Intervention>> {
    let in_area =
        |area| Query::select().column("intervention_id").from("intervention_area").and_where(Expr::col("area_id").eq(area)).take();
    let at_cause =
        |cause| Query::select().column("intervention_id").from("intervention_cause").and_where(Expr::col("cause_id").eq(cause)).take();
    let cause = match filter.cause_id {
        // For a hidden cause the list must be empty, as for a cause that does not exist.
        Some(cause) if causes::visible(sight, &[cause], db.reader()).await?.is_empty() => Some(CauseId::from(Uuid::nil())),
        cause => cause,
    };
    let select = find_visible(sight)
        .apply_if(filter.status, |select, status| select.filter(table::Column::Status.eq(status)))
        .apply_if(filter.owner_actor_id, |select, owner| select.filter(table::Column::OwnerActorId.eq(owner)))
        .apply_if(filter.area_id, |select, area| select.filter(table::Column::Id.in_subquery(in_area(area))))
        .apply_if(cause, |select, cause| select.filter(table::Column::Id.in_subquery(at_cause(cause))));
    let keys = vec![
        Key::column(table::Column::TitleSort, |row: &table::Model| row.title_sort.clone().into()),
        Key::column(table::Column::Id, |row: &table::Model| row.id.into()),
    ];
    let search = filter.q.as_deref().map(|q| {
        Search::new(RECORD.kind, table::Column::Id, q, db.backend())
            .names_first(table::Column::TitleSort, |row: &table::Model| &row.title_sort)
    });
    let mut page = paging.search(select, search, keys, None, call, db).await?.map(view);
    hide_invisible_references(sight, &mut page.items, db.reader()).await?;
    Ok(page)
}

/// Returns one intervention that the caller can see.
///
/// # Errors
/// When it does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, id: InterventionId, db: &impl ConnectionTrait) -> Result<Intervention> {
    let mut found: Vec<_> = find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).into_iter().collect();
    hide_invisible_references(sight, &mut found, db).await?;
    found.pop().ok_or_else(Problem::not_found)
}

/// Returns those of these interventions that the caller can see, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn visible(sight: &Sight, ids: &[InterventionId], db: &impl ConnectionTrait) -> Result<Vec<Intervention>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).order_by_asc(table::Column::Id).all(db).await?;
    let mut found: Vec<_> = rows.into_iter().map(view).collect();
    hide_invisible_references(sight, &mut found, db).await?;
    Ok(found)
}

/// Checks that the caller may write interventions of this owner: the reach must cover the owner or the area of its seat.
///
/// # Errors
/// When it does not (403), or when the caller cannot see the owner (422 at `/ownerActorId`).
pub(super) async fn may_write(sight: &Sight, reach: &Reach, intervention: &NewIntervention, db: &impl ConnectionTrait) -> Result<()> {
    match actors::find(sight, intervention.owner_actor_id, db).await {
        Ok(owner) => actors::may_write(reach, &owner.fields, Some(owner.id), db).await,
        Err(problem) if problem.kind == Kind::NotFound => {
            Err(Problem::fault("/ownerActorId", "not-found", say!("Aktören finns inte.", "The actor does not exist.")))
        }
        Err(problem) => Err(problem),
    }
}

/// Checks that the caller may change an existing intervention. When its owner is hidden from the caller or removed, the caller needs
/// the permission everywhere.
///
/// # Errors
/// When the caller may not (403).
pub(super) async fn may_change(sight: &Sight, reach: &Reach, intervention: &NewIntervention, db: &impl ConnectionTrait) -> Result<()> {
    match may_write(sight, reach, intervention, db).await {
        Err(problem) if problem.kind == Kind::Invalid => reach.require(&[], None, None),
        known => known,
    }
}

/// Returns the titles of those of these interventions that the caller can see, by id.
///
/// # Errors
/// When the database does not answer.
pub async fn titles(sight: &Sight, ids: &[InterventionId], db: &impl ConnectionTrait) -> Result<HashMap<InterventionId, String>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(500) {
        let select = find_visible(sight).select_only().columns([table::Column::Id, table::Column::Title]);
        let rows: Vec<(InterventionId, String)> = select.filter(table::Column::Id.is_in(ids.iter().copied())).into_tuple().all(db).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Whether an intervention is hidden from the members of a forum.
#[must_use]
pub fn is_hidden_from_forum(intervention: &NewIntervention, forum: ForumId) -> bool {
    match intervention.visibility {
        Visibility::Actor => true,
        Visibility::Forum => intervention.forum_id != Some(forum),
        Visibility::Public | Visibility::Members => false,
    }
}

/// Locks the rows of these interventions until the end of the transaction. The order is by id, so that two transactions cannot
/// deadlock.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(ids: &[InterventionId], w: &Write<'_>) -> Result<()> {
    let select = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).order_by_asc(table::Column::Id);
    select.lock_exclusive().all(&w.tx).await?;
    Ok(())
}

/// Checks that a change respects the rounds in which the intervention is a candidate. While such a round is open, only the status,
/// the visibility and the forum may change. While it is open, closed or decided, the intervention may be neither removed (`after` is
/// `None`) nor hidden from the members of the forum. Rounds belong to a room above this one, so their tables are queried by name.
///
/// # Errors
/// When it does not (409).
async fn check_as_candidate(before: &Intervention, after: Option<&NewIntervention>, w: &Write<'_>) -> Result<()> {
    lock(&[before.id], w).await?;
    let rounds = Query::select()
        .column(("round", "forum_id"))
        .column(("round", "status"))
        .from("round_candidate")
        .inner_join("round", Expr::col(("round", "id")).equals(("round_candidate", "round_id")))
        .and_where(Expr::col(("round_candidate", "intervention_id")).eq(before.id))
        .and_where(Expr::col(("round", "status")).is_in(["open", "closed", "decided"]))
        .take();
    for row in w.tx.query_all(&rounds).await? {
        let (forum, status): (ForumId, String) = (row.try_get("", "forum_id")?, row.try_get("", "status")?);
        let Some(after) = after else {
            return Err(Problem::conflict(say!(
                "Insatsen är med i en prioritering och kan inte tas bort. Ge den status cancelled i stället.",
                "The intervention is in a round of priorities and cannot be removed. Give it the status cancelled instead."
            )));
        };
        if is_hidden_from_forum(after, forum) {
            return Err(Problem::conflict(say!(
                "Insatsen är med i en prioritering. Forumets medlemmar behöver kunna se den.",
                "The intervention is in a round of priorities. The forum's members need to see it."
            )));
        }
        let fields = &before.fields;
        let same = NewIntervention { status: fields.status, visibility: fields.visibility, forum_id: fields.forum_id, ..after.clone() };
        if status == "open" && same != *fields {
            return Err(Problem::conflict(say!(
                "Parterna röstar om insatsen. Tills prioriteringen är stängd kan bara dess status ändras och vem som får se den.",
                "The parties are voting on the intervention. Until the round is closed only its status and who may see it can be changed."
            )));
        }
    }
    Ok(())
}

/// Registers an intervention.
///
/// # Errors
/// When the fields are invalid (422, with all faults).
pub async fn insert(sight: &Sight, new: NewIntervention, w: &Write<'_>) -> Result<Intervention> {
    let new = check(sight, None, new, w).await?;
    let id = w.new_id();
    store(id, 1, None, new, w).await?;
    find(sight, id, &w.tx).await
}

/// Changes an intervention. `seen` is the intervention as the caller sees it; causes and the forum that are hidden from the caller
/// stay as they are.
pub(super) async fn update(sight: &Sight, seen: &Intervention, new: NewIntervention, w: &Write<'_>) -> Result<Intervention> {
    let before = find(&Sight::of_installation(), seen.id, &w.tx).await?;
    let mut new = check(sight, Some(&before), new, w).await?;
    new.causes.extend(before.fields.causes.iter().filter(|cause| !seen.fields.causes.contains(cause)));
    if seen.fields.forum_id.is_none() && new.forum_id.is_none() {
        new.forum_id = before.fields.forum_id;
    }
    new.causes.sort_unstable();
    new.causes.dedup();
    check_as_candidate(&before, Some(&new), w).await?;
    store(seen.id, seen.version + 1, Some(&before), new, w).await?;
    find(sight, seen.id, &w.tx).await
}

/// Normalises the fields of an intervention, and checks them with everything that they refer to and the caller can see.
async fn check(sight: &Sight, before: Option<&Intervention>, mut new: NewIntervention, w: &Write<'_>) -> Result<NewIntervention> {
    let mut faults: Vec<Fault> =
        text::blank_fault("/title", &new.title).into_iter().chain(text::blank_faults("/targetGroups", &new.target_groups)).collect();
    faults.extend(text::period_fault(new.valid_from, new.valid_to));
    faults.extend(codelists::unknown_code_faults(POLICY_DOMAIN, &new.policy_domains, "/policyDomains", &w.tx).await?);
    let known = areas::paths(&new.areas, &w.tx).await?;
    faults.extend(
        new.areas
            .iter()
            .enumerate()
            .filter(|(_, area)| !known.contains_key(area))
            .map(|(at, _)| areas::not_found_fault(format!("/areas/{at}"))),
    );
    let visible: Vec<_> = causes::visible(sight, &new.causes, &w.tx).await?.into_iter().map(|cause| cause.id).collect();
    faults.extend(
        new.causes.iter().enumerate().filter(|(_, cause)| !visible.contains(cause)).map(|(at, _)| {
            Fault::at_pointer(format!("/causes/{at}"), "not-found", say!("Orsaken finns inte.", "The cause does not exist."))
        }),
    );
    match new.forum_id {
        Some(forum) if before.is_none_or(|before| before.fields.forum_id != Some(forum)) => {
            if let Err(problem) = forums::find_referenced(sight, forum, "/forumId", &w.tx).await {
                faults.extend(problem.faults);
            }
        }
        None if new.visibility == Visibility::Forum && before.is_none_or(|before| before.fields.forum_id.is_none()) => {
            faults.push(Fault::at_pointer(
                "/forumId",
                "required",
                say!("Ange forumet vars medlemmar får se insatsen.", "Give the forum whose members may see the intervention."),
            ));
        }
        _ => {}
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    new.title = new.title.trim().to_owned();
    new.areas.sort_unstable();
    new.areas.dedup();
    Ok(new)
}

async fn store(id: InterventionId, version: i64, before: Option<&Intervention>, mut new: NewIntervention, w: &Write<'_>) -> Result<()> {
    new.causes.sort_unstable();
    new.causes.dedup();
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        title_sort: text::sort_key(&new.title),
        title: new.title.clone(),
        description: new.description.clone(),
        owner_actor_id: new.owner_actor_id,
        forum_id: new.forum_id,
        status: new.status,
        horizon: new.horizon,
        addresses: new.addresses,
        instrument: new.instrument,
        areas: new.areas.clone().into(),
        causes: new.causes.clone().into(),
        policy_domains: new.policy_domains.clone().into(),
        target_groups: new.target_groups.clone().into(),
        budget: new.budget,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        visibility: new.visibility,
        deleted_at: None,
    };
    w.put::<table::Entity>(row, before.map(|before| before.version)).await?;
    if before.is_none_or(|before| before.fields.areas != new.areas) {
        if before.is_some() {
            table::area::Entity::delete_many().filter(table::area::Column::InterventionId.eq(id)).exec(&w.tx).await?;
        }
        let rows = new.areas.iter().map(|area| table::area::ActiveModel { intervention_id: Set(id), area_id: Set(*area) });
        table::area::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    if before.is_none_or(|before| before.fields.causes != new.causes) {
        if before.is_some() {
            table::cause::Entity::delete_many().filter(table::cause::Column::InterventionId.eq(id)).exec(&w.tx).await?;
        }
        let rows = new.causes.iter().map(|cause| table::cause::ActiveModel { intervention_id: Set(id), cause_id: Set(*cause) });
        table::cause::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    let before = before.map(|before| &before.fields);
    let areas = before.into_iter().chain([&new]).flat_map(|of| of.areas.iter().copied());
    let words = [new.title.as_str(), new.description.as_deref().unwrap_or_default()];
    w.publish(Saved::new(&RECORD, id, version, visibility_of(&new)).visible_before(before.map(visibility_of)).in_areas(areas).words(words))
        .await
}

fn visibility_of(intervention: &NewIntervention) -> Visible {
    intervention.visibility.of(intervention.forum_id.map(Id::uuid), Some(intervention.owner_actor_id.uuid()))
}

/// Removes an intervention. Its row stays, but the intervention is neither shown nor found.
///
/// # Errors
/// When it is a candidate of a round that is open, closed or decided (409).
pub(super) async fn remove(intervention: &Intervention, w: &Write<'_>) -> Result<()> {
    check_as_candidate(intervention, None, w).await?;
    let version = w.remove(&RECORD, intervention.id, intervention.version).await?;
    let saved = Saved::new(&RECORD, intervention.id, version, visibility_of(&intervention.fields));
    w.publish(saved.in_areas(intervention.fields.areas.iter().copied()).removed().words([])).await
}

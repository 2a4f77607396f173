//! Queries and writes of statements. The statements of a removed actor are not visible.

use sea_orm::{ConnectionTrait, EntityTrait, QueryTrait, entity::prelude::*};

use super::{NewStatement, RECORD, Statement, StatementId, table, types::StatementFilter};
use crate::{
    access::{Reach, Sight},
    actors::store as actors,
    geography::areas::store as areas,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write, events::Visible, page::Key, problem::Kind, request::Call, saved::Saved,
        search::Search, table::valid_on, text,
    },
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
};

fn view(row: table::Model) -> Statement {
    Statement {
        id: row.id,
        version: row.version,
        fields: NewStatement {
            kind: row.kind,
            actor_id: row.actor_id,
            text: row.text,
            policy_domain: row.policy_domain,
            area_id: row.area_id,
            target_groups: row.target_groups.0,
            sufficiency: row.sufficiency,
            plan: row.plan,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            visibility: row.visibility,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find()
        .filter(table::Column::DeletedAt.is_null())
        .filter(actors::is_not_removed(table::Column::ActorId))
        .filter(sight.rows(table::Column::Visibility, None, Some(table::Column::ActorId.into_expr())))
}

pub(super) async fn list(sight: &Sight, filter: &StatementFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Statement>> {
    let below = match filter.area_id {
        Some(area) => Some(areas::path(area, db.reader()).await?.into_iter().collect::<Vec<_>>()),
        None => None,
    };
    let select = find_visible(sight)
        .apply_if(filter.actor_id, |select, actor| select.filter(table::Column::ActorId.eq(actor)))
        .apply_if(filter.kind.clone(), |select, kinds| select.filter(table::Column::Kind.is_in(kinds)))
        .apply_if(filter.policy_domain.clone(), |select, domain| select.filter(table::Column::PolicyDomain.eq(domain)))
        .apply_if(below, |select, paths| select.filter(table::Column::AreaId.in_subquery(areas::at_or_below_any(&paths))))
        .apply_if(filter.as_of, |select, day| select.filter(valid_on(table::Column::ValidFrom, table::Column::ValidTo, day)));
    let search = filter.q.as_deref().map(|q| Search::new(RECORD.kind, table::Column::Id, q, db.backend()));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.search(select, search, keys, None, call, db).await?.map(view))
}

/// Returns one statement that the caller can see.
///
/// # Errors
/// When it does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, id: StatementId, db: &impl ConnectionTrait) -> Result<Statement> {
    find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Returns those of these statements that the caller can see.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(sight: &Sight, ids: &[StatementId], db: &impl ConnectionTrait) -> Result<Vec<Statement>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Checks that the caller may change an existing statement. When its actor is hidden from the caller or removed, the caller needs
/// the permission everywhere.
///
/// # Errors
/// When the caller may not (403).
pub(super) async fn may_change(sight: &Sight, reach: &Reach, statement: &NewStatement, db: &impl ConnectionTrait) -> Result<()> {
    match actors::may_write_records_of(sight, reach, statement.actor_id, db).await {
        Err(problem) if problem.kind == Kind::Invalid => reach.require(&[], None, None),
        known => known,
    }
}

/// Registers a statement.
///
/// # Errors
/// When the fields are invalid (422, with all faults).
pub async fn insert(new: NewStatement, w: &Write<'_>) -> Result<Statement> {
    store(w.new_id(), None, new, w).await
}

/// Changes a statement.
pub(super) async fn update(statement: &Statement, new: NewStatement, w: &Write<'_>) -> Result<Statement> {
    store(statement.id, Some(statement), new, w).await
}

async fn store(id: StatementId, before: Option<&Statement>, new: NewStatement, w: &Write<'_>) -> Result<Statement> {
    let mut faults: Vec<Fault> =
        text::blank_fault("/text", &new.text).into_iter().chain(text::blank_faults("/targetGroups", &new.target_groups)).collect();
    faults.extend(text::period_fault(new.valid_from, new.valid_to));
    faults.extend(codelists::unknown_code_faults(POLICY_DOMAIN, std::slice::from_ref(&new.policy_domain), "/policyDomain", &w.tx).await?);
    if areas::path(new.area_id, &w.tx).await?.is_none() {
        faults.push(areas::not_found_fault("/areaId"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let row = table::Model {
        id,
        version: before.map_or(1, |before| before.version + 1),
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        kind: new.kind,
        actor_id: new.actor_id,
        text: new.text,
        policy_domain: new.policy_domain,
        area_id: new.area_id,
        target_groups: new.target_groups.into(),
        sufficiency: new.sufficiency,
        plan: new.plan,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        visibility: new.visibility,
        deleted_at: None,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let statement = view(row);
    let fields = &statement.fields;
    let words = [fields.text.as_str(), fields.plan.as_deref().unwrap_or_default()];
    let words = words.into_iter().chain(fields.target_groups.iter().map(String::as_str));
    let areas = before.into_iter().chain([&statement]).map(|statement| statement.fields.area_id);
    let saved =
        Saved::new(&RECORD, id, statement.version, visible(&statement)).visible_before(before.map(visible)).in_areas(areas).words(words);
    w.publish(saved.history(fields)?).await?;
    Ok(statement)
}

/// Removes a statement. Its row stays, but the statement is no longer shown.
pub(super) async fn remove(statement: &Statement, w: &Write<'_>) -> Result<()> {
    let version = w.remove(&RECORD, statement.id, statement.version).await?;
    let saved = Saved::new(&RECORD, statement.id, version, visible(statement)).in_areas([statement.fields.area_id]);
    w.publish(saved.removed().words([]).history(&statement.fields)?).await
}

fn visible(statement: &Statement) -> Visible {
    statement.fields.visibility.of(None, Some(statement.fields.actor_id.uuid()))
}

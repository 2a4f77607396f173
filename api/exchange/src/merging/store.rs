//! All SQL of merges: they are carried out and undone here.

pub(super) mod below;

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveValue::Set,
    Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use self::below::is_in_use;
use super::{
    LeftAlone, LeftAloneReason, Merge, MergeId, NewMerge,
    plan::{self, Merger, Plan},
    references::{
        FOLLOWING, SeenBy,
        store::{self as references, Referring},
    },
    rules, table,
};
use crate::{
    access::{Caller, Reach, Sight, Visibility},
    geography::areas::store as areas,
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation, Visible},
        page::Key,
        request::Call,
        say,
        secrecy::Secrecy,
    },
    registry::{
        actors::{Actor, ActorId, store as actors, table as actor_table, tombstones},
        relations::store as relations,
    },
    sources::rules as members,
};

/// The maximum number of rows that one statement writes.
const AT_ONCE: usize = 500;

/// A row that a merge moved, as it is now, with the actor that it has named since the merge.
type MovedRow = (Referring, Option<Uuid>);

fn view(row: table::Model) -> Merge {
    Merge {
        id: row.id,
        version: row.version,
        merged_actor_id: row.merged_id,
        into: row.into_id,
        note: row.note,
        by: row.merged_by,
        at: row.created_at,
        moved: row.moved.0,
        stayed: row.stayed.0,
        members: row.members.0,
        undone_at: row.undone_at,
        undone_by: row.undone_by,
        left_alone: row.left_alone.0,
    }
}

/// Selects the merges into actors that the caller may merge, and may see or could see before they were removed.
fn find_visible(sight: &Sight, reach: &Reach) -> Select<table::Entity> {
    let visible = sight.rows(actor_table::Column::Visibility, None, Some(actor_table::Column::Id.into_expr()));
    let mut within = Condition::any();
    if reach.everywhere {
        within = Condition::all();
    } else {
        within = within.add(actor_table::Column::Id.is_in(reach.actors.iter().copied()));
        within = within.add(actor_table::Column::SeatAreaId.in_subquery(areas::at_or_below_any(&reach.areas)));
    }
    // A scalar subquery is asked for the rows of a page only; a list of all such actors would be made first.
    let actor = Query::select()
        .column((actor_table::Entity, actor_table::Column::Id))
        .from(actor_table::Entity)
        .and_where(actor_table::Column::Id.into_expr().equals((table::Entity, table::Column::IntoId)))
        .cond_where(visible)
        .cond_where(within)
        .take();
    table::Entity::find().filter(Expr::SubQuery(None, Box::new(actor.into())).is_not_null())
}

/// Removes from merges the records that the caller may not see, and what would reveal members that are hidden from the
/// caller now.
async fn redact_all(caller: &Caller, mut merges: Vec<Merge>, secrecy: Option<&Secrecy>, db: &impl ConnectionTrait) -> Result<Vec<Merge>> {
    let of_one = |merge: &Merge| {
        let stayed = merge.stayed.iter().map(|record| (record.kind.clone(), record.id));
        stayed.chain(merge.left_alone.iter().map(|left| (left.kind.clone(), left.id))).collect::<Vec<_>>()
    };
    let named: BTreeSet<(String, Uuid)> = merges.iter().flat_map(of_one).collect();
    let mut seen: BTreeSet<(&str, Uuid)> = BTreeSet::new();
    for reference in FOLLOWING.iter() {
        let ids: Vec<Uuid> = named.iter().filter(|(kind, _)| kind == reference.kind).map(|(_, id)| *id).collect();
        for row in references::find_by_ids(reference, &ids, false, db).await? {
            if plan::can_see(caller, &row, row.actor) {
                seen.insert((reference.kind, row.id));
            }
        }
    }
    for merge in &mut merges {
        merge.stayed.retain(|record| seen.contains(&(record.kind.as_str(), record.id)));
        let hidden = plan::hidden_members([merge.merged_actor_id, merge.into], secrecy);
        rules::conceal(&mut merge.members, &hidden);
        merge.left_alone.retain(|left| {
            // For identifiers the member is followed by the scheme.
            let member = left.member.as_deref().and_then(|member| member.split(' ').next());
            let told = left.reason == LeftAloneReason::UnderSecrecy || member.is_none_or(|member| !hidden.contains(member));
            told && seen.contains(&(left.kind.as_str(), left.id))
        });
    }
    Ok(merges)
}

/// Returns a merge as the caller may see it.
pub(super) async fn redact(caller: &Caller, merge: Merge, secrecy: Option<&Secrecy>, db: &impl ConnectionTrait) -> Result<Merge> {
    redact_all(caller, vec![merge], secrecy, db).await?.pop().ok_or_else(Problem::not_found)
}

pub(super) async fn list(caller: &Caller, reach: &Reach, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Merge>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let mut page = paging.fetch(find_visible(&caller.sight, reach), keys, call, db).await?.map(view);
    page.items = redact_all(caller, page.items, call.asked.secrecy.as_ref(), db.reader()).await?;
    Ok(page)
}

/// Returns a merge within the caller's reach; 404 when there is none.
pub(super) async fn find(sight: &Sight, reach: &Reach, id: MergeId, db: &impl ConnectionTrait) -> Result<Merge> {
    find_visible(sight, reach).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Returns the actors that have been merged into these, directly or through several merges.
pub(crate) async fn find_merged_into(actors: &BTreeSet<Uuid>, db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>> {
    let (mut found, mut next) = (BTreeSet::new(), actors.clone());
    while !next.is_empty() {
        let merged: Vec<Uuid> = table::Entity::find()
            .select_only()
            .column(table::Column::MergedId)
            .filter(table::Column::IntoId.is_in(next))
            .filter(table::Column::UndoneAt.is_null())
            .into_tuple()
            .all(db)
            .await?;
        next = merged.into_iter().filter(|merged| found.insert(*merged)).collect();
    }
    Ok(found)
}

/// Merges two actors, exactly as the preview shows it.
pub(super) async fn merge(merger: &Merger<'_>, id: ActorId, new: &NewMerge, w: &Write<'_>) -> Result<Merge> {
    let plan = plan::make_locked_plan(merger, id, new.into, w).await?;
    plan.require_allowed(merger)?;
    tombstones::mark_merged(&plan.merged, plan.survivor.id, w).await?;
    let mut came = Vec::new();
    if plan.becomes != plan.survivor.fields {
        let after = actors::update(&plan.survivor, plan.becomes.clone(), &merger.caller.sight, w).await?;
        came = rules::changed_members(&plan.survivor.fields, &after.fields)?;
    }
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        merged_id: id,
        into_id: plan.survivor.id,
        merged_by: w.call.author.user.map(Into::into),
        note: new.note.clone(),
        moved: plan.counts().into(),
        stayed: plan.stayed_records().into(),
        members: plan.members.clone().into(),
        came: came.into(),
        undone_at: None,
        undone_by: None,
        left_alone: Vec::new().into(),
    };
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    move_rows(&plan, row.id, w).await?;
    // Records that stayed with the merged actor are no longer shown.
    actors::announce_dependents(id, ChangeOperation::Delete, w).await?;
    w.access_changed();
    record_merge(row.id, 1, &plan.survivor, w);
    w.record(merged_actor_event(&plan));
    Ok(view(row))
}

/// Moves the records to the survivor, and stores which ones moved.
async fn move_rows(plan: &Plan, id: MergeId, w: &Write<'_>) -> Result<()> {
    if let Some(child) = plan.steps_up {
        tombstones::update_part_of(&tombstones::find(child, &w.tx).await?.0, plan.merged.fields.parent_id, w).await?;
    }
    let mut groups: BTreeMap<(&str, &str, Option<Uuid>), Vec<&Referring>> = BTreeMap::new();
    for row in &plan.follow {
        groups.entry((row.reference.table, row.reference.column, plan.target(row))).or_default().push(row);
    }
    let mut moved = Vec::new();
    for ((_, _, target), rows) in groups {
        reassign(&rows, target, w).await?;
        for row in rows {
            moved.push(table::row::ActiveModel {
                id: Set(w.new_id()),
                merge_id: Set(id),
                of_table: Set(row.reference.table.to_owned()),
                of_column: Set(row.reference.column.to_owned()),
                row_id: Set(row.id),
                now_id: Set(target),
            });
        }
    }
    for moved in moved.chunks(AT_ONCE) {
        table::row::Entity::insert_many(moved.to_vec()).exec_without_returning(&w.tx).await?;
    }
    announce_moved_actors(plan.follow.iter(), w).await
}

/// Publishes what other callers see differently because actors have another parent; `rows` as they were before.
async fn announce_moved_actors(rows: impl Iterator<Item = &Referring>, w: &Write<'_>) -> Result<()> {
    for row in rows.filter(|row| row.reference.seen == SeenBy::Actor) {
        actors::announce_new_parent(row.id.into(), row.actor.map(ActorId::from), w).await?;
    }
    Ok(())
}

/// Makes rows of one reference refer to another actor, stores their versions in the history, and publishes the changes in
/// the feed.
async fn reassign(rows: &[&Referring], to: Option<Uuid>, w: &Write<'_>) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    if first.reference.seen == SeenBy::Actor {
        let actors: Vec<ActorId> = ids.iter().copied().map(ActorId::from).collect();
        tombstones::keep_versions(&actors, false, w).await?;
        references::reassign(first.reference, &ids, to, w).await?;
        tombstones::keep_versions(&actors, true, w).await?;
    } else {
        references::reassign(first.reference, &ids, to, w).await?;
    }
    let mut after: Vec<Referring> = rows.iter().copied().cloned().collect();
    if let (SeenBy::AsActor | SeenBy::AsBoth, Some(to)) = (first.reference.seen, to) {
        let visibility = tombstones::find(to.into(), &w.tx).await?.0.fields.visibility;
        after = rows.iter().map(|row| row.with_visibility(visibility)).collect();
    }
    if first.reference.seen != SeenBy::Actor {
        references::keep_history(&after, to, w).await?;
    }
    for (before, after) in rows.iter().zip(&after) {
        // People who work for the parent of an actor can see what only its own people may see.
        let through = before.actor.filter(|_| before.reference.seen == SeenBy::Actor && before.visibility == Visibility::Actor);
        let was = through.map_or_else(|| before.visible(before.actor), |above| Visibility::Actor.of(None, Some(above)));
        after.announce(was, to, w).await?;
    }
    Ok(())
}

/// Returns the event of the merged actor. Only callers who may see both actors learn what it was merged into.
fn merged_actor_event(plan: &Plan) -> Change {
    let (merged, survivor) = (&plan.merged, &plan.survivor);
    let both = [merged.fields.visibility, survivor.fields.visibility];
    let narrower = both.into_iter().min_by_key(|visibility| rules::breadth(*visibility)).unwrap_or(Visibility::Actor);
    let visible = narrower.of(None, Some(survivor.id.uuid()));
    let change = Change::new("actor", merged.id.uuid(), ChangeOperation::Merge, merged.version + 1, visible);
    let places = merged.fields.seat_area_id.into_iter().chain(merged.fields.areas_served.iter().copied());
    Change { merged_into: Some(survivor.id.uuid()), ..change.in_areas(places).visible_before(Some(own_visibility(merged))) }
}

fn own_visibility(actor: &Actor) -> Visible {
    actor.fields.visibility.of(None, Some(actor.id.uuid()))
}

/// Records the event of the merge itself, which only callers with the permission may see.
fn record_merge(id: MergeId, version: i64, survivor: &Actor, w: &Write<'_>) {
    let visible = Visibility::Actor.of(None, None);
    let places = survivor.fields.seat_area_id;
    w.record(Change::new("merge", id.uuid(), ChangeOperation::Upsert, version, visible).in_areas(places));
}

/// Returns the moved rows, and the rows that no longer exist.
async fn find_moved_rows(merge: MergeId, locked: bool, db: &impl ConnectionTrait) -> Result<(Vec<MovedRow>, Vec<LeftAlone>)> {
    let rows =
        table::row::Entity::find().filter(table::row::Column::MergeId.eq(merge)).order_by_asc(table::row::Column::Id).all(db).await?;
    let mut groups: BTreeMap<(String, String), BTreeMap<Uuid, Option<Uuid>>> = BTreeMap::new();
    for row in rows {
        groups.entry((row.of_table, row.of_column)).or_default().insert(row.row_id, row.now_id);
    }
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for ((table, column), mut ids) in groups {
        let Some(reference) = references::find_reference(&table, &column) else { continue };
        for row in references::find_by_ids(reference, &ids.keys().copied().collect::<Vec<_>>(), locked, db).await? {
            let since = ids.remove(&row.id).flatten();
            there.push((row, since));
        }
        gone.extend(ids.into_keys().map(|id| not_restored(reference.kind, id, None, LeftAloneReason::Removed)));
    }
    Ok((there, gone))
}

fn not_restored(kind: &str, id: Uuid, member: Option<String>, reason: LeftAloneReason) -> LeftAlone {
    LeftAlone { kind: kind.to_owned(), id, member, reason }
}

/// Returns the parent that the merged actor gets when it is restored. Its old parent may have been merged into another
/// actor since.
async fn restored_parent(merged: &Actor, db: &impl ConnectionTrait) -> Result<Option<ActorId>> {
    match merged.fields.parent_id {
        Some(parent) => Ok(tombstones::survivor(&Sight::of_installation(), parent, db).await?.or(Some(parent))),
        None => Ok(None),
    }
}

/// Returns the actors that would come below others when a merge is undone, if people would thereby get rights that the
/// caller may not give.
async fn find_exposed(caller: &Caller, merge: &Merge, rows: &[MovedRow], db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>> {
    let mut exposed = BTreeSet::new();
    if merge.undone_at.is_some() {
        return Ok(exposed);
    }
    let (merged, ..) = tombstones::find(merge.merged_actor_id, db).await?;
    let parent = restored_parent(&merged, db).await?;
    let above = tombstones::ancestors(parent, db).await?;
    let mut line = vec![merged.id];
    line.extend(above.iter().copied());
    let going: Vec<&Referring> = rows.iter().filter(|(row, since)| row.actor == *since).map(|(row, _)| row).collect();
    // Actors that moved along go back below the merged actor.
    for row in going.iter().filter(|row| row.reference.seen == SeenBy::Actor && !above.contains(&row.id.into())) {
        let now = tombstones::ancestors(row.actor.map(ActorId::from), db).await?;
        let in_use = is_in_use(row.id.into(), None, db).await?;
        if !plan::may_move_below(caller, row.id.into(), &now, &line, in_use, db).await? {
            exposed.insert(row.id);
        }
    }
    // The survivor goes back too, if it was part of the merged actor.
    let own = merged.id.to_string();
    let came = table::Entity::find_by_id(merge.id).one(db).await?.map(|row| row.came.0).unwrap_or_default();
    let was_part = came.iter().any(|(member, before, _)| member == "parentId" && before.as_str() == Some(own.as_str()));
    if was_part && !above.contains(&merge.into) {
        let (survivor, ..) = tombstones::find(merge.into, db).await?;
        let now = tombstones::ancestors(survivor.fields.parent_id, db).await?;
        let in_use = is_in_use(merge.into, None, db).await?;
        if !plan::may_move_below(caller, merge.into, &now, &line, in_use, db).await? {
            exposed.insert(merge.into.uuid());
        }
    }
    // The merged actor may come below other actors than before, with the people who go back to it.
    if parent != merged.fields.parent_id {
        let now = tombstones::ancestors(Some(merge.into), db).await?;
        let in_use = going.iter().any(|row| row.reference.kind == "grant") || is_in_use(merged.id, None, db).await?;
        if !plan::may_move_below(caller, merged.id, &now, &above, in_use, db).await? {
            exposed.insert(merged.id.uuid());
        }
    }
    Ok(exposed)
}

/// Checks that the caller may undo a merge: the caller must be able to write both actors and to move the moved records
/// back.
pub(super) async fn may_undo(caller: &Caller, reach: &Reach, merge: &Merge, db: &impl ConnectionTrait) -> Result<()> {
    for id in [merge.merged_actor_id, merge.into] {
        let (actor, ..) = tombstones::find(id, db).await?;
        actors::may_write(reach, &actor.fields, Some(id), db).await?;
    }
    let there = find_moved_rows(merge.id, false, db).await?.0;
    let mut out_of_reach = find_exposed(caller, merge, &there, db).await?;
    let rows: Vec<_> = there.into_iter().map(|(row, _)| row).collect();
    out_of_reach.extend(plan::find_out_of_reach(reach, &rows, db).await?);
    let count = out_of_reach.len();
    if count == 0 {
        return Ok(());
    }
    Err(reach.missing().detail(say!(
        "{count} uppgifter skulle gå tillbaka som du inte har rätt att flytta, till exempel medlemskap i forum utanför ditt område. Be någon som samordnar även där, eller den som driver tjänsten.",
        "{count} records would go back that you may not move, such as memberships of forums outside your area. Ask somebody who coordinates there too, or who runs the service."
    )))
}

/// Checks that no later change prevents undoing the merge. Returns the merged actor and the survivor, both locked.
async fn lock_undoable(merge: &Merge, w: &Write<'_>) -> Result<(Actor, Actor)> {
    actors::lock(&[merge.merged_actor_id, merge.into], w).await?;
    let again = table::Entity::find_by_id(merge.id).one(&w.tx).await?.ok_or_else(Problem::not_found)?;
    if again.undone_at.is_some() {
        return Err(Problem::conflict(say!("Sammanslagningen är redan ångrad.", "The merge has been undone already.")));
    }
    let (survivor, into, lives) = tombstones::find(merge.into, &w.tx).await?;
    if into.is_some() {
        let later = table::Entity::find()
            .filter(table::Column::MergedId.eq(merge.into))
            .filter(table::Column::UndoneAt.is_null())
            .one(&w.tx)
            .await?;
        let problem = Problem::conflict(say!(
            "Den aktör som blev kvar har sedan gått upp i en annan. Ångra den senare sammanslagningen först; conflictsWith pekar på den.",
            "The actor that lived on has become part of another since. Undo the later merge first; conflictsWith points to it."
        ));
        return Err(match later {
            Some(later) => problem.with_record("/merges", later.id),
            None => problem,
        });
    }
    if !lives {
        return Err(Problem::conflict(say!(
            "Den aktör som blev kvar har tagits bort, så det finns inget att dela upp.",
            "The actor that lived on has been removed, so there is nothing to divide."
        )));
    }
    Ok((tombstones::find(merge.merged_actor_id, &w.tx).await?.0, survivor))
}

/// Undoes a merge: restores the merged actor, and moves its records back unless they have changed since.
pub(super) async fn undo(caller: &Caller, reach: &Reach, merge: &Merge, w: &Write<'_>) -> Result<Merge> {
    let sight = &caller.sight;
    may_undo(caller, reach, merge, &w.tx).await?;
    let (merged, survivor) = lock_undoable(merge, w).await?;
    let row = table::Entity::find_by_id(merge.id).one(&w.tx).await?.ok_or_else(Problem::not_found)?;
    let (rows, mut left_alone) = find_moved_rows(merge.id, true, &w.tx).await?;
    let parent = restored_parent(&merged, &w.tx).await?;
    tombstones::unmark_merged(&merged, parent, w).await?;
    // Records that stayed with the merged actor are shown again. Moved records are published when they move back.
    actors::announce_dependents(merged.id, ChangeOperation::Upsert, w).await?;
    let above = tombstones::ancestors(parent, &w.tx).await?;
    restore_survivor(&survivor, &row.came.0, &above, &mut left_alone, sight, w).await?;
    for scheme in tombstones::reclaim_numbers(&merged, sight, w).await? {
        let member = Some(format!("identifiers {scheme}"));
        left_alone.push(not_restored("actor", merged.id.uuid(), member, LeftAloneReason::Taken));
    }
    return_rows(&merged, survivor.id, rows, &above, &mut left_alone, w).await?;
    w.access_changed();
    left_alone.sort_by(|a, b| (&a.kind, a.id, &a.member).cmp(&(&b.kind, b.id, &b.member)));
    let undone = table::ActiveModel {
        version: Set(row.version + 1),
        updated_at: Set(w.now),
        undone_at: Set(Some(w.now)),
        undone_by: Set(w.call.author.user.map(Into::into)),
        left_alone: Set(left_alone.into()),
        ..Default::default()
    };
    w.replace::<table::Entity>(undone, table::Column::Id.eq(row.id), table::Column::Version, row.version).await?;
    record_merge(row.id, row.version + 1, &survivor, w);
    let places = merged.fields.seat_area_id.into_iter().chain(merged.fields.areas_served.iter().copied());
    w.record(Change::new("actor", merged.id.uuid(), ChangeOperation::Upsert, merged.version + 1, own_visibility(&merged)).in_areas(places));
    table::Entity::find_by_id(merge.id).one(&w.tx).await?.map(view).ok_or_else(Problem::not_found)
}

/// Restores the survivor's members that the merge changed, except those that have changed since or are hidden from the
/// caller.
async fn restore_survivor(
    survivor: &Actor,
    came: &[table::ChangedMember],
    above: &[ActorId],
    left_alone: &mut Vec<LeftAlone>,
    sight: &Sight,
    w: &Write<'_>,
) -> Result<()> {
    let circle = above.contains(&survivor.id);
    // Before any comparison: which members came and which have changed would reveal something of hidden members.
    let hidden = members::hidden_members(survivor.id, w.call.asked.secrecy.as_ref());
    let came = came.iter().filter(|(member, ..)| !hidden.contains(member)).cloned();
    let (keep, back): (Vec<_>, Vec<_>) = came.partition(|(member, ..)| member == "parentId" && circle);
    let (returned, changed) = rules::revert_members(&survivor.fields, &back)?;
    let entry = |member, reason| not_restored("actor", survivor.id.uuid(), Some(member), reason);
    left_alone.extend(
        hidden.into_iter().filter(|member| rules::can_be_taken_over(member)).map(|member| entry(member, LeftAloneReason::UnderSecrecy)),
    );
    left_alone.extend(keep.into_iter().map(|(member, ..)| entry(member, LeftAloneReason::Circle)));
    left_alone.extend(changed.into_iter().map(|member| entry(member, LeftAloneReason::Changed)));
    if returned != survivor.fields {
        actors::update(survivor, returned, sight, w).await?;
    }
    Ok(())
}

/// Moves records back to the restored actor, if they still refer to the actor that they moved to.
async fn return_rows(
    merged: &Actor,
    survivor: ActorId,
    rows: Vec<MovedRow>,
    above: &[ActorId],
    left_alone: &mut Vec<LeftAlone>,
    w: &Write<'_>,
) -> Result<()> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Referring>> = BTreeMap::new();
    for (row, since) in &rows {
        let reason = if row.actor != *since {
            Some(LeftAloneReason::Changed)
        } else if row.ended && row.reference.removed_by_time() {
            Some(LeftAloneReason::Removed)
        } else if row.reference.seen == SeenBy::Actor && above.contains(&row.id.into()) {
            Some(LeftAloneReason::Circle)
        } else {
            None
        };
        match reason {
            Some(reason) => left_alone.push(not_restored(row.reference.kind, row.id, None, reason)),
            None => groups.entry((row.reference.table, row.reference.column)).or_default().push(row),
        }
    }
    let (back, mut gone_back) = (Some(merged.id.uuid()), Vec::new());
    for ((_, column), mut rows) in groups {
        if column == "other_actor_id" {
            // An actor that has got another parent since stays where it is. All actors that move back have already done so
            // here.
            let ids: Vec<_> = rows.iter().map(|row| row.id.into()).collect();
            let astray = relations::with_other_parent(&ids, merged.id, &w.tx).await?;
            rows.retain(|row| !astray.contains(&row.id.into()));
            left_alone.extend(astray.into_iter().map(|id| not_restored("actor_relation", id.uuid(), None, LeftAloneReason::Changed)));
        }
        reassign(&rows, back, w).await?;
        // An actor that took the merged actor's place becomes part of it again.
        for row in rows.iter().filter(|row| row.reference.seen == SeenBy::Actor && row.actor != Some(survivor.uuid())) {
            tombstones::update_part_of(&tombstones::find(row.id.into(), &w.tx).await?.0, Some(merged.id), w).await?;
        }
        gone_back.extend(rows);
    }
    announce_moved_actors(gone_back.into_iter(), w).await
}

//! Merges, carried out and undone.

pub(super) mod below;

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveValue::Set,
    Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use self::below::is_somebodys;
use super::{
    LeftAlone, LeftAloneReason, Merge, MergeId, NewMerge,
    plan::{self, Plan, Who},
    references::{
        FOLLOWING, Seen,
        store::{self as references, Referring},
    },
    rules, table,
};
use crate::{
    access::{Caller, Reach, Sight, Visibility},
    exchange::sources::rules as members,
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
};

/// How many rows one statement writes.
const AT_ONCE: usize = 500;

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

/// The merges into actors that the caller may see, or might before they were removed, and may merge.
fn seen(sight: &Sight, reach: &Reach) -> Select<table::Entity> {
    let visible = sight.rows(actor_table::Column::Visibility, None, Some(actor_table::Column::Id.into_expr()));
    let mut within = Condition::any();
    if reach.everywhere {
        within = Condition::all();
    } else {
        within = within.add(actor_table::Column::Id.is_in(reach.actors.iter().copied()));
        for path in &reach.areas {
            let areas = Query::select()
                .column("id")
                .from("area")
                .and_where(Expr::col("path").gte(path.clone()))
                .and_where(Expr::col("path").lt(format!("{path}~")))
                .take();
            within = within.add(actor_table::Column::SeatAreaId.in_subquery(areas));
        }
    }
    let actors = Query::select()
        .column((actor_table::Entity, actor_table::Column::Id))
        .from(actor_table::Entity)
        .cond_where(visible)
        .cond_where(within)
        .take();
    table::Entity::find().filter(table::Column::IntoId.in_subquery(actors))
}

/// Merges with only those records named that the caller sees, and nothing told of what is hidden from the caller by now.
async fn shown(caller: &Caller, mut merges: Vec<Merge>, secrecy: Option<&Secrecy>, db: &impl ConnectionTrait) -> Result<Vec<Merge>> {
    let of_one = |merge: &Merge| {
        let stayed = merge.stayed.iter().map(|record| (record.kind.clone(), record.id));
        stayed.chain(merge.left_alone.iter().map(|left| (left.kind.clone(), left.id))).collect::<Vec<_>>()
    };
    let named: BTreeSet<(String, Uuid)> = merges.iter().flat_map(of_one).collect();
    let mut seen: BTreeSet<(&str, Uuid)> = BTreeSet::new();
    for reference in FOLLOWING.iter() {
        let ids: Vec<Uuid> = named.iter().filter(|(kind, _)| kind == reference.kind).map(|(_, id)| *id).collect();
        for row in references::those(reference, &ids, false, db).await? {
            if plan::sees(caller, &row, row.actor) {
                seen.insert((reference.kind, row.id));
            }
        }
    }
    for merge in &mut merges {
        merge.stayed.retain(|record| seen.contains(&(record.kind.as_str(), record.id)));
        let hidden = plan::hidden([merge.merged_actor_id, merge.into], secrecy);
        rules::conceal(&mut merge.members, &hidden);
        merge.left_alone.retain(|left| {
            // Identifiers are named with their schemes.
            let member = left.member.as_deref().and_then(|member| member.split(' ').next());
            let told = left.reason == LeftAloneReason::UnderSecrecy || member.is_none_or(|member| !hidden.contains(member));
            told && seen.contains(&(left.kind.as_str(), left.id))
        });
    }
    Ok(merges)
}

/// One merge as the caller may see it.
pub(super) async fn as_seen(caller: &Caller, merge: Merge, secrecy: Option<&Secrecy>, db: &impl ConnectionTrait) -> Result<Merge> {
    shown(caller, vec![merge], secrecy, db).await?.pop().ok_or_else(Problem::not_found)
}

pub(super) async fn list(caller: &Caller, reach: &Reach, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Merge>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let mut page = paging.fetch(seen(&caller.sight, reach), keys, call, db).await?.map(view);
    page.items = shown(caller, page.items, call.secrecy.as_ref(), db.reader()).await?;
    Ok(page)
}

/// One merge within reach.
pub(super) async fn find(sight: &Sight, reach: &Reach, id: MergeId, db: &impl ConnectionTrait) -> Result<Merge> {
    seen(sight, reach).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// The actors that have become part of these, however many merges ago.
pub(in crate::exchange) async fn become_part_of(actors: &BTreeSet<Uuid>, db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>> {
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

/// Merges two actors, exactly as the preview says.
pub(super) async fn merge(who: &Who<'_>, id: ActorId, new: &NewMerge, w: &Write<'_>) -> Result<Merge> {
    let plan = plan::draw_locked(who, id, new.into, w).await?;
    plan.permitted(who)?;
    tombstones::bury(&plan.merged, plan.survivor.id, w).await?;
    let mut came = Vec::new();
    if plan.becomes != plan.survivor.fields {
        let after = actors::update(&plan.survivor, plan.becomes.clone(), &who.caller.sight, w).await?;
        came = rules::differing(&plan.survivor.fields, &after.fields)?;
    }
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        merged_id: id,
        into_id: plan.survivor.id,
        merged_by: w.call.user.map(Into::into),
        note: new.note.clone(),
        moved: plan.counts().into(),
        stayed: plan.stays().into(),
        members: plan.members.clone().into(),
        came: came.into(),
        undone_at: None,
        undone_by: None,
        left_alone: Vec::new().into(),
    };
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    follow(&plan, row.id, w).await?;
    // What stayed behind is not shown any more.
    actors::what_hangs_on(id, ChangeOperation::Delete, w).await?;
    w.access_changed();
    tell(row.id, 1, &plan.survivor, w);
    w.record(buried(&plan));
    Ok(view(row))
}

/// Lets everything follow into the survivor, and remembers what did.
async fn follow(plan: &Plan, id: MergeId, w: &Write<'_>) -> Result<()> {
    if let Some(child) = plan.steps_up {
        tombstones::place(&tombstones::find(child, &w.tx).await?.0, plan.merged.fields.parent_id, w).await?;
    }
    let mut groups: BTreeMap<(&str, &str, Option<Uuid>), Vec<&Referring>> = BTreeMap::new();
    for row in &plan.follow {
        groups.entry((row.reference.table, row.reference.column, plan.target(row))).or_default().push(row);
    }
    let mut moved = Vec::new();
    for ((_, _, target), rows) in groups {
        turn(&rows, target, w).await?;
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
    placed(plan.follow.iter(), w).await
}

/// Tells of what is seen by others since these rows have another actor above them; `rows` as they were before.
async fn placed(rows: impl Iterator<Item = &Referring>, w: &Write<'_>) -> Result<()> {
    for row in rows.filter(|row| row.reference.seen == Seen::Actor) {
        actors::seen_elsewhere(row.id.into(), row.actor.map(ActorId::from), w).await?;
    }
    Ok(())
}

/// Makes rows of one reference another actor's, keeps their versions where each is kept, and tells their followers.
async fn turn(rows: &[&Referring], to: Option<Uuid>, w: &Write<'_>) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    if first.reference.seen == Seen::Actor {
        let actors: Vec<ActorId> = ids.iter().copied().map(ActorId::from).collect();
        tombstones::remember(&actors, false, w).await?;
        references::turn(first.reference, &ids, to, w).await?;
        tombstones::remember(&actors, true, w).await?;
    } else {
        references::turn(first.reference, &ids, to, w).await?;
    }
    let mut after: Vec<Referring> = rows.iter().copied().cloned().collect();
    if let (Seen::AsActor | Seen::AsBoth, Some(to)) = (first.reference.seen, to) {
        let visibility = tombstones::find(to.into(), &w.tx).await?.0.fields.visibility;
        after = rows.iter().map(|row| row.of_one_seen_by(visibility)).collect();
    }
    if first.reference.seen != Seen::Actor {
        references::remember(&after, to, w).await?;
    }
    for (before, after) in rows.iter().zip(&after) {
        // Who works for what an actor is part of sees what is for its own people.
        let through = before.actor.filter(|_| before.reference.seen == Seen::Actor && before.visibility == Visibility::Actor);
        let was = through.map_or_else(|| before.visible(before.actor), |above| Visibility::Actor.of(None, Some(above)));
        after.announce(was, to, w).await?;
    }
    Ok(())
}

/// Who followed the merged actor learns what became of it, if it may see that; to others the actor is gone.
fn buried(plan: &Plan) -> Change {
    let (merged, survivor) = (&plan.merged, &plan.survivor);
    let both = [merged.fields.visibility, survivor.fields.visibility];
    let narrower = both.into_iter().min_by_key(|visibility| rules::breadth(*visibility)).unwrap_or(Visibility::Actor);
    let visible = narrower.of(None, Some(survivor.id.uuid()));
    let change = Change::new("actor", merged.id.uuid(), ChangeOperation::Merge, merged.version + 1, visible);
    let places = merged.fields.seat_area_id.into_iter().chain(merged.fields.areas_served.iter().copied());
    Change { merged_into: Some(survivor.id.uuid()), ..change.within(places).after(Some(own(merged))) }
}

fn own(actor: &Actor) -> Visible {
    actor.fields.visibility.of(None, Some(actor.id.uuid()))
}

/// The merge itself is for those who may merge there.
fn tell(id: MergeId, version: i64, survivor: &Actor, w: &Write<'_>) {
    let visible = Visibility::Actor.of(None, None);
    let places = survivor.fields.seat_area_id;
    w.record(Change::new("merge", id.uuid(), ChangeOperation::Upsert, version, visible).within(places));
}

/// The rows that followed, by reference, as they are now; and those that are no longer there.
async fn followed(merge: MergeId, locked: bool, db: &impl ConnectionTrait) -> Result<(Vec<(Referring, Option<Uuid>)>, Vec<LeftAlone>)> {
    let rows =
        table::row::Entity::find().filter(table::row::Column::MergeId.eq(merge)).order_by_asc(table::row::Column::Id).all(db).await?;
    let mut groups: BTreeMap<(String, String), BTreeMap<Uuid, Option<Uuid>>> = BTreeMap::new();
    for row in rows {
        groups.entry((row.of_table, row.of_column)).or_default().insert(row.row_id, row.now_id);
    }
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for ((table, column), mut ids) in groups {
        let Some(reference) = references::named(&table, &column) else { continue };
        for row in references::those(reference, &ids.keys().copied().collect::<Vec<_>>(), locked, db).await? {
            let since = ids.remove(&row.id).flatten();
            there.push((row, since));
        }
        gone.extend(ids.into_keys().map(|id| left(reference.kind, id, None, LeftAloneReason::Removed)));
    }
    Ok((there, gone))
}

fn left(kind: &str, id: Uuid, member: Option<String>, reason: LeftAloneReason) -> LeftAlone {
    LeftAlone { kind: kind.to_owned(), id, member, reason }
}

/// What the merged actor would be part of when it lives again: what was above it may have become part of another since.
async fn parent_again(merged: &Actor, db: &impl ConnectionTrait) -> Result<Option<ActorId>> {
    match merged.fields.parent_id {
        Some(parent) => Ok(tombstones::survivor(&Sight::of_installation(), parent, db).await?.or(Some(parent))),
        None => Ok(None),
    }
}

/// The actors that would come below others by undoing a merge, so that people got rights over them that the caller may not give.
async fn exposed(caller: &Caller, merge: &Merge, rows: &[(Referring, Option<Uuid>)], db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>> {
    let mut exposed = BTreeSet::new();
    if merge.undone_at.is_some() {
        return Ok(exposed);
    }
    let (merged, ..) = tombstones::find(merge.merged_actor_id, db).await?;
    let parent = parent_again(&merged, db).await?;
    let above = tombstones::above(parent, db).await?;
    let mut line = vec![merged.id];
    line.extend(above.iter().copied());
    let going: Vec<&Referring> = rows.iter().filter(|(row, since)| row.actor == *since).map(|(row, _)| row).collect();
    // What went along goes back below the merged actor.
    for row in going.iter().filter(|row| row.reference.seen == Seen::Actor && !above.contains(&row.id.into())) {
        let now = tombstones::above(row.actor.map(ActorId::from), db).await?;
        let theirs = is_somebodys(row.id.into(), None, db).await?;
        if !plan::may_come_below(caller, row.id.into(), &now, &line, theirs, db).await? {
            exposed.insert(row.id);
        }
    }
    // So does the survivor, if it was part of the merged one.
    let own = merged.id.to_string();
    let came = table::Entity::find_by_id(merge.id).one(db).await?.map(|row| row.came.0).unwrap_or_default();
    let was_part = came.iter().any(|(member, before, _)| member == "parentId" && before.as_str() == Some(own.as_str()));
    if was_part && !above.contains(&merge.into) {
        let (survivor, ..) = tombstones::find(merge.into, db).await?;
        let now = tombstones::above(survivor.fields.parent_id, db).await?;
        let theirs = is_somebodys(merge.into, None, db).await?;
        if !plan::may_come_below(caller, merge.into, &now, &line, theirs, db).await? {
            exposed.insert(merge.into.uuid());
        }
    }
    // And the merged actor itself comes below others than before, with the people who go back to it.
    if parent != merged.fields.parent_id {
        let now = tombstones::above(Some(merge.into), db).await?;
        let theirs = going.iter().any(|row| row.reference.kind == "grant") || is_somebodys(merged.id, None, db).await?;
        if !plan::may_come_below(caller, merged.id, &now, &above, theirs, db).await? {
            exposed.insert(merged.id.uuid());
        }
    }
    Ok(exposed)
}

/// Checks that the caller may undo a merge: whoever may write both actors, and let what followed go back.
pub(super) async fn may_undo(caller: &Caller, reach: &Reach, merge: &Merge, db: &impl ConnectionTrait) -> Result<()> {
    for id in [merge.merged_actor_id, merge.into] {
        let (actor, ..) = tombstones::find(id, db).await?;
        actors::may_write(reach, &actor.fields, Some(id), db).await?;
    }
    let there = followed(merge.id, false, db).await?.0;
    let mut out_of_reach = exposed(caller, merge, &there, db).await?;
    let rows: Vec<_> = there.into_iter().map(|(row, _)| row).collect();
    out_of_reach.extend(plan::unreached(reach, &rows, db).await?);
    let count = out_of_reach.len();
    if count == 0 {
        return Ok(());
    }
    Err(reach.missing().detail(say!(
        "{count} uppgifter skulle gå tillbaka som du inte har rätt att flytta, till exempel medlemskap i forum utanför ditt område. Be någon som samordnar även där, eller den som driver tjänsten.",
        "{count} records would go back that you may not move, such as memberships of forums outside your area. Ask somebody who coordinates there too, or who runs the service."
    )))
}

/// Checks that nothing later stands on the merge, and gives both actors, locked.
async fn undoable(merge: &Merge, w: &Write<'_>) -> Result<(Actor, Actor)> {
    tombstones::lock(&[merge.merged_actor_id, merge.into], w).await?;
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
            Some(later) => problem.with(format!("/merges/{}", later.id)),
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

/// Undoes a merge: the merged actor lives again, and what followed goes back unless it has been changed since.
pub(super) async fn undo(caller: &Caller, reach: &Reach, merge: &Merge, w: &Write<'_>) -> Result<Merge> {
    let sight = &caller.sight;
    may_undo(caller, reach, merge, &w.tx).await?;
    let (merged, survivor) = undoable(merge, w).await?;
    let row = table::Entity::find_by_id(merge.id).one(&w.tx).await?.ok_or_else(Problem::not_found)?;
    let (rows, mut left_alone) = followed(merge.id, true, &w.tx).await?;
    let parent = parent_again(&merged, &w.tx).await?;
    tombstones::revive(&merged, parent, w).await?;
    // What stayed behind is shown again; what followed is told of as it goes back.
    actors::what_hangs_on(merged.id, ChangeOperation::Upsert, w).await?;
    let above = tombstones::above(parent, &w.tx).await?;
    give_back(&survivor, &row.came.0, &above, &mut left_alone, sight, w).await?;
    for scheme in tombstones::claim(&merged, sight, w).await? {
        let member = Some(format!("identifiers {scheme}"));
        left_alone.push(left("actor", merged.id.uuid(), member, LeftAloneReason::Taken));
    }
    return_rows(&merged, survivor.id, rows, &above, &mut left_alone, w).await?;
    w.access_changed();
    left_alone.sort_by(|a, b| (&a.kind, a.id, &a.member).cmp(&(&b.kind, b.id, &b.member)));
    let undone = table::ActiveModel {
        version: Set(row.version + 1),
        updated_at: Set(w.now),
        undone_at: Set(Some(w.now)),
        undone_by: Set(w.call.user.map(Into::into)),
        left_alone: Set(left_alone.into()),
        ..Default::default()
    };
    w.replace::<table::Entity>(undone, table::Column::Id.eq(row.id), table::Column::Version, row.version).await?;
    tell(row.id, row.version + 1, &survivor, w);
    let places = merged.fields.seat_area_id.into_iter().chain(merged.fields.areas_served.iter().copied());
    w.record(Change::new("actor", merged.id.uuid(), ChangeOperation::Upsert, merged.version + 1, own(&merged)).within(places));
    table::Entity::find_by_id(merge.id).one(&w.tx).await?.map(view).ok_or_else(Problem::not_found)
}

/// Takes from the survivor what came by the merge, unless it has been changed since, or is hidden from who undoes it.
async fn give_back(
    survivor: &Actor,
    came: &[table::Came],
    above: &[ActorId],
    left_alone: &mut Vec<LeftAlone>,
    sight: &Sight,
    w: &Write<'_>,
) -> Result<()> {
    let circle = above.contains(&survivor.id);
    // Before anything is compared: what came, and what has been changed since, would tell of it.
    let hidden = members::hidden_members(survivor.id, w.call.secrecy.as_ref());
    let came = came.iter().filter(|(member, ..)| !hidden.contains(member)).cloned();
    let (keep, back): (Vec<_>, Vec<_>) = came.partition(|(member, ..)| member == "parentId" && circle);
    let (returned, changed) = rules::returned(&survivor.fields, &back)?;
    let of = |member, reason| left("actor", survivor.id.uuid(), Some(member), reason);
    left_alone.extend(hidden.into_iter().filter(|member| rules::may_come(member)).map(|member| of(member, LeftAloneReason::UnderSecrecy)));
    left_alone.extend(keep.into_iter().map(|(member, ..)| of(member, LeftAloneReason::Circle)));
    left_alone.extend(changed.into_iter().map(|member| of(member, LeftAloneReason::Changed)));
    if returned != survivor.fields {
        actors::update(survivor, returned, sight, w).await?;
    }
    Ok(())
}

/// Lets what followed go back to the actor that lives again, where it is still where it went.
async fn return_rows(
    merged: &Actor,
    survivor: ActorId,
    rows: Vec<(Referring, Option<Uuid>)>,
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
        } else if row.reference.seen == Seen::Actor && above.contains(&row.id.into()) {
            Some(LeftAloneReason::Circle)
        } else {
            None
        };
        match reason {
            Some(reason) => left_alone.push(left(row.reference.kind, row.id, None, reason)),
            None => groups.entry((row.reference.table, row.reference.column)).or_default().push(row),
        }
    }
    let (back, mut gone_back) = (Some(merged.id.uuid()), Vec::new());
    for ((_, column), mut rows) in groups {
        if column == "other_actor_id" {
            // What is part of the other now has been placed there since; by now all who go back have done so.
            let ids: Vec<_> = rows.iter().map(|row| row.id.into()).collect();
            let astray = relations::astray(&ids, merged.id, &w.tx).await?;
            rows.retain(|row| !astray.contains(&row.id.into()));
            left_alone.extend(astray.into_iter().map(|id| left("actor_relation", id.uuid(), None, LeftAloneReason::Changed)));
        }
        turn(&rows, back, w).await?;
        // One that took its place is part of it again.
        for row in rows.iter().filter(|row| row.reference.seen == Seen::Actor && row.actor != Some(survivor.uuid())) {
            tombstones::place(&tombstones::find(row.id.into(), &w.tx).await?.0, Some(merged.id), w).await?;
        }
        gone_back.extend(rows);
    }
    placed(gone_back.into_iter(), w).await
}

//! Queries and writes of secrecy marks. `access::secrecy` reads the marks in force, by the name of the table.

use sea_orm::{ActiveValue::Set, Condition, ConnectionTrait, EntityTrait, QueryTrait, entity::prelude::*};

use super::{MarkId, NewSecrecyMark, SecrecyMark, table, types::SecrecyMarkFilter};
use crate::{
    access::{Reach, Sight, Visibility, secrecy},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        contract::Contract,
        events::{self, Change, ChangeOperation},
        page::Key,
        problem::Kind,
        request::Call,
        say, text,
    },
    records::{Record, RecordKind, store as records},
    registry::relations::store as relations,
};

fn view(row: table::Model) -> SecrecyMark {
    SecrecyMark {
        id: row.id,
        version: row.version,
        ground: format!("OSL {}:{}", row.chapter, row.paragraph),
        fields: NewSecrecyMark {
            record_kind: row.record_kind,
            record_id: row.record_id,
            member: Some(row.member).filter(|member| !member.is_empty()),
            chapter: row.chapter,
            paragraph: row.paragraph,
            motive: row.motive,
            review_on: row.review_on,
        },
        marked_by: row.marked_by_name,
        lifted_at: row.lifted_at,
        lifted_by: row.lifted_by_name,
        lift_motive: row.lift_motive,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Selects the marks of records whose actor or forum the reach covers.
fn find_within_reach(reach: &Reach) -> Select<table::Entity> {
    let within = if reach.everywhere {
        Condition::all()
    } else {
        Condition::any()
            .add(table::Column::ActorId.is_in(reach.actors.iter().copied()))
            .add(table::Column::ForumId.is_in(reach.forums.iter().copied()))
    };
    table::Entity::find().filter(within)
}

pub(super) async fn list(reach: &Reach, filter: &SecrecyMarkFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<SecrecyMark>> {
    let select = find_within_reach(reach)
        .apply_if(filter.record_id, |select, record| select.filter(table::Column::RecordId.eq(record)))
        .apply_if(filter.review_before, |select, day| {
            select.filter(table::Column::ReviewOn.lt(day)).filter(table::Column::LiftedAt.is_null())
        })
        .apply_if(filter.in_force, |select, holds| {
            select.filter(if holds { table::Column::LiftedAt.is_null() } else { table::Column::LiftedAt.is_not_null() })
        });
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// Returns one mark that the reach covers.
pub(super) async fn find(reach: &Reach, id: MarkId, db: &impl ConnectionTrait) -> Result<SecrecyMark> {
    find_within_reach(reach).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Sets a mark on a record. The caller of this function has checked the permission.
pub(super) async fn insert(record: &Record, new: NewSecrecyMark, contract: &Contract, w: &Write<'_>) -> Result<SecrecyMark> {
    let mut faults: Vec<Fault> = text::blank_fault("/motive", &new.motive).into_iter().collect();
    faults.extend(member_fault(record.kind, new.member.as_deref(), contract));
    if new.review_on < w.today() {
        faults.push(Fault::at_pointer(
            "/reviewOn",
            "too-early",
            say!("Omprövningsdagen har redan varit. Ange en dag som kommer.", "The day of review has passed already. Give a day to come."),
        ));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let member = new.member.clone().unwrap_or_default();
    let present = table::Entity::find()
        .filter(table::Column::RecordId.eq(record.id))
        .filter(table::Column::Member.eq(member.as_str()))
        .filter(table::Column::LiftedAt.is_null())
        .one(&w.tx)
        .await?;
    if let Some(present) = present {
        return Err(Problem::conflict(say!(
            "Detta är redan sekretessmarkerat. Häv den markeringen först, om den ska ersättas av en ny.",
            "This is marked as secret already. Lift that mark first, if it is to be replaced by a new one."
        ))
        .with_record("/secrecy-marks", present.id));
    }
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        record_kind: Set(new.record_kind),
        record_id: Set(new.record_id),
        member: Set(member),
        chapter: Set(new.chapter),
        paragraph: Set(new.paragraph),
        motive: Set(new.motive),
        review_on: Set(new.review_on),
        forum_id: Set(record.forum),
        actor_id: Set(record.actor),
        marked_by_name: Set(w.call.author.user_name.clone()),
        lifted_by_name: Set(None),
        lift_motive: Set(None),
        lifted_at: Set(None),
    };
    let mark = view(row.insert(&w.tx).await?);
    announce(&mark, record, w).await?;
    Ok(mark)
}

/// Returns the fault when the kind of record or the member cannot be hidden: there is no such member, or it is required.
fn member_fault(kind: RecordKind, member: Option<&str>, contract: &Contract) -> Option<Fault> {
    let hideable: Vec<_> = contract.forms(kind.name()).filter(|(_, form)| form.is_some()).map(|(name, _)| name.as_str()).collect();
    if hideable.is_empty() {
        return Some(Fault::at_pointer(
            "/recordKind",
            "not-in-list",
            say!(
                "En utgåva markeras inte själv. Markera lägesbilden, iakttagelsen eller orsaken; då döljs den i alla utgåvor.",
                "A revision is not marked itself. Mark the assessment, finding or cause; it is then hidden in all revisions."
            ),
        ));
    }
    let member = member.filter(|member| !hideable.contains(member))?;
    let all = hideable.join(", ");
    Some(match text::nearest(member, hideable.iter().copied()) {
        Some(meant) => Fault::at_pointer(
            "/member",
            "not-in-list",
            say!(
                "Den uppgiften kan inte döljas. Menade du {meant}? De som kan döljas är {all}.",
                "That member cannot be hidden. Did you mean {meant}? Those that can are {all}."
            ),
        ),
        None => Fault::at_pointer(
            "/member",
            "not-in-list",
            say!("Den uppgiften kan inte döljas. De som kan döljas är {all}.", "That member cannot be hidden. Those that can are {all}."),
        ),
    })
}

/// Lifts a mark.
pub(super) async fn lift(mark: &SecrecyMark, motive: &str, w: &Write<'_>) -> Result<SecrecyMark> {
    let faults: Vec<Fault> = text::blank_fault("/motive", motive).into_iter().collect();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    if mark.lifted_at.is_some() {
        return Err(Problem::conflict(say!("Markeringen är redan hävd.", "The mark has been lifted already.")));
    }
    let row = table::ActiveModel {
        version: Set(mark.version + 1),
        updated_at: Set(w.now),
        lifted_by_name: Set(Some(w.call.author.user_name.clone())),
        lift_motive: Set(Some(motive.to_owned())),
        lifted_at: Set(Some(w.now)),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(mark.id), table::Column::Version, mark.version).await?;
    let lifted = table::Entity::find_by_id(mark.id).one(&w.tx).await?.map(view).ok_or_else(Problem::not_found)?;
    match records::find(&Sight::of_installation(), mark.fields.record_kind, mark.fields.record_id, &w.tx).await {
        Ok(record) => announce(&lifted, &record, w).await?,
        // The record has been removed since it was marked.
        Err(problem) if problem.kind == Kind::NotFound => w.access_changed(),
        Err(problem) => return Err(problem),
    }
    Ok(lifted)
}

/// Makes all instances read the marks again, and records a change in the feed for the mark, the record and its parts, since their
/// responses are different now. The feed says only that they have changed. When `parentId` of an actor is marked, its `part_of`
/// relations are hidden too, so they get a change as well.
async fn announce(mark: &SecrecyMark, record: &Record, w: &Write<'_>) -> Result<()> {
    w.access_changed();
    let op = ChangeOperation::Upsert;
    w.record(Change::new("secrecy_mark", mark.id.uuid(), op, mark.version, Visibility::Actor.of(None, None)));
    w.record(Change::new(record.kind.name(), record.id, op, record.version, record.visible.clone()));
    if mark.fields.member.is_none() {
        for (kind, parts) in secrecy::all_parts_of(record.kind.name(), record.id, &w.tx).await? {
            events::republish(kind, &parts, w).await?;
        }
    }
    if record.kind == RecordKind::Actor && mark.fields.member.as_deref().is_none_or(|member| member == "parentId") {
        relations::announce_parents(record.id.into(), w).await?;
    }
    Ok(())
}

//! Members of forums. Who leaves is kept, and may be invited again.

use std::collections::HashSet;

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, entity::prelude::*};

use super::{Member, MemberId, MemberStatus, NewMember, table};
use crate::{
    access::{Reach, Sight, policy::ForumFunction},
    forums::forums::{Forum, ForumId, store as forums},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        say, text,
    },
    registry::actors::{ActorId, store as actors},
};

fn view(row: table::Model) -> Member {
    Member {
        id: row.id,
        version: row.version,
        forum_id: row.forum_id,
        fields: NewMember {
            actor_id: row.actor_id,
            function: row.function,
            current_level: row.current_level,
            desired_level: row.desired_level,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        },
        status: row.status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(super) async fn list(forum: ForumId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Member>> {
    let select = table::Entity::find().filter(table::Column::ForumId.eq(forum)).filter(table::Column::Status.ne(MemberStatus::Left));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One membership of a forum that may be seen.
pub(super) async fn find(forum: ForumId, id: MemberId, db: &impl ConnectionTrait) -> Result<Member> {
    let row = table::Entity::find_by_id(id).filter(table::Column::ForumId.eq(forum)).one(db).await?;
    row.map(view).ok_or_else(Problem::not_found)
}

/// Checks that the caller may answer for the actor: by working for it, or by coordinating where the forum works.
///
/// # Errors
/// When the caller may not.
pub(super) async fn may_answer(reach: &Reach, forum: &Forum, member: &Member, db: &impl ConnectionTrait) -> Result<()> {
    match reach.speaks_for(member.fields.actor_id.uuid()) {
        Ok(()) => Ok(()),
        // Not as the forum's own people: nobody joins another to a forum.
        Err(_) => forums::may_write(reach, &forum.fields, None, db).await,
    }
}

/// Whether an actor takes part in a forum in more than looking on.
///
/// # Errors
/// When the database does not answer.
pub async fn takes_part(forum: ForumId, actor: ActorId, db: &impl ConnectionTrait) -> Result<bool> {
    Ok(!taking_part(forum, &[actor], db).await?.is_empty())
}

/// Which of these actors take part in a forum and may have a say.
///
/// # Errors
/// When the database does not answer.
pub async fn taking_part(forum: ForumId, actors: &[ActorId], db: &impl ConnectionTrait) -> Result<HashSet<ActorId>> {
    let rows = table::Entity::find()
        .filter(table::Column::ForumId.eq(forum))
        .filter(table::Column::ActorId.is_in(actors.iter().copied()))
        .filter(table::Column::Status.eq(MemberStatus::Accepted))
        .filter(table::Column::Function.ne(ForumFunction::Observer))
        .filter(actors::lives(table::Column::ActorId))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.actor_id).collect())
}

/// Makes an actor a member.
///
/// # Errors
/// When the actor is one already, or with all faults.
pub async fn insert(sight: &Sight, forum: &Forum, new: NewMember, status: MemberStatus, w: &Write<'_>) -> Result<Member> {
    if !actors::missing(sight, &[new.actor_id], &w.tx).await?.is_empty() {
        return Err(Problem::fault("/actorId", "not-found", say!("Aktören finns inte.", "The actor does not exist.")));
    }
    let present = table::Entity::find()
        .filter(table::Column::ForumId.eq(forum.id))
        .filter(table::Column::ActorId.eq(new.actor_id))
        .one(&w.tx)
        .await?
        .map(view);
    match present {
        Some(member) if member.status == MemberStatus::Left || member.status == MemberStatus::Declined => {
            store(member.id, member.version + 1, Some(&member), forum, new, status, w).await
        }
        Some(member) => Err(Problem::conflict(say!("Aktören är redan med i forumet.", "The actor is in the forum already."))
            .with(format!("/forums/{}/members/{}", forum.id, member.id))),
        None => store(w.new_id(), 1, None, forum, new, status, w).await,
    }
}

/// Changes a membership.
pub(super) async fn update(forum: &Forum, member: &Member, new: NewMember, status: MemberStatus, w: &Write<'_>) -> Result<Member> {
    if new.actor_id != member.fields.actor_id {
        return Err(Problem::fault(
            "/actorId",
            "immutable",
            say!(
                "En medlem kan inte bli en annan aktör; bjud in den andra i stället.",
                "A member cannot become another actor; invite the other instead."
            ),
        ));
    }
    store(member.id, member.version + 1, Some(member), forum, new, status, w).await
}

/// Answers an invitation; the same answer again changes nothing.
pub(super) async fn answer(forum: &Forum, member: &Member, status: MemberStatus, w: &Write<'_>) -> Result<Member> {
    if member.status == status {
        return Ok(member.clone());
    }
    if member.status == MemberStatus::Left {
        return Err(Problem::conflict(say!(
            "Aktören har lämnat forumet och behöver bjudas in på nytt.",
            "The actor has left the forum and must be invited anew."
        )));
    }
    store(member.id, member.version + 1, Some(member), forum, member.fields.clone(), status, w).await
}

async fn store(
    id: MemberId,
    version: i64,
    before: Option<&Member>,
    forum: &Forum,
    new: NewMember,
    status: MemberStatus,
    w: &Write<'_>,
) -> Result<Member> {
    let faults: Vec<Fault> = text::period_fault(new.valid_from, new.valid_to).into_iter().collect();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let row = table::ActiveModel {
        id: Set(id),
        version: Set(version),
        created_at: Set(before.map_or(w.now, |before| before.created_at)),
        updated_at: Set(w.now),
        forum_id: Set(forum.id),
        actor_id: Set(new.actor_id),
        function: Set(new.function),
        status: Set(status),
        current_level: Set(new.current_level),
        desired_level: Set(new.desired_level),
        valid_from: Set(new.valid_from),
        valid_to: Set(new.valid_to),
    };
    let member = match before {
        None => view(row.insert(&w.tx).await?),
        Some(before) => {
            w.replace::<table::Entity>(row, table::Column::Id.eq(id), table::Column::Version, before.version).await?;
            find(forum.id, id, &w.tx).await?
        }
    };
    let op = if status == MemberStatus::Left { ChangeOperation::Delete } else { ChangeOperation::Upsert };
    w.access_changed();
    let visible = forum.fields.visibility.of(Some(forum.id.uuid()), None);
    w.record(Change::new("member", id.uuid(), op, version, visible).within(forum.fields.areas.iter().copied()));
    Ok(member)
}

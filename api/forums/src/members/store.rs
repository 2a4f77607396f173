//! Queries and writes of memberships. The row of an actor that leaves stays, and is used again when the actor is invited again.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, EntityTrait, entity::prelude::*};

use super::{
    Member, MemberId, MemberStatus, NewMember, RECORD,
    rules::{self, Operation},
    table,
};
use crate::{
    access::{Sight, policy::ForumFunction},
    forums::{Forum, ForumId, rules as forum_rules, store as forums},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write, language::Text, page::Key, request::Call, saved::Saved, say, table::valid_on, text,
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
        actor: None,
        status: row.status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Adds the name of the actor to a membership, if the caller can see the actor.
pub(super) async fn with_actor_name(sight: &Sight, member: Member, db: &impl ConnectionTrait) -> Result<Member> {
    let actor = actors::names(sight, &[member.fields.actor_id], db).await?.remove(&member.fields.actor_id);
    Ok(Member { actor, ..member })
}

pub(super) async fn list(sight: &Sight, forum: ForumId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Member>> {
    let select = table::Entity::find().filter(table::Column::ForumId.eq(forum)).filter(table::Column::Status.ne(MemberStatus::Left));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let page = paging.fetch(select, keys, call, db).await?.map(view);
    let ids: Vec<_> = page.items.iter().map(|member| member.fields.actor_id).collect();
    let mut names = actors::names(sight, &ids, db.reader()).await?;
    Ok(page.map(|member| Member { actor: names.remove(&member.fields.actor_id), ..member }))
}

/// Returns one membership of a forum. The caller has checked that the forum is visible.
pub(super) async fn find(forum: ForumId, id: MemberId, db: &impl ConnectionTrait) -> Result<Member> {
    let row = table::Entity::find_by_id(id).filter(table::Column::ForumId.eq(forum)).one(db).await?;
    row.map(view).ok_or_else(Problem::not_found)
}

/// Whether an actor takes part in a forum today, so that it may endorse and vote.
///
/// # Errors
/// When the forum is closed (409).
pub async fn takes_part(forum: ForumId, actor: ActorId, w: &Write<'_>) -> Result<bool> {
    let forum = forums::find(&Sight::of_installation(), forum, &w.tx).await?;
    forum_rules::require(forum_rules::Operation::Work, forum.fields.status)?;
    Ok(!participants_among(forum.id, &[actor], w).await?.is_empty())
}

/// Returns those of these actors that take part in a forum today: they have accepted, are not observers, today lies in the period of
/// the membership, and they are not dissolved.
///
/// # Errors
/// When the database does not answer.
pub async fn participants_among(forum: ForumId, actors: &[ActorId], w: &Write<'_>) -> Result<HashSet<ActorId>> {
    let today = w.today();
    let rows = table::Entity::find()
        .filter(table::Column::ForumId.eq(forum))
        .filter(table::Column::ActorId.is_in(actors.iter().copied()))
        .filter(table::Column::Status.eq(MemberStatus::Accepted))
        .filter(table::Column::Function.ne(ForumFunction::Observer))
        .filter(valid_on(table::Column::ValidFrom, table::Column::ValidTo, today))
        .all(&w.tx)
        .await?;
    let members: Vec<ActorId> = rows.into_iter().map(|row| row.actor_id).collect();
    Ok(actors::not_dissolved_on(&members, today, &w.tx).await?.into_iter().collect())
}

/// Makes an actor a member, with this status.
///
/// # Errors
/// When the forum is closed or the actor is a member already (409); when the actor is not visible or is dissolved, or the period is
/// invalid or over (422).
pub async fn insert(sight: &Sight, forum: &Forum, new: NewMember, status: MemberStatus, w: &Write<'_>) -> Result<Member> {
    if !actors::missing(sight, &[new.actor_id], &w.tx).await?.is_empty() {
        return Err(Problem::fault("/actorId", "not-found", say!("Aktören finns inte.", "The actor does not exist.")));
    }
    forum_rules::require(forum_rules::Operation::Work, forum.fields.status)?;
    if actors::not_dissolved_on(&[new.actor_id], w.today(), &w.tx).await?.is_empty() {
        return Err(Problem::fault("/actorId", "dissolved", dissolved_text()));
    }
    if new.valid_to.is_some_and(|day| day <= w.today()) {
        return Err(Problem::fault(
            "/validTo",
            "too-early",
            say!(
                "Medlemskapets sista dag har redan varit. Ange en dag som kommer.",
                "The membership's last day has passed already. Give a day to come."
            ),
        ));
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
            .with_record(&format!("/forums/{}/members", forum.id), member.id)),
        None => store(w.new_id(), 1, None, forum, new, status, w).await,
    }
}

/// Changes a membership.
pub(super) async fn update(forum: &Forum, member: &Member, new: NewMember, w: &Write<'_>) -> Result<Member> {
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
    rules::status_after(Operation::Write, member.status)?;
    store(member.id, member.version + 1, Some(member), forum, new, member.status, w).await
}

/// Removes an actor from the forum. Nothing changes when it has left already.
pub(super) async fn remove(forum: &Forum, member: &Member, w: &Write<'_>) -> Result<()> {
    let status = rules::status_after(Operation::Remove, member.status)?;
    if member.status != status {
        store(member.id, member.version + 1, Some(member), forum, member.fields.clone(), status, w).await?;
    }
    Ok(())
}

/// Accepts or declines an invitation, or leaves the forum. The same answer again changes nothing.
///
/// # Errors
/// When the status or the period of the membership, the status of the forum, or the dissolution of the actor forbids it (409).
pub(super) async fn answer(forum: &Forum, member: &Member, operation: Operation, w: &Write<'_>) -> Result<Member> {
    let status = rules::status_after(operation, member.status)?;
    if member.status == status {
        return Ok(member.clone());
    }
    if operation == Operation::Accept {
        forum_rules::require(forum_rules::Operation::Work, forum.fields.status)?;
        if member.fields.valid_to.is_some_and(|day| day <= w.today()) {
            return Err(Problem::conflict(say!(
                "Medlemskapets sista dag har passerat. Be om en ny inbjudan.",
                "The last day of the membership has passed. Ask for a new invitation."
            )));
        }
        if actors::not_dissolved_on(&[member.fields.actor_id], w.today(), &w.tx).await?.is_empty() {
            return Err(Problem::conflict(dissolved_text()));
        }
    }
    store(member.id, member.version + 1, Some(member), forum, member.fields.clone(), status, w).await
}

/// The text of the problem when a dissolved actor is invited or accepts.
fn dissolved_text() -> Text {
    say!("Aktören är upplöst och kan inte vara med i forum.", "The actor is dissolved and cannot be in forums.")
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
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        forum_id: forum.id,
        actor_id: new.actor_id,
        function: new.function,
        status,
        current_level: new.current_level,
        desired_level: new.desired_level,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let member = view(row);
    w.access_changed();
    let visible = forum.fields.visibility.of(Some(forum.id.uuid()), None);
    let saved = Saved::new(&RECORD, id, version, visible).in_areas(forum.fields.areas.iter().copied());
    w.publish(if status == MemberStatus::Left { saved.removed() } else { saved }).await?;
    Ok(member)
}

use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{rules::Operation, store, types::*};
use crate::{
    access::{
        By, Reach,
        policy::{ForumFunction, Permission, Standing, allows, needs},
    },
    forums::{Forum, ForumId, store as forums},
    kernel::{At, Db, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, Write, reply::Nothing, say},
};

/// List members
///
/// The members of a forum, in the order of their first invitation.
#[utoipa::path(tag = "forums", operation_id = "listMembers", params(Paging),
    responses((status = 200, description = "A page of members", body = Page<Member>)))]
#[get("/forums/{forumId}/members")]
async fn list(by: By<needs::ReadForums>, At(forum): At<ForumId>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Member>> {
    forums::find(by.sight(), forum, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), forum, paging, by, &db).await).await
}

/// Invite a member
///
/// The users of the actor can see the forum from now on. The actor takes part when one of them has accepted.
#[utoipa::path(tag = "forums", operation_id = "createMember", request_body = NewMember,
    responses((status = 201, description = "The membership with the status `invited`", body = Member)))]
#[post("/forums/{forumId}/members")]
async fn create(by: By<needs::WriteForums>, At(forum): At<ForumId>, new: Valid<NewMember>, db: Data<Db>) -> Result<Reply<Member>> {
    db.write(&by, async |w| {
        let forum = forums::find(by.sight(), forum, &w.tx).await?;
        forums::may_write(&by.reach, &forum.fields, Some(forum.id), &w.tx).await?;
        may_give_function(&by, &forum, new.0.function, w).await?;
        let member = store::insert(by.sight(), &forum, new.0.clone(), MemberStatus::Invited, w).await?;
        let member = store::with_actor_name(by.sight(), member, &w.tx).await?;
        Reply::created(&format!("/forums/{}/members", forum.id), member.id, member.version, &member)
    })
    .await
}

/// Show a member
///
/// One membership by its id.
#[utoipa::path(tag = "forums", operation_id = "getMember",
    responses((status = 200, description = "The membership", body = Member)))]
#[get("/forums/{forumId}/members/{memberId}")]
async fn show(by: By<needs::ReadForums>, At((forum, id)): At<(ForumId, MemberId)>, db: Data<Db>) -> Result<Reply<Member>> {
    let forum = forums::find(by.sight(), forum, db.reader()).await?;
    let member = store::with_actor_name(by.sight(), store::find(forum.id, id, db.reader()).await?, db.reader()).await?;
    let may = async |permission, reach: &Reach| match permission {
        Permission::AnswerInvitation => reach.speaks_for(member.fields.actor_id.uuid()),
        _ => forums::may_write(reach, &forum.fields, Some(forum.id), db.reader()).await,
    };
    Reply::composed(&by.allowing(may).await?, 200, member.version, &member)
}

/// Change a member
///
/// Changes the function, the levels of collaboration and the period. Merge patch: members that are left out stay as they are, and null
/// clears a member.
#[utoipa::path(tag = "forums", operation_id = "updateMember", request_body = Patch<NewMember>,
    responses((status = 200, description = "The changed membership", body = Member)))]
#[patch("/forums/{forumId}/members/{memberId}")]
async fn change(
    by: By<needs::WriteForums>,
    At((forum, id)): At<(ForumId, MemberId)>,
    patch: Patch<NewMember>,
    db: Data<Db>,
) -> Result<Reply<Member>> {
    db.write(&by, async |w| {
        let forum = forums::find(by.sight(), forum, &w.tx).await?;
        let mut member = store::find(forum.id, id, &w.tx).await?;
        forums::may_write(&by.reach, &forum.fields, Some(forum.id), &w.tx).await?;
        by.expects(member.version)?;
        if let Some(changed) = patch.apply(member.id, &member.fields)? {
            let (now, before) = (&changed, &member.fields);
            if (now.function, now.valid_from, now.valid_to) != (before.function, before.valid_from, before.valid_to) {
                may_take_function(&by, &forum, &member, w).await?;
            }
            if changed.function != member.fields.function {
                may_give_function(&by, &forum, changed.function, w).await?;
            }
            member = store::update(&forum, &member, changed, w).await?;
        }
        let member = store::with_actor_name(by.sight(), member, &w.tx).await?;
        Reply::changed(member.version, &member)
    })
    .await
}

/// Accept an invitation
///
/// Only for users who work for the actor; nobody else can accept for it. From now on the actor's users hold the rights of its
/// function in the forum.
#[utoipa::path(tag = "forums", operation_id = "acceptInvitation",
    responses((status = 200, description = "The accepted membership", body = Member)))]
#[post("/forums/{forumId}/members/{memberId}/accept")]
async fn accept(by: By<needs::AnswerInvitation>, At((forum, id)): At<(ForumId, MemberId)>, db: Data<Db>) -> Result<Reply<Member>> {
    answer(&by, forum, id, Operation::Accept, &db).await
}

/// Decline an invitation
///
/// Only for users who work for the actor. They can no longer see records with the visibility `forum`. The actor can be invited
/// again.
#[utoipa::path(tag = "forums", operation_id = "declineInvitation",
    responses((status = 200, description = "The declined membership", body = Member)))]
#[post("/forums/{forumId}/members/{memberId}/decline")]
async fn decline(by: By<needs::AnswerInvitation>, At((forum, id)): At<(ForumId, MemberId)>, db: Data<Db>) -> Result<Reply<Member>> {
    answer(&by, forum, id, Operation::Decline, &db).await
}

/// Leave a forum
///
/// Only for users who work for the actor, when it takes part. They can no longer see records with the visibility `forum`, except
/// the actor's own endorsements.
#[utoipa::path(tag = "forums", operation_id = "leaveForum",
    responses((status = 200, description = "The membership with the status `left`", body = Member)))]
#[post("/forums/{forumId}/members/{memberId}/leave")]
async fn leave(by: By<needs::AnswerInvitation>, At((forum, id)): At<(ForumId, MemberId)>, db: Data<Db>) -> Result<Reply<Member>> {
    answer(&by, forum, id, Operation::Leave, &db).await
}

/// Checks that the caller may give a member this function: the caller must have all rights of the function itself, or coordinate
/// one of the forum's areas.
async fn may_give_function(by: &By<needs::WriteForums>, forum: &Forum, function: ForumFunction, w: &Write<'_>) -> Result<()> {
    if holds_rights_of(by, forum, function, w).await {
        return Ok(());
    }
    Err(Problem::fault(
        "/function",
        "not-held",
        say!(
            "Funktionen får göra mer i forumet än ni själva. Be den som leder forumet, eller den som samordnar området, att ge den.",
            "The function may do more in the forum than you yourselves. Ask who leads the forum, or who coordinates the area, to give it."
        ),
    ))
}

/// Checks that the caller may take the function from a member, by the same rule as for giving it. The caller may always take it
/// from an actor that it works for.
async fn may_take_function(by: &By<needs::WriteForums>, forum: &Forum, member: &Member, w: &Write<'_>) -> Result<()> {
    let own = by.caller.reach(Permission::AnswerInvitation).and_then(|reach| reach.speaks_for(member.fields.actor_id.uuid()));
    if own.is_ok() || holds_rights_of(by, forum, member.fields.function, w).await {
        return Ok(());
    }
    Err(by.reach.missing().detail(say!(
        "Medlemmens funktion får göra mer i forumet än ni själva. Be den som leder forumet, eller den som samordnar området.",
        "The member's function may do more in the forum than you yourselves. Ask who leads the forum, or who coordinates the area."
    )))
}

/// Whether the caller holds the permission in one of the forum's areas, or all permissions of the function in the forum. In both
/// cases a narrowed token must carry the permissions of the function.
async fn holds_rights_of(by: &By<needs::WriteForums>, forum: &Forum, function: ForumFunction, w: &Write<'_>) -> bool {
    let gives: Vec<Permission> =
        Permission::ALL.iter().copied().filter(|permission| allows(Standing::Forum(function), *permission)).collect();
    let carried = by.caller.narrowed.as_ref().is_none_or(|carried| gives.iter().all(|permission| carried.contains(permission)));
    if carried && forums::may_write(&by.reach, &forum.fields, None, &w.tx).await.is_ok() {
        return true;
    }
    let holds = |permission: &Permission| by.caller.reach(*permission)?.require(&[], None, Some(forum.id.uuid()));
    gives.iter().map(holds).all(|held| held.is_ok())
}

async fn answer(by: &By<needs::AnswerInvitation>, forum: ForumId, id: MemberId, operation: Operation, db: &Db) -> Result<Reply<Member>> {
    db.write(by, async |w| {
        let forum = forums::find(by.sight(), forum, &w.tx).await?;
        let member = store::find(forum.id, id, &w.tx).await?;
        by.reach.speaks_for(member.fields.actor_id.uuid())?;
        let answered = store::answer(&forum, &member, operation, w).await?;
        let answered = store::with_actor_name(by.sight(), answered, &w.tx).await?;
        Reply::changed(answered.version, &answered)
    })
    .await
}

/// Remove a member
///
/// The actor gets the status `left`. Its users can no longer see records with the visibility `forum`.
#[utoipa::path(tag = "forums", operation_id = "deleteMember",
    responses((status = 204, description = "The actor has left the forum")))]
#[delete("/forums/{forumId}/members/{memberId}")]
async fn remove(by: By<needs::WriteForums>, At((forum, id)): At<(ForumId, MemberId)>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let forum = forums::find(by.sight(), forum, &w.tx).await?;
        let member = store::find(forum.id, id, &w.tx).await?;
        forums::may_write(&by.reach, &forum.fields, Some(forum.id), &w.tx).await?;
        may_take_function(&by, &forum, &member, w).await?;
        by.expects(member.version)?;
        store::remove(&forum, &member, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(accept).service(decline).service(leave).service(remove);
}

use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    geography::areas::AreaId,
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, page::Selection, reply::Nothing},
};

/// List forums
///
/// The forums that the caller can see, ordered by name.
#[utoipa::path(tag = "forums", operation_id = "listForums", params(ForumFilter, Paging),
    responses((status = 200, description = "A page of forums", body = Page<Forum>)))]
#[get("/forums")]
async fn list(
    by: By<needs::ReadForums>,
    Query(filter): Query<ForumFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Forum>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Open a forum
///
/// With the default visibility only its members and the coordinators of its areas can see it.
#[utoipa::path(tag = "forums", operation_id = "createForum", request_body = NewForum,
    responses((status = 201, description = "The opened forum", body = Forum)))]
#[post("/forums")]
async fn create(by: By<needs::WriteForums>, new: Valid<NewForum>, db: Data<Db>) -> Result<Reply<Forum>> {
    db.write(&by, async |w| {
        store::may_write(&by.reach, &new.0, None, &w.tx).await?;
        let forum = store::insert(new.0.clone(), w).await?;
        Reply::created("/forums", forum.id, forum.version, &forum)
    })
    .await
}

/// Show a forum
///
/// One forum by its id.
#[utoipa::path(tag = "forums", operation_id = "getForum", params(Selection),
    responses((status = 200, description = "The forum", body = Forum)))]
#[get("/forums/{forumId}")]
async fn show(by: By<needs::ReadForums>, At(id): At<ForumId>, db: Data<Db>) -> Result<Reply<Forum>> {
    let forum = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_write(reach, &forum.fields, Some(id), db.reader()).await).await?;
    Reply::shown(&call, forum.version, &forum)
}

/// Change a forum
///
/// Merge patch: members that are left out stay as they are, null clears a member, and lists are replaced as a whole. To add an area,
/// the caller must hold the permission in that area. To widen the visibility, the caller must lead the forum, or coordinate one of
/// its areas.
#[utoipa::path(tag = "forums", operation_id = "updateForum", request_body = Patch<NewForum>,
    responses((status = 200, description = "The changed forum", body = Forum)))]
#[patch("/forums/{forumId}")]
async fn change(by: By<needs::WriteForums>, At(id): At<ForumId>, patch: Patch<NewForum>, db: Data<Db>) -> Result<Reply<Forum>> {
    db.write(&by, async |w| {
        let mut forum = store::find(by.sight(), id, &w.tx).await?;
        store::may_write(&by.reach, &forum.fields, Some(id), &w.tx).await?;
        by.expects(forum.version)?;
        if let Some(changed) = patch.apply(forum.id, &forum.fields)? {
            store::may_write(&by.reach, &changed, Some(id), &w.tx).await?;
            let added: Vec<AreaId> = changed.areas.iter().copied().filter(|area| !forum.fields.areas.contains(area)).collect();
            store::may_add_areas(&by.reach, &added, &w.tx).await?;
            if changed.visibility.is_wider_than(forum.fields.visibility) {
                store::may_lead(&by.caller, &forum, &w.tx).await?;
            }
            forum = store::update(&forum, changed, w).await?;
        }
        Reply::changed(forum.version, &forum)
    })
    .await
}

/// Remove a forum
///
/// For a forum that was opened by mistake, without an open round or a published assessment. Give a forum that has ended the status
/// `closed` instead. The caller must lead the forum, or coordinate one of its areas.
#[utoipa::path(tag = "forums", operation_id = "deleteForum",
    responses((status = 204, description = "The forum is removed")))]
#[delete("/forums/{forumId}")]
async fn remove(by: By<needs::LeadForums>, At(id): At<ForumId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let forum = store::find(by.sight(), id, &w.tx).await?;
        store::may_write(&by.reach, &forum.fields, Some(id), &w.tx).await?;
        by.expects(forum.version)?;
        store::remove(&forum, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{ForumId, ForumKind, ForumLevel, ForumStatus, store};
use crate::{
    access::{By, Visibility, policy::needs},
    geography::areas::AreaId,
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid,
        extract::{blank_is_none, trimmed},
        page::Selection,
        reply::Nothing,
    },
    registry::actors::ActorId,
};

/// A forum to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewForum {
    pub kind: ForumKind,
    pub level: ForumLevel,
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Samverkansrådet i Botkyrka")]
    pub name: String,
    /// The areas that the forum works in.
    #[schema(min_items = 1, max_items = 400)]
    pub areas: Vec<AreaId>,
    /// What the forum is for.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub purpose: Option<String>,
    /// What the forum may decide, and by whose word.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub mandate_text: Option<String>,
    /// How often the forum meets, in its own words.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 200)]
    pub meeting_rhythm: Option<String>,
    /// Whether the forum complements the line organisation rather than being part of it.
    #[serde(default)]
    pub complements_line_organisation: bool,
    /// Whether the forum is at work; `active` unless given.
    #[serde(default)]
    pub status: ForumStatus,
    /// Who may see the forum; `forum` unless given, that is its members.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// What a forum works out stays among its members unless they say otherwise.
pub(crate) const fn among_members() -> Visibility {
    Visibility::Forum
}

/// Where actors meet (forum).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forum {
    pub id: ForumId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewForum,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which forums to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ForumFilter {
    /// Words to search for in names and purposes; each must begin some word. Names that begin with it come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Forums of this kind.
    #[param(nullable = false, inline)]
    pub kind: Option<ForumKind>,
    /// Forums that are at work, rest or have ended.
    #[param(nullable = false, inline)]
    pub status: Option<ForumStatus>,
    /// Forums that work in this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Forums that this actor is a member of.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
}

/// List forums
///
/// The forums that the caller may see, by name.
#[utoipa::path(tag = "forums", operation_id = "listForums", params(ForumFilter, Paging),
    responses((status = 200, description = "A page of forums", body = Page<Forum>)), extensions(("x-permission" = json!("forums.read"))))]
#[get("/forums")]
async fn list(
    by: By<needs::ReadForums>,
    Query(filter): Query<ForumFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Forum>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Open a forum
///
/// Unless it is said otherwise only its members, and the coordinators of its areas, see it.
#[utoipa::path(tag = "forums", operation_id = "createForum", request_body = NewForum,
    responses((status = 201, description = "The forum as opened", body = Forum)), extensions(("x-permission" = json!("forums.write"))))]
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
    responses((status = 200, description = "The forum", body = Forum)), extensions(("x-permission" = json!("forums.read"))))]
#[get("/forums/{forumId}")]
async fn show(by: By<needs::ReadForums>, At(id): At<ForumId>, db: Data<Db>) -> Result<Reply<Forum>> {
    let forum = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_write(reach, &forum.fields, Some(id), db.reader()).await).await?;
    Reply::shown(&call, forum.version, &forum)
}

/// Change a forum
///
/// Merge patch: members left out stay, null clears, lists are replaced whole. An area is added by who coordinates it; who leads the
/// forum, or coordinates where it works, lets more people see it.
#[utoipa::path(tag = "forums", operation_id = "updateForum", request_body = Patch<NewForum>,
    responses((status = 200, description = "The forum as it has become", body = Forum)), extensions(("x-permission" = json!("forums.write"))))]
#[patch("/forums/{forumId}")]
async fn change(by: By<needs::WriteForums>, At(id): At<ForumId>, patch: Patch<NewForum>, db: Data<Db>) -> Result<Reply<Forum>> {
    db.write(&by, async |w| {
        let mut forum = store::find(by.sight(), id, &w.tx).await?;
        store::may_write(&by.reach, &forum.fields, Some(id), &w.tx).await?;
        by.expects(forum.version)?;
        if let Some(changed) = patch.apply(&forum.fields)? {
            store::may_write(&by.reach, &changed, Some(id), &w.tx).await?;
            let added: Vec<AreaId> = changed.areas.iter().copied().filter(|area| !forum.fields.areas.contains(area)).collect();
            store::may_add(&by.reach, &added, &w.tx).await?;
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
/// For a forum that was opened by mistake, in which no round is open and no assessment published. One that has ended gets the
/// status `closed` instead. By who leads the forum, or coordinates where it works.
#[utoipa::path(tag = "forums", operation_id = "deleteForum",
    responses((status = 204, description = "The forum is removed")), extensions(("x-permission" = json!("forums.lead"))))]
#[delete("/forums/{forumId}")]
async fn remove(by: By<needs::LeadForums>, At(id): At<ForumId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let forum = store::find(by.sight(), id, &w.tx).await?;
        store::may_write(&by.reach, &forum.fields, Some(id), &w.tx).await?;
        by.expects(forum.version)?;
        store::remove(&forum, w).await?;
        Ok(Reply::nothing())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}

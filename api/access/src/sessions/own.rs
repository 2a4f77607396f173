//! A user's own sessions: listing them, and ending one.

use actix_web::{delete, get, web::Data};
use chrono::{DateTime, Utc};
use sea_orm::{ExprTrait, entity::prelude::*, sea_query::Expr};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{SessionId, SignInMethod, store, table::session};
use crate::{
    By,
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, page::Key, reply::Nothing, request::Call},
    policy::needs,
    users::UserId,
};

/// One of the caller's sessions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnSession {
    pub id: SessionId,
    /// Whether this request belongs to the session.
    pub current: bool,
    pub method: SignInMethod,
    /// The network address that the user signed in from.
    pub address: String,
    /// The `User-Agent` of the program that signed in.
    pub agent: String,
    pub created_at: DateTime<Utc>,
    /// The time when the session was last renewed; null when it never was.
    pub renewed_at: Option<DateTime<Utc>>,
    /// The time when the session ends unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

async fn list_of(user: UserId, current: Option<Uuid>, paging: &Paging, call: &Call, db: &Db) -> Result<Page<OwnSession>> {
    let select = session::Entity::find()
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::RevokedAt.is_null())
        .filter(Expr::col(session::Column::ExpiresAt).gt(db.clock.now()));
    let keys = vec![Key::column(session::Column::Id, |row: &session::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(|row| OwnSession {
        current: current == Some(row.id.uuid()),
        id: row.id,
        method: row.method,
        address: row.address,
        agent: row.agent,
        created_at: row.created_at,
        renewed_at: row.renewed_at,
        expires_at: row.expires_at,
    }))
}

/// List your sessions
///
/// Returns the sessions in which the caller is signed in now.
#[utoipa::path(tag = "sessions", operation_id = "listOwnSessions", params(Paging),
    responses((status = 200, description = "A page of sessions", body = Page<OwnSession>)))]
#[get("/me/sessions")]
async fn list(by: By<needs::ReadAccount>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<OwnSession>> {
    Listed::from_pages(by, paging, async move |by, paging| list_of(by.user_id()?, by.caller.session, paging, by, &db).await).await
}

/// End one of your sessions
///
/// The session's tokens stop working at once.
#[utoipa::path(tag = "sessions", operation_id = "deleteOwnSession",
    responses((status = 204, description = "The session has ended")))]
#[delete("/me/sessions/{sessionId}")]
async fn remove(by: By<needs::EndSession>, At(id): At<SessionId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    let user = by.user_id()?;
    db.write(&by, async |w| {
        let own = store::find(id.uuid(), &w.tx).await?.filter(|session| session.user_id == user && session.revoked_at.is_none());
        own.ok_or_else(Problem::not_found)?;
        store::end(id, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(remove);
}

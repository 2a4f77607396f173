use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    actors::store as actors,
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, reply::Nothing},
};

/// List statements
///
/// The statements that the caller can see, oldest first.
#[utoipa::path(tag = "statements", operation_id = "listStatements", params(StatementFilter, Paging),
    responses((status = 200, description = "A page of statements", body = Page<Statement>)))]
#[get("/statements")]
async fn list(
    by: By<needs::ReadRegistry>,
    Query(filter): Query<StatementFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Statement>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register a statement
///
/// An actor states a need, a challenge, a competence or a resource, in a policy domain and an area.
#[utoipa::path(tag = "statements", operation_id = "createStatement", request_body = NewStatement,
    responses((status = 201, description = "The registered statement", body = Statement)))]
#[post("/statements")]
async fn create(by: By<needs::WriteStatements>, new: Valid<NewStatement>, db: Data<Db>) -> Result<Reply<Statement>> {
    db.write(&by, async |w| {
        actors::may_write_records_of(by.sight(), &by.reach, new.0.actor_id, &w.tx).await?;
        let statement = store::insert(new.0.clone(), w).await?;
        Reply::created("/statements", statement.id, statement.version, &statement)
    })
    .await
}

/// Show a statement
///
/// One statement by its id.
#[utoipa::path(tag = "statements", operation_id = "getStatement",
    responses((status = 200, description = "The statement", body = Statement)))]
#[get("/statements/{statementId}")]
async fn show(by: By<needs::ReadRegistry>, At(id): At<StatementId>, db: Data<Db>) -> Result<Reply<Statement>> {
    let statement = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_change(by.sight(), reach, &statement.fields, db.reader()).await).await?;
    Reply::shown(&call, statement.version, &statement)
}

/// Change a statement
///
/// Merge patch: members that are left out stay as they are, null clears a member, and lists are replaced as a whole.
#[utoipa::path(tag = "statements", operation_id = "updateStatement", request_body = Patch<NewStatement>,
    responses((status = 200, description = "The changed statement", body = Statement)))]
#[patch("/statements/{statementId}")]
async fn change(
    by: By<needs::WriteStatements>,
    At(id): At<StatementId>,
    patch: Patch<NewStatement>,
    db: Data<Db>,
) -> Result<Reply<Statement>> {
    db.write(&by, async |w| {
        let mut statement = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &statement.fields, &w.tx).await?;
        by.expects(statement.version)?;
        if let Some(changed) = patch.apply(statement.id, &statement.fields)? {
            if let Some(secrecy) = by.asked.secrecy.as_ref().filter(|_| changed.actor_id != statement.fields.actor_id) {
                secrecy.refuse_moving(id.uuid(), "/actorId")?;
            }
            actors::may_write_records_of(by.sight(), &by.reach, changed.actor_id, &w.tx).await?;
            statement = store::update(&statement, changed, w).await?;
        }
        Reply::changed(statement.version, &statement)
    })
    .await
}

/// Remove a statement
///
/// For a statement that was registered by mistake. Give a statement that is no longer valid a `validTo` instead.
#[utoipa::path(tag = "statements", operation_id = "deleteStatement",
    responses((status = 204, description = "The statement is removed")))]
#[delete("/statements/{statementId}")]
async fn remove(by: By<needs::WriteStatements>, At(id): At<StatementId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let statement = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &statement.fields, &w.tx).await?;
        by.expects(statement.version)?;
        store::remove(&statement, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}

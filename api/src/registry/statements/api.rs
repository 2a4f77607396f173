use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{StatementId, StatementKind, Sufficiency, store};
use crate::{
    access::{By, Visibility, policy::needs},
    geography::areas::AreaId,
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid,
        extract::{blank_is_none, each_trimmed, trimmed},
        reply::Nothing,
    },
    registry::actors::{ActorId, store as actors},
};

/// A statement to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStatement {
    pub kind: StatementKind,
    /// The actor that states it.
    pub actor_id: ActorId,
    /// What is needed, what is difficult, what the actor can or what it has, in its own words. No private persons.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Lokaler för läxhjälp på kvällar")]
    pub text: String,
    /// A code of the codelist `PolicyDomain`.
    #[schema(max_length = 64, example = "education")]
    pub policy_domain: String,
    /// Where it holds.
    pub area_id: AreaId,
    /// Whom it concerns, in the actor's own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// Whether what there is suffices; `unknown` unless given.
    #[serde(default)]
    pub sufficiency: Sufficiency,
    /// What the actor means to do about it.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub plan: Option<String>,
    /// First day on which it holds.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
    /// Who may see it; `public` unless given.
    #[serde(default)]
    pub visibility: Visibility,
}

/// What an actor says that it needs, finds difficult, can or has (behov, utmaning, kompetens, resurs).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    pub id: StatementId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewStatement,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which statements to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct StatementFilter {
    /// Words to search for in the text, the plan and the target groups; each must begin some word.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Statements of this actor.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
    /// Statements of these kinds.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub kind: Option<Vec<StatementKind>>,
    /// Statements in this policy domain.
    #[param(nullable = false, max_length = 64, example = "education")]
    pub policy_domain: Option<String>,
    /// Statements in this area or one below it.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Statements that held on this day.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}

/// List statements
///
/// The statements that the caller may see, oldest first.
#[utoipa::path(tag = "statements", operation_id = "listStatements", params(StatementFilter, Paging),
    responses((status = 200, description = "A page of statements", body = Page<Statement>)), extensions(("x-permission" = json!("registry.read"))))]
#[get("/statements")]
async fn list(
    by: By<needs::ReadRegistry>,
    Query(filter): Query<StatementFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Statement>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register a statement
///
/// A need, a challenge, a competence or a resource that an actor states, in a policy domain and an area.
#[utoipa::path(tag = "statements", operation_id = "createStatement", request_body = NewStatement,
    responses((status = 201, description = "The statement as registered", body = Statement)), extensions(("x-permission" = json!("statements.write"))))]
#[post("/statements")]
async fn create(by: By<needs::WriteStatements>, new: Valid<NewStatement>, db: Data<Db>) -> Result<Reply<Statement>> {
    db.write(&by, async |w| {
        actors::may_write_of(by.sight(), &by.reach, new.0.actor_id, &w.tx).await?;
        let statement = store::insert(new.0.clone(), w).await?;
        Reply::created("/statements", statement.id, statement.version, &statement)
    })
    .await
}

/// Show a statement
///
/// One statement by its id.
#[utoipa::path(tag = "statements", operation_id = "getStatement",
    responses((status = 200, description = "The statement", body = Statement)), extensions(("x-permission" = json!("registry.read"))))]
#[get("/statements/{statementId}")]
async fn show(by: By<needs::ReadRegistry>, At(id): At<StatementId>, db: Data<Db>) -> Result<Reply<Statement>> {
    let statement = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_change(by.sight(), reach, &statement.fields, db.reader()).await).await?;
    Reply::shown(&call, statement.version, &statement)
}

/// Change a statement
///
/// Merge patch: members left out stay, null clears, lists are replaced whole.
#[utoipa::path(tag = "statements", operation_id = "updateStatement", request_body = Patch<NewStatement>,
    responses((status = 200, description = "The statement as it has become", body = Statement)), extensions(("x-permission" = json!("statements.write"))))]
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
        if let Some(changed) = patch.apply(&statement.fields)? {
            if let Some(secrecy) = by.secrecy.as_ref().filter(|_| changed.actor_id != statement.fields.actor_id) {
                secrecy.refuse_moving(id.uuid(), "/actorId")?;
            }
            actors::may_write_of(by.sight(), &by.reach, changed.actor_id, &w.tx).await?;
            statement = store::update(&statement, changed, w).await?;
        }
        Reply::changed(statement.version, &statement)
    })
    .await
}

/// Remove a statement
///
/// For a statement that was never made. One that no longer holds gets a last day (`validTo`) instead.
#[utoipa::path(tag = "statements", operation_id = "deleteStatement",
    responses((status = 204, description = "The statement is removed")), extensions(("x-permission" = json!("statements.write"))))]
#[delete("/statements/{statementId}")]
async fn remove(by: By<needs::WriteStatements>, At(id): At<StatementId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let statement = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &statement.fields, &w.tx).await?;
        by.expects(statement.version)?;
        store::remove(&statement, w).await?;
        Ok(Reply::nothing())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}

use actix_web::{get, web::Data};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{TaskKind, waiting};
use crate::{
    access::{By, policy::needs},
    kernel::{Db, Reply, Result},
    registry::actors::ActorName,
};

/// What a task is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskSubject {
    pub id: Uuid,
    /// What it is called or asks, in short.
    pub label: String,
}

/// The call that does a task.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskOperation {
    /// Its `operationId` in the contract.
    #[schema(example = "castBallot")]
    pub operation_id: String,
    #[schema(example = "PUT")]
    pub method: String,
    /// Its address below the root of the API.
    #[schema(example = "/rounds/01890a5d-ac96-774b-bcce-b302099a8057/ballots/01890a5d-ac96-774b-bcce-b302099a8058")]
    pub path: String,
}

/// Something that waits for the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub kind: TaskKind,
    /// What to do, in the language of the call.
    #[schema(example = "Rösta i prioriteringen")]
    pub title: String,
    /// The forum, round, assessment, mandate, token or grant that it is about.
    pub subject: TaskSubject,
    /// The actor for which the caller does it; null when it is for the caller itself.
    pub actor: Option<ActorName>,
    /// The last day on which it can be done as things stand; null when there is none.
    pub due: Option<NaiveDate>,
    pub operation: TaskOperation,
}

/// What waits for the caller (att göra).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tasks {
    /// What has a last day comes first, the nearest before the others; then by kind, the oldest first.
    pub items: Vec<Task>,
    /// Whether there are more of a kind than are shown, which is 100 of each.
    pub more: bool,
}

/// List what waits for the caller
///
/// Invitations to answer, rounds to vote in, assessments to say a word on, and what ends within 30 days: memberships, mandates,
/// personal tokens and roles. Each with the operation that does it.
#[utoipa::path(tag = "account", operation_id = "getTasks",
    responses((status = 200, description = "What waits for the caller", body = Tasks)), extensions(("x-permission" = json!("account.read"))))]
#[get("/me/tasks")]
async fn show(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<Tasks>> {
    let tasks = waiting::tasks(&by.caller, by.language, &db).await?;
    Reply::computed(&by, &tasks)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}

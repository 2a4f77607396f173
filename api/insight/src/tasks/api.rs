use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{types::*, waiting};
use crate::{
    access::{By, policy::needs},
    kernel::{Db, Reply, Result},
};

/// List tasks of the caller
///
/// Invitations to answer, rounds to vote in, assessments to take a position on, and memberships, mandates, personal tokens and roles
/// that end within 30 days. Each task names the operation that completes it.
#[utoipa::path(tag = "account", operation_id = "getTasks",
    responses((status = 200, description = "The tasks of the caller", body = Tasks)))]
#[get("/me/tasks")]
async fn show(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<Tasks>> {
    let tasks = waiting::tasks(&by.caller, by.asked.language, &db).await?;
    Reply::computed(&by, &tasks)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}

use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{types::*, walk};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Problem, Query, Reply, Result},
};

/// Get a trace
///
/// Follows the links between records, from a decision, round, intervention, cause, finding, evidence or observation: back to the
/// observations that it rests on, or forward to the decisions that rest on it. Evidence shows which of its values have changed since
/// they were frozen. Records that the caller cannot see are left out, and so are records that are linked only through them.
#[utoipa::path(tag = "insight", operation_id = "getTrace", params(Walking),
    responses((status = 200, description = "The records and links of the trace", body = Trace)))]
#[get("/trace/{kind}/{recordId}")]
async fn show(
    by: By<needs::ReadTrace>,
    At((kind, id)): At<(String, Uuid)>,
    Query(walking): Query<Walking>,
    db: Data<Db>,
) -> Result<Reply<Trace>> {
    let kind = serde_json::from_value(kind.into()).map_err(|_| Problem::not_found())?;
    Reply::computed(&by, &walk::trace_from(by.sight(), by.asked.secrecy.as_ref(), kind, id, walking.direction, db.reader()).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}

//! Health checks for monitoring. They reveal nothing about the inside of the service.

use std::time::Duration;

use actix_web::{HttpResponse, get, web::Data};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::kernel::{Db, connection::Stopping};

/// For how long the result of a check of the database is reused. Calls to health checks are not limited, so a call must cost
/// nothing.
const REUSED_FOR: Duration = Duration::from_millis(200);

/// The time and result of the last check of the database.
#[derive(Debug, Default)]
pub struct DatabaseCheck(Mutex<Option<(Instant, bool)>>);

impl DatabaseCheck {
    async fn is_up(&self, db: &Db) -> bool {
        let mut last = self.0.lock().await;
        if let Some((_, answered)) = last.filter(|(at, _)| at.elapsed() < REUSED_FOR) {
            return answered;
        }
        let works = async { db.ping().await.is_ok() && db.can_write().await.is_ok() };
        let answers = timeout(Duration::from_secs(1), works).await.unwrap_or_default();
        *last = Some((Instant::now(), answers));
        answers
    }
}

/// Liveness: the process answers.
#[get("/health/live")]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"pass"}"#)
}

/// Readiness: the database answers and accepts writes, and the service is not about to stop.
#[get("/health/ready")]
pub async fn ready(db: Data<Db>, check: Data<DatabaseCheck>, stopping: Data<Stopping>) -> HttpResponse {
    if !stopping.has_begun() && check.is_up(&db).await {
        HttpResponse::Ok().content_type("application/json").body(r#"{"status":"pass"}"#)
    } else {
        HttpResponse::ServiceUnavailable().content_type("application/json").insert_header(("Retry-After", "1")).body(r#"{"status":"fail"}"#)
    }
}

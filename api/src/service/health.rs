//! How the service is, for what looks after it. Nothing inner is told.

use actix_web::{HttpResponse, get, web::Data};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::kernel::Db;

/// Set when the service is about to stop, so that no new calls are sent to it.
#[derive(Debug, Default)]
pub struct Stopping(pub AtomicBool);

/// The process answers.
#[get("/health/live")]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"pass"}"#)
}

/// The service can do its work: the database answers and keeps what is written, and the service is not about to stop.
#[get("/health/ready")]
pub async fn ready(db: Data<Db>, stopping: Data<Stopping>) -> HttpResponse {
    let stops = stopping.0.load(Ordering::Relaxed);
    let works = async { db.ping().await.is_ok() && db.can_write().await.is_ok() };
    let answers = !stops && tokio::time::timeout(std::time::Duration::from_secs(1), works).await.unwrap_or_default();
    if answers {
        HttpResponse::Ok().content_type("application/json").body(r#"{"status":"pass"}"#)
    } else {
        HttpResponse::ServiceUnavailable().content_type("application/json").insert_header(("Retry-After", "1")).body(r#"{"status":"fail"}"#)
    }
}

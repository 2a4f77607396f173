//! Many operations in one call. They run in their order, and the answer has the outcome of each.
//!
//! The whole call is one transaction, so it is carried out once per idempotency key, and a crash leaves all of it or nothing.
//! Each operation runs in a savepoint, so it can be rolled back alone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    language::{Language, say},
    problem::{FaultBody, Kind, Problem, Result},
    write::Write,
};

/// The operation creates a record.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Create {
    /// Create a record.
    Create,
}

/// The operation changes a record.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Change a record.
    Update,
}

/// The operation removes a record.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delete {
    /// Remove a record.
    Delete,
}

/// The outcome of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchOutcome {
    /// The number of operations that were carried out.
    #[schema(format = Int32)]
    pub done: usize,
    /// The number of operations that were refused.
    #[schema(format = Int32)]
    pub refused: usize,
    /// The outcome of each operation, in the order in which they were sent.
    pub items: Vec<BatchItem>,
}

/// The outcome of one operation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchItem {
    /// JSON Pointer to the operation in the request body.
    #[schema(example = "/operations/0")]
    pub pointer: String,
    /// The HTTP status that the operation would get as a call of its own.
    #[schema(format = Int32, example = 201)]
    pub status: u16,
    /// The id of the record; null when the operation was refused.
    pub id: Option<Uuid>,
    /// The version of the record after the operation; null when it was refused.
    pub version: Option<i64>,
    /// Stable code of the problem; null when the operation was carried out.
    #[schema(example = "invalid")]
    pub code: Option<String>,
    /// What went wrong and what to do, in the caller's language; null when the operation was carried out.
    pub detail: Option<String>,
    /// All faults found, each with a pointer into the request body.
    pub errors: Vec<FaultBody>,
}

/// An operation that has been carried out.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// The HTTP status that the operation would get as a call of its own.
    pub status: u16,
    /// The id of the record.
    pub id: Uuid,
    /// The version of the record after the operation.
    pub version: i64,
}

impl BatchItem {
    fn done(pointer: String, done: Done) -> Self {
        Self { pointer, status: done.status, id: Some(done.id), version: Some(done.version), code: None, detail: None, errors: Vec::new() }
    }

    fn refused(pointer: String, problem: &Problem, language: Language) -> Self {
        let body = problem.body(language, "", "");
        Self {
            pointer,
            status: body.status,
            id: None,
            version: None,
            code: Some(body.code),
            detail: Some(body.detail),
            errors: body.errors,
        }
    }
}

/// Checks a repeated batch: every operation that was carried out the first time must still be permitted to the caller. `then` is
/// the body of the stored answer, `now` the body of the trial run. Bodies of calls that are no batch pass.
///
/// # Errors
/// When an operation succeeded then and is refused for lack of permission now (403).
pub(super) fn require_still_permitted(then: &[u8], now: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Item {
        pointer: String,
        status: u16,
    }
    #[derive(Deserialize)]
    struct Outcome {
        items: Vec<Item>,
    }
    let read = |body| serde_json::from_slice::<Outcome>(body).ok().map(|outcome| outcome.items);
    let (Some(then), Some(now)) = (read(then), read(now)) else { return Ok(()) };
    let lost = then.iter().zip(now).find(|(then, now)| then.status < 400 && now.status == 403);
    match lost {
        None => Ok(()),
        Some((Item { pointer, .. }, _)) => Err(Problem::new(Kind::Forbidden).detail(say!(
            "Anropet har redan gjorts, men du får inte längre göra det som står på {pointer} och kan därför inte få svaret igen.",
            "The call was carried out before, but you may no longer do what stands at {pointer} and so cannot have its answer again."
        ))),
    }
}

/// Carries out operations in their order. A refused operation does not stop the others, unless the batch is `atomic`.
///
/// `each` carries out one operation. The pointers of its faults are relative to the operation; they are made relative to the
/// request body here.
///
/// # Errors
/// The problem of the first refused operation, when the batch is atomic; and any problem that is not the caller's fault, such as
/// a conflict between transactions or a status of 500 or more.
pub async fn run<O>(
    operations: &[O],
    atomic: bool,
    w: &Write<'_>,
    each: impl AsyncFn(&O, &Write<'_>) -> Result<Done>,
) -> Result<BatchOutcome> {
    let mut items = Vec::with_capacity(operations.len());
    for (index, operation) in operations.iter().enumerate() {
        let pointer = format!("/operations/{index}");
        items.push(match w.part(async |part| each(operation, part).await).await {
            Ok(done) => BatchItem::done(pointer, done),
            Err(problem) if problem.retry || problem.kind.status() >= 500 => return Err(problem),
            Err(problem) => {
                let problem = problem.prefix_pointers(&pointer);
                if atomic {
                    return Err(problem);
                }
                BatchItem::refused(pointer, &problem, w.call.asked.language)
            }
        });
    }
    let refused = items.iter().filter(|item| item.code.is_some()).count();
    Ok(BatchOutcome { done: items.len() - refused, refused, items })
}

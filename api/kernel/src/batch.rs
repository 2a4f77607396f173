//! Many operations in one call: each is tried in its turn and told of in its place.
//!
//! The whole call is one transaction, so it is carried out once per idempotency key and is all there or not there after a
//! crash. Each operation is a part of it that can be taken back alone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    language::{Language, say},
    problem::{FaultBody, Kind, Problem, Result},
    write::Write,
};

/// Says that an operation creates.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Create {
    /// Creates.
    Create,
}

/// Says that an operation changes.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Changes.
    Update,
}

/// Says that an operation removes.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delete {
    /// Removes.
    Delete,
}

/// What came of the operations of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchOutcome {
    /// How many operations were carried out.
    #[schema(format = Int32)]
    pub done: usize,
    /// How many were refused.
    #[schema(format = Int32)]
    pub refused: usize,
    /// What came of each, in the order in which they were sent.
    pub items: Vec<BatchItem>,
}

/// What came of one operation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchItem {
    /// Where the operation stands in the body.
    #[schema(example = "/operations/0")]
    pub pointer: String,
    /// The HTTP status that it would have been answered with alone.
    #[schema(format = Int32, example = 201)]
    pub status: u16,
    /// The record; null when it was refused.
    pub id: Option<Uuid>,
    /// The version that the record has now; null when it was refused.
    pub version: Option<i64>,
    /// Stable code of the problem, when it was refused.
    #[schema(example = "invalid")]
    pub code: Option<String>,
    /// What went wrong and what to do, when it was refused.
    pub detail: Option<String>,
    /// All faults found, each with its place in the body.
    pub errors: Vec<FaultBody>,
}

/// An operation that has been carried out.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// The HTTP status that it would have been answered with alone.
    pub status: u16,
    /// The record.
    pub id: Uuid,
    /// The version that it has now.
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

/// Sees to it that of what was carried out in a batch nothing would be refused to the caller now, which is known by carrying it
/// out once more. What is no batch has nothing of the kind.
///
/// # Errors
/// When the caller may do it no longer.
pub(super) fn still_may(then: &[u8], now: &[u8]) -> Result<()> {
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

/// Carries out operations in their order. One that is refused stops none of the others, unless all are to be done or none.
///
/// `each` carries out one; the pointers of its faults are those of the operation itself.
///
/// # Errors
/// When the operations are atomic, what the first refused one is refused with; and whatever is not the caller's fault.
pub async fn run<O>(
    operations: &[O],
    atomic: bool,
    w: &Write<'_>,
    each: impl AsyncFn(&O, &Write<'_>) -> Result<Done>,
) -> Result<BatchOutcome> {
    let mut items = Vec::with_capacity(operations.len());
    for (at, operation) in operations.iter().enumerate() {
        let pointer = format!("/operations/{at}");
        items.push(match w.part(async |part| each(operation, part).await).await {
            Ok(done) => BatchItem::done(pointer, done),
            Err(problem) if problem.retry || problem.kind.status() >= 500 => return Err(problem),
            Err(problem) => {
                let problem = problem.below(&pointer);
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

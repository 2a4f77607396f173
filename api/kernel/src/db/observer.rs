//! Lets a program see each statement that the service sends, with the operation that sends it. Tests use it.

use std::{fmt, future::Future, sync::Arc};

use sea_orm::{DbBackend, Statement};

use super::Db;

/// The call that sends a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The `operationId` of the operation that is called.
    pub operation: String,
    /// The id of the call.
    pub request_id: String,
}

/// Gets the call that sends a statement, and the statement. There is no call for statements that find out who calls, for work in the
/// background, and for tables that are streamed after the handler has answered.
type Observe = dyn Fn(Option<&Sender>, &Statement) + Send + Sync;

/// A function that is called with each statement before it is sent. The begin and the end of transactions are no statements.
#[derive(Clone)]
pub struct Observer(Arc<Observe>);

impl Observer {
    /// Makes an observer from a function, which must return quickly.
    pub fn new(observe: impl Fn(Option<&Sender>, &Statement) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    pub(super) fn tell(&self, statement: &Statement) {
        if SENDER.try_with(|sender| (self.0)(sender.as_ref(), statement)).is_err() {
            (self.0)(None, statement);
        }
    }

    pub(super) fn tell_text(&self, backend: DbBackend, sql: &str) {
        self.tell(&Statement::from_string(backend, sql));
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

tokio::task_local! {
    static SENDER: Option<Sender>;
}

/// Does the work of a call. An observer gets `sender` with the statements of the work.
pub async fn observed<T>(sender: Option<Sender>, work: impl Future<Output = T>) -> T {
    SENDER.scope(sender, work).await
}

impl Db {
    /// Calls `observer` with each later statement. Only the first observer is called.
    pub fn observe(&self, observer: &Observer) {
        self.reader.observe(observer.clone());
        self.writer.observe(observer.clone());
    }

    /// Whether there is an observer.
    pub fn is_observed(&self) -> bool {
        self.reader.is_observed()
    }
}

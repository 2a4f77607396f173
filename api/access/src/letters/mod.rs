//! Letters (brev): mail that the service sends. A letter is written in the transaction of the change that it is about,
//! and sent afterwards by one of the instances. If it cannot be delivered, it is tried again for a day. The secret of a
//! link is made when the letter is sent, so that no secret lies in the queue.

pub mod pages;
mod post;
mod table;
mod texts;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use sea_orm::{EntityTrait, ExprTrait, IntoActiveModel, entity::prelude::*, sea_query::Expr};
use tokio::sync::Notify;

use super::{
    account::secrets,
    users::{UserId, UserStatus, store as users, table as user_table},
};
use crate::{
    kernel::{
        Db, Id, Result, Write,
        record::{Bilingual, DataPurpose::SignIn, DataSubject, Rule, Table, deleted_columns, personal_table},
        request::Call,
    },
    users::lookup,
};

pub use post::{Outbox, OutboxError};
pub use table::Purpose;

/// The tables of this module.
pub const TABLES: &[Table] = &[personal_table(
    "letter",
    Bilingual("Brev som ska skickas", "Letters to be posted"),
    DataSubject::User(&["user_id"]),
    &[deleted_columns("user_id purpose email created_at next_try_at", SignIn, Rule::Links, "")],
    "id tries:int",
)];

/// The time for which delivery of a letter is tried.
const TRIED_FOR: TimeDelta = TimeDelta::days(1);

/// The time that an instance has for one try before another instance may take the letter.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// The time between two searches for waiting letters, when nobody calls [`Letters::wake`].
const ROUND: Duration = Duration::from_secs(20);

/// The queue of letters and the way to send them.
#[derive(Debug)]
pub struct Letters {
    outbox: Outbox,
    waiting: Arc<Notify>,
}

impl Letters {
    /// Makes a queue whose letters are sent through `outbox`.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, waiting: Arc::default() }
    }

    /// Puts a letter into the queue. It is sent when the transaction has been committed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn enqueue(purpose: Purpose, user: Option<UserId>, email: Option<String>, w: &Write<'_>) -> Result<()> {
        let letter = table::Model { id: w.new_id(), purpose, user_id: user, email, created_at: w.now, next_try_at: w.now, tries: 0 };
        table::Entity::insert(letter.into_active_model()).exec_without_returning(&w.tx).await?;
        Ok(())
    }

    /// Wakes the task that sends letters.
    pub fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Sends letters until the database is closed.
    pub async fn run(&self, db: &Db) {
        while !db.is_closed() {
            if let Err(problem) = self.send_due(db).await {
                tracing::warn!(%problem, "letters could not be posted");
            }
            let _ = tokio::time::timeout(ROUND, self.waiting.notified()).await;
        }
    }

    async fn send_due(&self, db: &Db) -> Result<()> {
        let now = db.clock.now();
        let due = table::Entity::find().filter(Expr::col(table::Column::NextTryAt).lte(now)).all(db.reader()).await?;
        for letter in due {
            // The update succeeds in one of the instances only.
            let taken = table::Entity::update_many()
                .col_expr(table::Column::NextTryAt, Expr::val(now + LEASE))
                .col_expr(table::Column::Tries, Expr::val(letter.tries + 1))
                .filter(table::Column::Id.eq(letter.id))
                .filter(table::Column::Tries.eq(letter.tries))
                .exec(db.writer())
                .await?;
            if taken.rows_affected == 1 {
                self.deliver(&letter, db).await?;
            }
        }
        Ok(())
    }

    async fn deliver(&self, letter: &table::Model, db: &Db) -> Result<()> {
        let now = db.clock.now();
        let written = db.transaction(&Call::of_installation(), async |w| self.compose(letter, w).await).await?;
        let mut done = true;
        if let Some((to, subject, text)) = written
            && let Err(error) = self.outbox.send(&to, &subject, text).await
        {
            tracing::warn!(%error, letter = %letter.id, "a letter could not be delivered");
            done = letter.created_at + TRIED_FOR < now;
        }
        if done {
            table::Entity::delete_by_id(letter.id).exec(db.writer()).await?;
        } else {
            let wait = TimeDelta::minutes(1 << letter.tries.clamp(0, 8));
            table::Entity::update_many()
                .col_expr(table::Column::NextTryAt, Expr::val(now + wait))
                .filter(table::Column::Id.eq(letter.id))
                .exec(db.writer())
                .await?;
        }
        Ok(())
    }

    /// Returns recipient, subject and text of a letter; `None` when the account is gone or closed.
    async fn compose(&self, letter: &table::Model, w: &Write<'_>) -> Result<Option<(String, String, String)>> {
        let user = match (letter.user_id, &letter.email) {
            (Some(user), _) => user_table::Entity::find_by_id(user).one(&w.tx).await?,
            (None, Some(email)) => match lookup::by_email(email, &w.tx).await? {
                Some(user) => Some(user),
                // A person who has lost an invitation asks for a new password, and gets the invitation again.
                None => users::find_invited(email, &w.tx).await?.into_iter().next(),
            },
            (None, None) => None,
        };
        let Some(user) = user.filter(|user| matches!(user.status, UserStatus::Invited | UserStatus::Active)) else { return Ok(None) };
        let mut purpose = letter.purpose;
        if purpose == Purpose::PasswordReset && user.status == UserStatus::Invited {
            purpose = Purpose::Invitation;
        }
        let to = match purpose {
            Purpose::EmailChange | Purpose::EmailChanged => letter.email.clone().unwrap_or_else(|| user.email.clone()),
            _ => user.email.clone(),
        };
        // A person who already has an account is asked only to accept what is new.
        let holder = if purpose == Purpose::Invitation { lookup::by_email(&user.email, &w.tx).await? } else { None };
        let link = match purpose.secret() {
            Some((secret, page)) => {
                let page = if holder.is_some() { "acceptance" } else { page };
                let address = (purpose == Purpose::EmailChange).then(|| to.clone());
                let secret = secrets::create(secret, &user, address, w).await?;
                // The secret comes after the `#`, so that it is in no server's log.
                Some(format!("{}/{page}#{secret}", self.outbox.account_url))
            }
            None => None,
        };
        let link = link.as_deref().unwrap_or_default();
        let (subject, text) = match &holder {
            Some(holder) => texts::acceptance(holder.language, &holder.name, link),
            None => texts::text(purpose, user.language, &user.name, link),
        };
        Ok(Some((to, subject, text)))
    }
}

/// The id of a letter.
type LetterId = Id<Letters>;

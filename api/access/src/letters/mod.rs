//! Letters (brev): mail that the service sends. A letter is written in the transaction of what it tells of and posted after,
//! by whichever instance comes first; what cannot be delivered is tried again for a day. Secrets of links are made when a
//! letter is posted, so that none lies in the queue.

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
        record::{Of, Rule, Table, Why::SignIn, Words, about, goes},
        request::Call,
    },
    users::lookup,
};

pub use post::{Outbox, OutboxError};
pub use table::Purpose;

/// The tables that are kept here.
pub const TABLES: &[Table] = &[about(
    "letter",
    Words("Brev som ska skickas", "Letters to be posted"),
    Of::User(&["user_id"]),
    &[goes("user_id purpose email created_at next_try_at", SignIn, Rule::Links, "")],
    "id tries:int",
)];

/// How long a letter is tried.
const TRIED_FOR: TimeDelta = TimeDelta::days(1);

/// How long an instance has for one try before another may take the letter.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// How often letters that wait are looked for, when nobody says that there is one.
const ROUND: Duration = Duration::from_secs(20);

/// Where letters are written and posted.
#[derive(Debug)]
pub struct Letters {
    outbox: Outbox,
    waiting: Arc<Notify>,
}

impl Letters {
    /// Letters that go to an outbox.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, waiting: Arc::default() }
    }

    /// Writes a letter, to be posted when the transaction has succeeded.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(purpose: Purpose, user: Option<UserId>, email: Option<String>, w: &Write<'_>) -> Result<()> {
        let letter = table::Model { id: w.new_id(), purpose, user_id: user, email, created_at: w.now, next_try_at: w.now, tries: 0 };
        table::Entity::insert(letter.into_active_model()).exec_without_returning(&w.tx).await?;
        Ok(())
    }

    /// Says that there are letters to post.
    pub fn post(&self) {
        self.waiting.notify_one();
    }

    /// Posts letters as long as the service runs.
    pub async fn run(&self, db: &Db) {
        while !db.is_closed() {
            if let Err(problem) = self.round(db).await {
                tracing::warn!(%problem, "letters could not be posted");
            }
            let _ = tokio::time::timeout(ROUND, self.waiting.notified()).await;
        }
    }

    async fn round(&self, db: &Db) -> Result<()> {
        let now = db.clock.now();
        let due = table::Entity::find().filter(Expr::col(table::Column::NextTryAt).lte(now)).all(db.reader()).await?;
        for letter in due {
            // Of several instances one takes the letter.
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

    /// Whom a letter goes to and what it says; nothing when there is nobody to write to any longer.
    async fn compose(&self, letter: &table::Model, w: &Write<'_>) -> Result<Option<(String, String, String)>> {
        let user = match (letter.user_id, &letter.email) {
            (Some(user), _) => user_table::Entity::find_by_id(user).one(&w.tx).await?,
            (None, Some(email)) => match lookup::by_email(email, &w.tx).await? {
                Some(user) => Some(user),
                // Whoever has lost an invitation asks for a password.
                None => users::waiting(email, &w.tx).await?.into_iter().next(),
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
        // Of whoever has an account already, only that is asked which is new.
        let holder = if purpose == Purpose::Invitation { lookup::by_email(&user.email, &w.tx).await? } else { None };
        let link = match purpose.secret() {
            Some((secret, page)) => {
                let page = if holder.is_some() { "acceptance" } else { page };
                let address = (purpose == Purpose::EmailChange).then(|| to.clone());
                let secret = secrets::make(secret, &user, address, w).await?;
                // After the #, so that it is in no server's log.
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

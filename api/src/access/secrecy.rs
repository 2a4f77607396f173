//! What is under secrecy, remembered until the access epoch grows, and who is cleared to see it.

use std::sync::{Arc, PoisonError};

use sea_orm::{
    ConnectionTrait,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{Access, Caller, policy::Permission};
use crate::kernel::{
    Db, Result,
    contract::Contract,
    secrecy::{Mark, Marks, Secrecy},
};

impl Access {
    /// What is hidden from a caller; nothing where nothing is marked, or all of it may be seen.
    pub(super) async fn secrecy(&self, caller: &Caller, contract: &Arc<Contract>, db: &Db) -> Result<Option<Secrecy>> {
        let marks = self.marks(db).await?;
        if marks.is_empty() {
            return Ok(None);
        }
        // Who is cleared nowhere has no reach at all.
        let reach = caller.reach(Permission::SeeSecrecy).unwrap_or_default();
        if reach.everywhere {
            return Ok(None);
        }
        let cleared = reach.actors.iter().chain(&reach.forums).copied().collect();
        Ok(Some(Secrecy::new(marks, Arc::clone(contract), cleared)))
    }

    /// All marks that hold. They are read anew when who may do or see what has changed.
    async fn marks(&self, db: &Db) -> Result<Arc<Marks>> {
        let epoch = self.epoch(db).await?;
        if let Some((read_in, marks)) = &*self.marks.read().unwrap_or_else(PoisonError::into_inner)
            && *read_in == epoch
        {
            return Ok(Arc::clone(marks));
        }
        let marks = Arc::new(marks_in_force(db.reader()).await?);
        *self.marks.write().unwrap_or_else(PoisonError::into_inner) = Some((epoch, Arc::clone(&marks)));
        Ok(marks)
    }
}

/// All marks that hold now, from the table of `disclosure::marks`.
///
/// # Errors
/// When the database does not answer.
pub async fn marks_in_force(db: &impl ConnectionTrait) -> Result<Marks> {
    let select = Query::select()
        .columns(["record_kind", "record_id", "member", "chapter", "paragraph", "forum_id", "actor_id"])
        .from("secrecy_mark")
        .and_where(Expr::col("lifted_at").is_null())
        .order_by("id", sea_orm::Order::Asc)
        .take();
    let mut marks = Marks::new();
    for row in db.query_all(&select).await? {
        let (chapter, paragraph): (i32, String) = (row.try_get("", "chapter")?, row.try_get("", "paragraph")?);
        let member: String = row.try_get("", "member")?;
        let mark = Mark {
            kind: row.try_get("", "record_kind")?,
            member: Some(member).filter(|member| !member.is_empty()),
            ground: format!("OSL {chapter}:{paragraph}"),
            forum: row.try_get("", "forum_id")?,
            actor: row.try_get("", "actor_id")?,
        };
        marks.entry(row.try_get::<Uuid>("", "record_id")?).or_default().push(mark);
    }
    Ok(marks)
}

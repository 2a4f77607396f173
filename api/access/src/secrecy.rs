//! The secrecy marks in force, cached until the access epoch grows, and what they hide from a caller.

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
    record::{self, Part, Record},
    secrecy::{Mark, Marks, Secrecy},
};

impl Access {
    /// Returns what secrecy hides from a caller; `None` when nothing is marked or the caller may see everything.
    pub(super) async fn secrecy(&self, caller: &Caller, contract: &Arc<Contract>, db: &Db) -> Result<Option<Secrecy>> {
        let marks = self.marks(db).await?;
        if marks.is_empty() {
            return Ok(None);
        }
        // A caller without the permission gets an empty reach.
        let reach = caller.reach(Permission::SeeSecrecy).unwrap_or_default();
        if reach.everywhere {
            return Ok(None);
        }
        let cleared = reach.actors.iter().chain(&reach.forums).copied().collect();
        Ok(Some(Secrecy::new(marks, Arc::clone(contract), cleared)))
    }

    /// Returns all marks in force. They are read again when the access epoch has grown.
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

/// Returns all marks in force by record id, from the table of `disclosure::marks`. A mark on a whole record also applies
/// to all its parts.
///
/// # Errors
/// When the database cannot be read.
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
    let whole = |(id, marks): (&Uuid, &Vec<Mark>)| {
        let marks = marks.iter().filter(|mark| mark.member.is_none()).cloned();
        marks.map(|mark| (*id, mark)).collect::<Vec<_>>()
    };
    let mut whole: Vec<(Uuid, Mark)> = marks.iter().flat_map(whole).collect();
    while !whole.is_empty() {
        let mut parts = Vec::new();
        for (record, part) in all_parts() {
            let of: Vec<&(Uuid, Mark)> = whole.iter().filter(|(_, mark)| mark.kind == part.kind).collect();
            let ids: Vec<Uuid> = of.iter().map(|(id, _)| *id).collect();
            for (id, owner) in parts_of(record, part, &ids, db).await? {
                let marks = of.iter().filter(|(marked, _)| *marked == owner);
                parts.extend(marks.map(|(_, mark)| (id, Mark { kind: record.kind.to_owned(), ..mark.clone() })));
            }
        }
        for (id, mark) in &parts {
            marks.entry(*id).or_default().push(mark.clone());
        }
        whole = parts;
    }
    Ok(marks)
}

/// Returns the kinds of record that are parts of other kinds, each with that relation.
fn all_parts() -> impl Iterator<Item = (&'static Record, Part)> {
    record::all().filter_map(|record| Some((record, record.part_of?)))
}

/// Returns the records of this kind that are parts of the records `wholes`, as pairs of the part's id and the whole's id.
async fn parts_of(record: &Record, part: Part, wholes: &[Uuid], db: &impl ConnectionTrait) -> Result<Vec<(Uuid, Uuid)>> {
    let mut found = Vec::new();
    for wholes in wholes.chunks(10_000) {
        let select = Query::select()
            .columns(["id", part.column])
            .from(record.table)
            .and_where(Expr::col(part.column).is_in(wholes.iter().copied()))
            .order_by("id", sea_orm::Order::Asc)
            .take();
        for row in db.query_all(&select).await? {
            found.push((row.try_get("", "id")?, row.try_get("", part.column)?));
        }
    }
    Ok(found)
}

/// Returns the ids of all parts of a record, and of their parts, by kind.
///
/// # Errors
/// When the database cannot be read.
pub async fn all_parts_of(kind: &str, id: Uuid, db: &impl ConnectionTrait) -> Result<Vec<(&'static str, Vec<Uuid>)>> {
    let mut found = Vec::new();
    let mut next = vec![(kind.to_owned(), vec![id])];
    while let Some((kind, ids)) = next.pop() {
        for (record, part) in all_parts().filter(|(_, part)| part.kind == kind) {
            let parts: Vec<Uuid> = parts_of(record, part, &ids, db).await?.into_iter().map(|(part, _)| part).collect();
            if !parts.is_empty() {
                next.push((record.kind.to_owned(), parts.clone()));
                found.push((record.kind, parts));
            }
        }
    }
    Ok(found)
}

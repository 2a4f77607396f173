//! Reads the records that refer to an actor, and makes them refer to another one.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, ExprTrait, Order, QueryResult,
    entity::prelude::*,
    sea_query::{Expr, LockType, Query, SelectStatement, SimpleExpr, UpdateStatement},
};
use serde_json::json;

use super::{FOLLOWING, Reference, SeenBy};
use crate::{
    access::Visibility,
    forums::forums::store as forums,
    geography::areas::AreaId,
    kernel::{
        Problem, Result, Write,
        events::{Change, ChangeOperation, Visible},
        history,
        table::List,
    },
    merging::rules::breadth,
};

/// The maximum number of rows that one statement names.
const AT_ONCE: usize = 500;

/// A record that refers to an actor.
#[derive(Clone, Debug)]
pub struct Referring {
    pub reference: &'static Reference,
    pub id: Uuid,
    /// The actor that the record refers to.
    pub actor: Option<Uuid>,
    pub version: i64,
    pub visibility: Visibility,
    pub forum: Option<Uuid>,
    /// The actor of the source that the record came from, or the other actor of a record between two.
    pub other: Option<Uuid>,
    /// The visibility of that other actor.
    pub other_visibility: Visibility,
    pub areas: Vec<Uuid>,
    /// Whether the record has ended.
    pub ended: bool,
}

impl Referring {
    /// Returns who may see the record when it refers to this actor.
    #[must_use]
    pub fn visible(&self, actor: Option<Uuid>) -> Visible {
        let owner = if self.reference.seen == SeenBy::Actor { Some(self.id) } else { actor };
        match self.reference.seen {
            SeenBy::OfActor | SeenBy::Actor | SeenBy::AsActor => self.visibility.of(None, owner),
            SeenBy::OfActorAndForum => self.visibility.of(self.forum, owner),
            SeenBy::OfWhole(..) => self.visibility.of(self.forum, None),
            SeenBy::AsBoth if breadth(self.other_visibility) < breadth(self.visibility) => self.other_visibility.of(None, self.other),
            SeenBy::AsBoth => self.visibility.of(None, actor),
            // The source may belong to the actor itself, and then it moves too.
            SeenBy::OfSource => Visibility::Actor.of(None, if self.other == self.actor { actor } else { self.other }),
            SeenBy::Nobody => Visibility::Actor.of(None, None),
        }
    }

    /// Returns a copy for another actor with this visibility. It is used for records that are visible as their actor is.
    #[must_use]
    pub fn with_visibility(&self, visibility: Visibility) -> Self {
        Self { visibility: self.reference.seen.narrowed(visibility), ..self.clone() }
    }

    /// Publishes in the feed that the record refers to another actor. `self` is the record after the move, and `before`
    /// says who could see it before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn announce(&self, before: Visible, to: Option<Uuid>, w: &Write<'_>) -> Result<()> {
        if !self.reference.shown {
            return Ok(());
        }
        let by_value = self.ended && !self.reference.removed_by_time();
        let op = if by_value { ChangeOperation::Delete } else { ChangeOperation::Upsert };
        let mut areas: Vec<AreaId> = self.areas.iter().copied().map(AreaId::from).collect();
        if let (true, Some(forum)) = (self.reference.areas.is_empty(), self.forum) {
            areas = forums::areas_of(forum.into(), &w.tx).await?;
        }
        let change = Change::new(self.reference.kind, self.id, op, self.version + 1, self.visible(to));
        w.record(change.in_areas(areas).visible_before(Some(before)));
        Ok(())
    }
}

/// Returns all records that refer to an actor and would follow it, in the order of [`FOLLOWING`] and then of their ids.
/// With `locked`, their rows are locked, so that concurrent changes wait and then apply to the moved records.
///
/// # Errors
/// When the database does not answer.
pub async fn find_referring(actor: Uuid, locked: bool, db: &impl ConnectionTrait) -> Result<Vec<Referring>> {
    let mut found = Vec::new();
    for reference in FOLLOWING.iter() {
        let mut select = select(reference, locked);
        select.and_where(Expr::col((reference.table, reference.column)).eq(actor));
        if let Some((column, "")) = reference.ended {
            select.and_where(Expr::col((reference.table, column)).is_null());
        }
        found.extend(read(reference, &select, db).await?);
    }
    Ok(found)
}

/// Returns rows by their ids, as they are now. Rows that no longer exist are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn find_by_ids(reference: &'static Reference, ids: &[Uuid], locked: bool, db: &impl ConnectionTrait) -> Result<Vec<Referring>> {
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let mut select = select(reference, locked);
        select.and_where(Expr::col((reference.table, "id")).is_in(ids.iter().copied()));
        found.extend(read(reference, &select, db).await?);
    }
    Ok(found)
}

/// Returns the reference of a column, if the column follows actors.
#[must_use]
pub fn find_reference(table: &str, column: &str) -> Option<&'static Reference> {
    FOLLOWING.iter().find(|reference| reference.table == table && reference.column == column)
}

fn select(reference: &'static Reference, locked: bool) -> SelectStatement {
    let table = reference.table;
    let mut select = Query::select();
    select
        .expr_as(Expr::col((table, "id")), "id")
        .expr_as(Expr::col((table, reference.column)), "actor")
        .expr_as(Expr::col((table, "version")), "version")
        .from(table)
        .order_by((table, "id"), Order::Asc);
    if locked {
        select.lock_with_tables(LockType::Update, [table]);
    }
    match reference.seen {
        SeenBy::OfActor | SeenBy::Actor => {
            select.expr_as(Expr::col((table, "visibility")), "visibility");
        }
        SeenBy::OfActorAndForum => {
            select.expr_as(Expr::col((table, "visibility")), "visibility").expr_as(Expr::col((table, "forum_id")), "forum");
        }
        SeenBy::OfWhole(whole, by, forum) => {
            select
                .inner_join(whole, Expr::col((whole, "id")).equals((table, by)))
                .expr_as(Expr::col((whole, "visibility")), "visibility")
                .expr_as(Expr::col((whole, forum)), "forum");
        }
        SeenBy::AsActor | SeenBy::AsBoth => {
            select
                .inner_join("actor", Expr::col(("actor", "id")).equals((table, reference.column)))
                .expr_as(Expr::col(("actor", "visibility")), "visibility");
        }
        SeenBy::OfSource => {
            select
                .inner_join("source", Expr::col(("source", "id")).equals((table, "source_id")))
                .expr_as(Expr::col(("source", "actor_id")), "other");
        }
        SeenBy::Nobody => {}
    }
    if let (SeenBy::AsBoth, Some(other)) = (reference.seen, reference.apart) {
        let seen = Query::select()
            .expr(Expr::col(("beside", "visibility")))
            .from_as("actor", "beside")
            .and_where(Expr::col(("beside", "id")).equals((table, other)))
            .take();
        let seen = SimpleExpr::SubQuery(None, Box::new(seen.into()));
        select.expr_as(Expr::col((table, other)), "other").expr_as(seen, "other_visibility");
    }
    if let Some((column, value)) = reference.only {
        select.and_where(Expr::col((table, column)).eq(value));
    }
    if let Some((column, value)) = reference.ended {
        let ended = Expr::col((table, column));
        let ended = if value.is_empty() { ended.is_not_null() } else { ended.eq(value) };
        select.expr_as(Expr::case(ended, 1).finally(0), "ended");
    }
    for column in reference.areas {
        let owner = if let SeenBy::OfWhole(whole, ..) = reference.seen { whole } else { table };
        select.expr_as(Expr::col((owner, *column)), format!("areas_{column}"));
    }
    select
}

async fn read(reference: &'static Reference, select: &SelectStatement, db: &impl ConnectionTrait) -> Result<Vec<Referring>> {
    db.query_all(select).await?.iter().map(|row| referring(reference, row)).collect()
}

fn referring(reference: &'static Reference, row: &QueryResult) -> Result<Referring> {
    let visibility = match reference.seen {
        SeenBy::Nobody | SeenBy::OfSource => Visibility::Actor,
        _ => Visibility::named(&row.try_get::<String>("", "visibility")?),
    };
    let visibility = reference.seen.narrowed(visibility);
    let forum = match reference.seen {
        SeenBy::OfActorAndForum | SeenBy::OfWhole(..) => row.try_get("", "forum")?,
        _ => None,
    };
    let mut areas: Vec<Uuid> = Vec::new();
    for column in reference.areas {
        let name = format!("areas_{column}");
        if column.ends_with("_id") {
            areas.extend(row.try_get::<Option<Uuid>>("", &name)?);
        } else {
            areas.extend(row.try_get::<List<Uuid>>("", &name)?.0);
        }
    }
    Ok(Referring {
        reference,
        id: row.try_get("", "id")?,
        actor: row.try_get("", "actor")?,
        version: row.try_get("", "version")?,
        visibility,
        forum,
        other: if matches!(reference.seen, SeenBy::OfSource | SeenBy::AsBoth) { row.try_get("", "other")? } else { None },
        other_visibility: if reference.seen == SeenBy::AsBoth {
            Visibility::named(&row.try_get::<String>("", "other_visibility")?)
        } else {
            Visibility::Public
        },
        areas,
        ended: reference.ended.is_some() && row.try_get::<i32>("", "ended")? == 1,
    })
}

/// Returns the ids of the rows of an actor that must stay because the other actor has an equal one. The `part_of` relations
/// of the actor itself stay too, because an actor can be part of only one other. So does the relation that the actor
/// `steps_up` is part of it, since that actor takes its place.
///
/// # Errors
/// When the database does not answer.
pub async fn find_conflicting(actor: Uuid, into: Uuid, steps_up: Option<Uuid>, db: &impl ConnectionTrait) -> Result<Vec<Uuid>> {
    let mut taken = Vec::new();
    for reference in FOLLOWING.iter() {
        let rows = Query::select().column("id").from(reference.table).and_where(Expr::col(reference.column).eq(actor)).take();
        let mut questions = Vec::new();
        if let Some(once) = reference.once {
            let others = Query::select().column(once).from(reference.table).and_where(Expr::col(reference.column).eq(into)).take();
            questions.push(rows.clone().and_where(Expr::col(once).in_subquery(others)).take());
        }
        if !reference.same.is_empty() {
            questions.push(equal_records(reference, actor, into));
        }
        if let Some(other) = reference.apart {
            questions.push(rows.clone().and_where(Expr::col(other).eq(into)).take());
            questions.push(overlapping_relations(reference, other, actor, into));
            let mut parts = rows.clone();
            parts.and_where(Expr::col("kind").eq("part_of"));
            match steps_up {
                _ if reference.column == "actor_id" => questions.push(parts),
                Some(child) => questions.push(parts.and_where(Expr::col(other).eq(child)).take()),
                None => {}
            }
        }
        for question in questions {
            for row in db.query_all(&question).await? {
                taken.push(row.try_get("", "id")?);
            }
        }
    }
    Ok(taken)
}

/// Selects the records of one actor for which another actor has an equal one.
fn equal_records(reference: &Reference, actor: Uuid, into: Uuid) -> SelectStatement {
    let (table, column) = (reference.table, reference.column);
    let mut same = Query::select()
        .expr(Expr::val(1))
        .from_as(table, "beside")
        .and_where(Expr::col(("beside", column)).eq(into))
        .and_where(Expr::col(("beside", "deleted_at")).is_null())
        .take();
    for name in reference.same {
        let (mine, theirs) = (Expr::col((table, *name)), Expr::col(("beside", *name)));
        let neither = mine.clone().is_null().and(theirs.is_null());
        same.and_where(mine.equals(("beside", *name)).or(neither));
    }
    Query::select().column((table, "id")).from(table).and_where(Expr::col((table, column)).eq(actor)).and_where(Expr::exists(same)).take()
}

/// Selects the relations of one actor for which another actor has a relation of the same kind, to the same actor, in an
/// overlapping period.
fn overlapping_relations(reference: &Reference, other: &'static str, actor: Uuid, into: Uuid) -> SelectStatement {
    let (table, column) = (reference.table, reference.column);
    let begun = |one: &'static str, two: &'static str| {
        let (from, to) = (Expr::col((one, "valid_from")), Expr::col((two, "valid_to")));
        from.clone().is_null().or(to.clone().is_null()).or(from.lt(to))
    };
    let same = Query::select()
        .expr(Expr::val(1))
        .from_as(table, "beside")
        .and_where(Expr::col(("beside", column)).eq(into))
        .and_where(Expr::col(("beside", "kind")).equals((table, "kind")))
        .and_where(Expr::col(("beside", other)).equals((table, other)))
        .and_where(Expr::col(("beside", "deleted_at")).is_null())
        .and_where(begun(table, "beside"))
        .and_where(begun("beside", table))
        .take();
    Query::select().column((table, "id")).from(table).and_where(Expr::col((table, column)).eq(actor)).and_where(Expr::exists(same)).take()
}

/// Makes rows of one table refer to another actor, or to none. Rows of records that show the actor get their next version.
///
/// # Errors
/// When the database does not answer.
pub async fn reassign(reference: &Reference, ids: &[Uuid], to: Option<Uuid>, w: &Write<'_>) -> Result<()> {
    for ids in ids.chunks(AT_ONCE) {
        let mut update = UpdateStatement::new();
        update.table(reference.table).value(reference.column, Expr::val(to)).and_where(Expr::col("id").is_in(ids.iter().copied()));
        if reference.shown {
            update.value("version", Expr::col("version").add(1)).value("updated_at", Expr::val(w.now));
        }
        let turned = w.tx.execute(&update).await?.rows_affected();
        if turned != ids.len() as u64 {
            return Err(Problem::internal(&format_args!("{} of {} rows of {} followed", turned, ids.len(), reference.table)));
        }
    }
    Ok(())
}

/// Stores in the history the versions that records got by moving to another actor: a copy of the version before, with the
/// other actor. Records without a history are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_history(rows: &[Referring], to: Option<Uuid>, w: &Write<'_>) -> Result<()> {
    for rows in rows.chunks(AT_ONCE) {
        let known = history::Entity::find().filter(history::Column::EntityId.is_in(rows.iter().map(|row| row.id))).all(&w.tx).await?;
        let mut kept = Vec::new();
        for mut version in known {
            let now = rows.iter().find(|row| row.id == version.entity_id && row.version == version.version);
            let Some(row) = now else { continue };
            let visible = row.visible(to);
            if let Some(body) = &mut version.body {
                body[member_name(row.reference.column)] = json!(to);
            }
            kept.push(history::ActiveModel {
                entity_id: Set(version.entity_id),
                version: Set(version.version + 1),
                entity_kind: Set(version.entity_kind),
                op: Set(ChangeOperation::Upsert),
                changed_at: Set(w.now),
                changed_by: Set(w.call.author.user),
                visibility: Set(visible.visibility.unwrap_or_else(|| "public".to_owned())),
                forum_id: Set(visible.forum),
                actor_id: Set(visible.actor),
                body: Set(version.body),
            });
        }
        if !kept.is_empty() {
            history::Entity::insert_many(kept).exec_without_returning(&w.tx).await?;
        }
    }
    Ok(())
}

/// Returns the JSON member name of a column, such as `actorId` for `actor_id`.
fn member_name(column: &str) -> String {
    let mut parts = column.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        name + &head.to_uppercase() + tail
    })
}

/// Returns whether any of these actors has something that only its own people may see or that depends on them: records with
/// the visibility `actor`, accounts and grants, secrecy marks, disclosures, or sources.
///
/// # Errors
/// When the database does not answer.
pub async fn has_private_records(actors: &[Uuid], db: &impl ConnectionTrait) -> Result<bool> {
    for reference in FOLLOWING.iter() {
        let mut select = Query::select();
        select.column("id").from(reference.table).and_where(Expr::col(reference.column).is_in(actors.iter().copied())).limit(1);
        match reference.seen {
            SeenBy::OfActor | SeenBy::OfActorAndForum | SeenBy::Actor => {
                select.and_where(Expr::col("visibility").eq(Visibility::Actor.to_value()));
            }
            SeenBy::AsActor | SeenBy::Nobody => {}
            SeenBy::OfWhole(..) | SeenBy::AsBoth | SeenBy::OfSource => continue,
        }
        if let Some((column, value)) = reference.only {
            select.and_where(Expr::col(column).eq(value));
        }
        if db.query_one(&select).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the members of a record that are under secrecy. An empty text stands for the whole record.
///
/// # Errors
/// When the database does not answer.
pub async fn marked_members(record: Uuid, db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let select = Query::select()
        .column("member")
        .from("secrecy_mark")
        .and_where(Expr::col("record_id").eq(record))
        .and_where(Expr::col("lifted_at").is_null())
        .take();
    db.query_all(&select).await?.iter().map(|row| Ok(row.try_get("", "member")?)).collect()
}

//! Reads what refers to an actor, and lets it follow.

use sea_orm::{
    ConnectionTrait, ExprTrait, Order, QueryResult,
    entity::prelude::*,
    sea_query::{Expr, LockType, Query, SelectStatement, UpdateStatement},
};

use super::{FOLLOWING, Reference, Seen};
use crate::{
    access::Visibility,
    forums::forums::store as forums,
    geography::areas::AreaId,
    kernel::{
        Problem, Result, Write,
        events::{Change, ChangeOperation, Visible},
        table::List,
    },
};

/// How many rows one statement names.
const AT_ONCE: usize = 500;

/// A record that refers to an actor.
#[derive(Clone, Debug)]
pub struct Referring {
    pub reference: &'static Reference,
    pub id: Uuid,
    /// The actor that it names.
    pub actor: Option<Uuid>,
    pub version: i64,
    pub visibility: Visibility,
    pub forum: Option<Uuid>,
    /// The actor of the source that it came from.
    pub source: Option<Uuid>,
    pub areas: Vec<Uuid>,
    /// Whether it has ended.
    pub ended: bool,
}

impl Referring {
    /// Who may see it when it is this actor's.
    #[must_use]
    pub fn visible(&self, actor: Option<Uuid>) -> Visible {
        let owner = if self.reference.seen == Seen::Actor { Some(self.id) } else { actor };
        match self.reference.seen {
            Seen::OfActor | Seen::Actor | Seen::AsActor => self.visibility.of(None, owner),
            Seen::OfActorAndForum => self.visibility.of(self.forum, owner),
            Seen::Of(..) => self.visibility.of(self.forum, None),
            // The source may be the actor's own, and then goes along.
            Seen::OfSource => Visibility::Actor.of(None, if self.source == self.actor { actor } else { self.source }),
            Seen::Nobody => Visibility::Actor.of(None, None),
        }
    }

    /// Tells its followers that it is another actor's now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn announce(&self, before: Option<Uuid>, after: Option<Uuid>, w: &Write<'_>) -> Result<()> {
        if !self.reference.shown {
            return Ok(());
        }
        let by_value = self.ended && !self.reference.removed_by_time();
        let op = if by_value { ChangeOperation::Delete } else { ChangeOperation::Upsert };
        let mut areas: Vec<AreaId> = self.areas.iter().copied().map(AreaId::from).collect();
        if let (true, Some(forum)) = (self.reference.areas.is_empty(), self.forum) {
            areas = forums::areas_of(forum.into(), &w.tx).await?;
        }
        let change = Change::new(self.reference.kind, self.id, op, self.version + 1, self.visible(after));
        w.record(change.within(areas).after(Some(self.visible(before))));
        Ok(())
    }
}

/// All that refers to an actor and would follow it, by kind and in order of registration; locked, so that whoever changes one
/// of them waits, and then changes what it has become.
///
/// # Errors
/// When the database does not answer.
pub async fn of(actor: Uuid, locked: bool, db: &impl ConnectionTrait) -> Result<Vec<Referring>> {
    let mut found = Vec::new();
    for reference in FOLLOWING {
        let mut select = select(reference, locked);
        select.and_where(Expr::col((reference.table, reference.column)).eq(actor));
        if let Some((column, "")) = reference.ended {
            select.and_where(Expr::col((reference.table, column)).is_null());
        }
        found.extend(read(reference, &select, db).await?);
    }
    Ok(found)
}

/// Rows by their ids, as they are now; those that are gone are missing.
///
/// # Errors
/// When the database does not answer.
pub async fn those(reference: &'static Reference, ids: &[Uuid], locked: bool, db: &impl ConnectionTrait) -> Result<Vec<Referring>> {
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let mut select = select(reference, locked);
        select.and_where(Expr::col((reference.table, "id")).is_in(ids.iter().copied()));
        found.extend(read(reference, &select, db).await?);
    }
    Ok(found)
}

/// The reference of a column.
#[must_use]
pub fn named(table: &str, column: &str) -> Option<&'static Reference> {
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
        Seen::OfActor | Seen::Actor => {
            select.expr_as(Expr::col((table, "visibility")), "visibility");
        }
        Seen::OfActorAndForum => {
            select.expr_as(Expr::col((table, "visibility")), "visibility").expr_as(Expr::col((table, "forum_id")), "forum");
        }
        Seen::Of(whole, by, forum) => {
            select
                .inner_join(whole, Expr::col((whole, "id")).equals((table, by)))
                .expr_as(Expr::col((whole, "visibility")), "visibility")
                .expr_as(Expr::col((whole, forum)), "forum");
        }
        Seen::AsActor => {
            select
                .inner_join("actor", Expr::col(("actor", "id")).equals((table, reference.column)))
                .expr_as(Expr::col(("actor", "visibility")), "visibility");
        }
        Seen::OfSource => {
            select
                .inner_join("source", Expr::col(("source", "id")).equals((table, "source_id")))
                .expr_as(Expr::col(("source", "actor_id")), "source");
        }
        Seen::Nobody => {}
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
        let of = if let Seen::Of(whole, ..) = reference.seen { whole } else { table };
        select.expr_as(Expr::col((of, *column)), format!("areas_{column}"));
    }
    select
}

async fn read(reference: &'static Reference, select: &SelectStatement, db: &impl ConnectionTrait) -> Result<Vec<Referring>> {
    db.query_all(select).await?.iter().map(|row| referring(reference, row)).collect()
}

fn referring(reference: &'static Reference, row: &QueryResult) -> Result<Referring> {
    let visibility = match reference.seen {
        Seen::Nobody | Seen::OfSource => Visibility::Actor,
        _ => Visibility::named(&row.try_get::<String>("", "visibility")?),
    };
    // What is for everybody of an actor's own systems is for those who are signed in.
    let visibility = if reference.seen == Seen::AsActor && visibility == Visibility::Public { Visibility::Members } else { visibility };
    let forum = match reference.seen {
        Seen::OfActorAndForum | Seen::Of(..) => row.try_get("", "forum")?,
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
        source: if reference.seen == Seen::OfSource { row.try_get("", "source")? } else { None },
        areas,
        ended: reference.ended.is_some() && row.try_get::<i32>("", "ended")? == 1,
    })
}

/// Of the rows of one actor, those that cannot become another's, since it has one of the same already.
///
/// # Errors
/// When the database does not answer.
pub async fn taken(actor: Uuid, into: Uuid, db: &impl ConnectionTrait) -> Result<Vec<Uuid>> {
    let mut taken = Vec::new();
    for reference in FOLLOWING {
        let rows = Query::select().column("id").from(reference.table).and_where(Expr::col(reference.column).eq(actor)).take();
        let mut questions = Vec::new();
        if let Some(once) = reference.once {
            let others = Query::select().column(once).from(reference.table).and_where(Expr::col(reference.column).eq(into)).take();
            questions.push(rows.clone().and_where(Expr::col(once).in_subquery(others)).take());
        }
        if let Some(other) = reference.apart {
            questions.push(rows.clone().and_where(Expr::col(other).eq(into)).take());
        }
        for question in questions {
            for row in db.query_all(&question).await? {
                taken.push(row.try_get("", "id")?);
            }
        }
    }
    Ok(taken)
}

/// Makes rows of one table another actor's, or nobody's. Each that shows it gets its next version.
///
/// # Errors
/// When the database does not answer.
pub async fn turn(reference: &Reference, ids: &[Uuid], to: Option<Uuid>, w: &Write<'_>) -> Result<()> {
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

/// The members of a record that are under secrecy; nothing in it stands for all of them.
///
/// # Errors
/// When the database does not answer.
pub async fn marked(record: Uuid, db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let select = Query::select()
        .column("member")
        .from("secrecy_mark")
        .and_where(Expr::col("record_id").eq(record))
        .and_where(Expr::col("lifted_at").is_null())
        .take();
    db.query_all(&select).await?.iter().map(|row| Ok(row.try_get("", "member")?)).collect()
}

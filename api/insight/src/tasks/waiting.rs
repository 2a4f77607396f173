//! Finds the tasks, with one query for each kind.

use chrono::{Days, NaiveDate};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Condition, Expr, ExprTrait, IntoColumnRef, JoinType, Order, Query, SelectStatement, SimpleExpr},
};
use uuid::Uuid;

use super::{
    TaskKind,
    types::{Task, TaskOperation, TaskSubject, Tasks},
};
use crate::{
    access::{
        Caller,
        policy::{ForumFunction, Permission},
    },
    assessments::assessments::AssessmentStatus,
    forums::{forums::ForumStatus, members::MemberStatus},
    kernel::{
        Db, Result,
        language::{Language, Text},
        say,
    },
    priorities::rounds::RoundStatus,
    registry::actors::{ActorId, store as actors},
};
use sea_orm::ActiveEnum;

/// The largest number of tasks that are shown of each kind.
const MAX_PER_KIND: usize = 100;
/// The time before the end of a membership, mandate or grant within which it becomes a task.
const SOON: Days = Days::new(30);

/// A task as it was found.
struct Found {
    kind: TaskKind,
    id: Uuid,
    /// The forum of an invitation or a membership.
    within: Option<Uuid>,
    actor: Option<Uuid>,
    label: String,
    due: Option<NaiveDate>,
}

/// Returns the tasks of a caller.
pub(super) async fn tasks(caller: &Caller, language: Language, db: &Db) -> Result<Tasks> {
    let today = db.clock.today();
    let soon = today.checked_add_days(SOON).unwrap_or(today);
    let (mut found, mut more) = (Vec::new(), false);
    let mut asked = vec![
        (TaskKind::Invitation, Some(Permission::AnswerInvitation), invitations(today)),
        (TaskKind::Ballot, Some(Permission::Vote), ballots(today)),
        (TaskKind::Word, Some(Permission::Endorse), endorsements(today, false)),
        (TaskKind::OutdatedWord, Some(Permission::Endorse), endorsements(today, true)),
        (TaskKind::MembershipEnds, Some(Permission::AnswerInvitation), memberships(today, soon)),
        (TaskKind::MandateEnds, Some(Permission::WriteMandates), mandates(today, soon)),
    ];
    if let Some(user) = caller.user {
        asked.push((TaskKind::GrantEnds, None, grants(user, today, soon)));
        let until = db.clock.now() + chrono::Duration::days(30);
        asked.push((TaskKind::TokenEnds, None, tokens(user, until)));
    }
    for (kind, permission, (mut select, actor)) in asked {
        if let Some(permission) = permission {
            // Only the actors that the caller works for count. A caller with the permission everywhere gets no tasks of other actors.
            let own: Vec<Uuid> = match caller.reach(permission) {
                Ok(reach) => reach.actors.clone(),
                Err(_) => Vec::new(),
            };
            if own.is_empty() {
                continue;
            }
            select.and_where(actor.is_in(own));
        }
        let rows = db.reader().query_all(select.limit(u64::try_from(MAX_PER_KIND).unwrap_or(u64::MAX) + 1)).await?;
        more |= rows.len() > MAX_PER_KIND;
        for row in rows.into_iter().take(MAX_PER_KIND) {
            let ends: Option<chrono::DateTime<chrono::Utc>> = if kind == TaskKind::TokenEnds { row.try_get("", "moment")? } else { None };
            found.push(Found {
                kind,
                id: row.try_get("", "id")?,
                within: row.try_get("", "within")?,
                actor: row.try_get("", "actor_id")?,
                label: row.try_get("", "label")?,
                due: match ends {
                    Some(moment) => Some(crate::kernel::clock::day(moment)),
                    // `valid_to` is the first day after the period, so the last day is the day before.
                    None => row.try_get::<Option<NaiveDate>>("", "valid_to")?.and_then(|day| day.pred_opt()),
                },
            });
        }
    }
    // `false` sorts before `true`, so tasks with a last day come first.
    found.sort_by_key(|found| (found.due.is_none(), found.due, found.kind as u8, found.id));
    let ids: Vec<_> = found.iter().filter_map(|found| found.actor).map(ActorId::from).collect();
    let names = actors::names(&caller.sight, &ids, db.reader()).await?;
    let items = found.into_iter().map(|found| {
        let (operation_id, method, path) = found.kind.operation();
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let path = path.replace("{within}", &id(found.within)).replace("{actor}", &id(found.actor)).replace("{id}", &id(Some(found.id)));
        Task {
            kind: found.kind,
            title: title(found.kind).r#in(language).to_owned(),
            // The subject of an invitation and of a membership is the forum.
            subject: TaskSubject { id: found.within.unwrap_or(found.id), label: found.label },
            actor: found.actor.and_then(|actor| names.get(&ActorId::from(actor)).cloned()),
            due: found.due,
            operation: TaskOperation { operation_id: operation_id.to_owned(), method: method.to_owned(), path },
        }
    });
    Ok(Tasks { items: items.collect(), more })
}

fn title(kind: TaskKind) -> Text {
    match kind {
        TaskKind::Invitation => say!("Svara på inbjudan till forumet", "Answer the invitation to the forum"),
        TaskKind::Ballot => say!("Rösta i prioriteringen", "Vote in the round"),
        TaskKind::Word => say!("Ta ställning till lägesbilden", "Say your word on the assessment"),
        TaskKind::OutdatedWord => {
            say!("Ta ställning på nytt: lägesbildens text har ändrats", "Say your word again: the text of the assessment has changed")
        }
        TaskKind::MembershipEnds => say!(
            "Medlemskapet i forumet går ut. Be den som samordnar forumet om ett nytt om ni ska vara kvar",
            "The membership of the forum ends. Ask who coordinates the forum for a new one if you are to stay"
        ),
        TaskKind::MandateEnds => {
            say!("Mandatet går ut. Förläng det om det ska gälla längre", "The mandate ends. Prolong it if it is to hold longer")
        }
        TaskKind::TokenEnds => say!("Din personliga nyckel går ut. Skapa en ny", "Your personal token ends. Create a new one"),
        TaskKind::GrantEnds => {
            say!("Din roll går ut. Be den som gav dig den om en ny", "Your role ends. Ask who gave it to you for a new one")
        }
    }
}

/// A query of tasks, with the column that is compared with the caller's actors.
type TaskQuery = (SelectStatement, SimpleExpr);

fn col(table: &'static str, column: &'static str) -> Expr {
    Expr::col((table, column).into_column_ref())
}

/// Selects the memberships with this status in forums that are neither closed nor removed.
fn members(status: MemberStatus) -> SelectStatement {
    Query::select()
        .from("forum_member")
        .join(JoinType::InnerJoin, "forum", col("forum", "id").equals(("forum_member", "forum_id")))
        .and_where(col("forum", "deleted_at").is_null())
        .and_where(col("forum", "status").ne(ForumStatus::Closed.to_value()))
        .and_where(col("forum_member", "status").eq(status.to_value()))
        .take()
}

/// Selects the memberships that can vote and endorse today.
fn voting_members(today: NaiveDate) -> SelectStatement {
    let mut select = members(MemberStatus::Accepted);
    select
        .and_where(col("forum_member", "function").ne(ForumFunction::Observer.to_value()))
        .and_where(col("forum_member", "valid_from").is_null().or(col("forum_member", "valid_from").lte(today)))
        .and_where(col("forum_member", "valid_to").is_null().or(col("forum_member", "valid_to").gt(today)));
    select
}

/// Adds the columns that every kind of task has. Each argument is a table and its column.
fn with_common_columns(
    mut select: SelectStatement,
    id: (&'static str, &'static str),
    within: Option<(&'static str, &'static str)>,
    label: (&'static str, &'static str),
) -> SelectStatement {
    select
        .expr_as(col(id.0, id.1), "id")
        .expr_as(within.map_or_else(|| Expr::value(None::<Uuid>), |within| col(within.0, within.1)), "within")
        .expr_as(col(label.0, label.1), "label");
    select
}

fn invitations(today: NaiveDate) -> TaskQuery {
    let mut select = with_common_columns(members(MemberStatus::Invited), ("forum_member", "id"), Some(("forum", "id")), ("forum", "name"));
    select
        .expr_as(col("forum_member", "actor_id"), "actor_id")
        .expr_as(col("forum_member", "valid_to"), "valid_to")
        .and_where(col("forum_member", "valid_to").is_null().or(col("forum_member", "valid_to").gt(today)))
        .order_by(("forum_member", "id"), Order::Asc);
    (select, col("forum_member", "actor_id"))
}

fn memberships(today: NaiveDate, soon: NaiveDate) -> TaskQuery {
    let mut select = with_common_columns(members(MemberStatus::Accepted), ("forum_member", "id"), Some(("forum", "id")), ("forum", "name"));
    select
        .expr_as(col("forum_member", "actor_id"), "actor_id")
        .expr_as(col("forum_member", "valid_to"), "valid_to")
        .and_where(col("forum_member", "valid_to").gt(today))
        .and_where(col("forum_member", "valid_to").lte(soon))
        .order_by(("forum_member", "id"), Order::Asc);
    (select, col("forum_member", "actor_id"))
}

fn ballots(today: NaiveDate) -> TaskQuery {
    let mut select = with_common_columns(voting_members(today), ("round", "id"), None, ("round", "question"));
    let cast = Condition::all()
        .add(col("ballot", "round_id").equals(("round", "id")))
        .add(col("ballot", "actor_id").equals(("forum_member", "actor_id")));
    select
        .join(JoinType::InnerJoin, "round", col("round", "forum_id").equals(("forum", "id")))
        .join(JoinType::LeftJoin, "ballot", cast)
        .and_where(col("round", "status").eq(RoundStatus::Open.to_value()))
        .and_where(col("round", "deleted_at").is_null())
        .and_where(col("ballot", "id").is_null())
        .expr_as(col("forum_member", "actor_id"), "actor_id")
        .expr_as(Expr::value(None::<NaiveDate>), "valid_to")
        .order_by(("round", "id"), Order::Asc);
    (select, col("forum_member", "actor_id"))
}

fn endorsements(today: NaiveDate, outdated: bool) -> TaskQuery {
    let mut select = with_common_columns(voting_members(today), ("assessment", "id"), None, ("assessment", "title"));
    let said = Condition::all()
        .add(col("endorsement", "assessment_id").equals(("assessment", "id")))
        .add(col("endorsement", "actor_id").equals(("forum_member", "actor_id")));
    let asked = [AssessmentStatus::Review, AssessmentStatus::Agreed].map(|status| status.to_value());
    select
        .join(JoinType::InnerJoin, "assessment", col("assessment", "forum_id").equals(("forum", "id")))
        .join(if outdated { JoinType::InnerJoin } else { JoinType::LeftJoin }, "endorsement", said)
        .and_where(col("assessment", "status").is_in(asked))
        .and_where(col("assessment", "deleted_at").is_null())
        .and_where(if outdated { col("endorsement", "outdated").eq(true) } else { col("endorsement", "id").is_null() })
        .expr_as(col("forum_member", "actor_id"), "actor_id")
        .expr_as(Expr::value(None::<NaiveDate>), "valid_to")
        .order_by(("assessment", "id"), Order::Asc);
    (select, col("forum_member", "actor_id"))
}

fn mandates(today: NaiveDate, soon: NaiveDate) -> TaskQuery {
    let select = Query::select().from("mandate").and_where(col("mandate", "deleted_at").is_null()).take();
    let mut select = with_common_columns(select, ("mandate", "id"), None, ("mandate", "policy_domain"));
    select
        .expr_as(col("mandate", "actor_id"), "actor_id")
        .expr_as(col("mandate", "valid_to"), "valid_to")
        .and_where(col("mandate", "valid_to").gt(today))
        .and_where(col("mandate", "valid_to").lte(soon))
        .order_by(("mandate", "id"), Order::Asc);
    (select, col("mandate", "actor_id"))
}

fn grants(user: Uuid, today: NaiveDate, soon: NaiveDate) -> TaskQuery {
    let mut select =
        with_common_columns(Query::select().from("access_grant").take(), ("access_grant", "id"), None, ("access_grant", "role"));
    select
        .expr_as(Expr::value(None::<Uuid>), "actor_id")
        .expr_as(col("access_grant", "valid_to"), "valid_to")
        .and_where(col("access_grant", "user_id").eq(user))
        .and_where(col("access_grant", "valid_to").gt(today))
        .and_where(col("access_grant", "valid_to").lte(soon))
        .order_by(("access_grant", "id"), Order::Asc);
    (select, col("access_grant", "user_id"))
}

fn tokens(user: Uuid, until: chrono::DateTime<chrono::Utc>) -> TaskQuery {
    let mut select =
        with_common_columns(Query::select().from("personal_token").take(), ("personal_token", "id"), None, ("personal_token", "name"));
    select
        .expr_as(Expr::value(None::<Uuid>), "actor_id")
        .expr_as(Expr::value(None::<NaiveDate>), "valid_to")
        .expr_as(col("personal_token", "expires_at"), "moment")
        .and_where(col("personal_token", "user_id").eq(user))
        .and_where(col("personal_token", "expires_at").lte(until))
        .order_by(("personal_token", "id"), Order::Asc);
    (select, col("personal_token", "user_id"))
}

//! All SQL of runs of disposal. The register says which rows belong to a user, and so may be under a hold.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveValue::Set,
    Condition, ConnectionTrait, EntityTrait, ExprTrait,
    entity::prelude::*,
    sea_query::{Expr, Func, Query},
};

use super::{RetentionRun, RetentionRunId, RuleOutcome, table};
use crate::{
    holds::store as holds,
    kernel::{
        Db, Page, Paging, Problem, Result, Write, clock,
        page::Key,
        problem::Kind,
        record::{self, Rule, Terms},
        request::Call,
        say,
    },
    persons::{NewErasure, store as persons},
};

fn view(row: table::Model) -> RetentionRun {
    RetentionRun { id: row.id, started_at: row.started_at, started_by: row.started_by, dry_run: row.dry_run, rules: row.rules.0 }
}

pub(super) async fn list(paging: &Paging, call: &Call, db: &Db) -> Result<Page<RetentionRun>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(table::Entity::find(), keys, call, db).await?.map(view))
}

pub(super) async fn find(id: RetentionRunId, db: &impl ConnectionTrait) -> Result<RetentionRun> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Applies all rules, or only counts when `dry`, and stores the protocol.
///
/// # Errors
/// When the database does not answer.
pub async fn run(dry: bool, terms: &Terms, w: &Write<'_>) -> Result<RetentionRun> {
    let held = holds::held_users(w).await?;
    let mut rules = Vec::new();
    for (rule, days) in Rule::ALL.iter().filter(|rule| **rule != Rule::Feed).filter_map(|rule| Some((*rule, rule.days(terms)?))) {
        let before = w.now - TimeDelta::try_days(days).ok_or_else(|| Problem::internal(&"a rule with too many days"))?;
        let (found, held_back) = match table_of(rule) {
            Some(table) => dispose_of_rows(rule, table, before, &held, dry, w).await?,
            None => erase_accounts(before, dry, w).await?,
        };
        rules.push(RuleOutcome { rule, days, found, removed: if dry { 0 } else { found - held_back }, held_back });
    }
    if !dry {
        // A call that was in progress while its caller was erased may have stored the name again.
        for user in persons::erased_since(w.now - TimeDelta::days(2), w).await? {
            persons::make_nameless(user, w).await?;
        }
    }
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        started_at: Set(w.now),
        started_by: Set(w.call.author.user.map(Into::into)),
        dry_run: Set(dry),
        rules: Set(rules.into()),
    };
    Ok(view(row.insert(&w.tx).await?))
}

/// The rows that are due by a rule. `before` is now minus the days of the rule.
fn due_rows(rule: Rule, before: DateTime<Utc>) -> Condition {
    let erased = || Query::select().column("id").from("user_account").and_where(Expr::col("status").eq("erased")).take();
    match rule {
        Rule::Grants => Condition::all().add(Expr::col("user_id").in_subquery(erased())).add(Expr::col("valid_to").lte(clock::day(before))),
        Rule::Links | Rule::Codes => Condition::all().add(Expr::col("expires_at").lt(before)),
        Rule::Tokens => Condition::all().add(Expr::col("spent_at").lt(before)),
        Rule::Sessions => Condition::any().add(Expr::col("expires_at").lt(before)).add(Expr::col("revoked_at").lt(before)),
        Rule::Answers => Condition::all().add(Expr::col("created_at").lt(before)),
        Rule::Accounts | Rule::Feed | Rule::Records | Rule::Protocols => Condition::any(),
    }
}

/// Removes the due rows that belong to no user under a hold. Returns the number of due rows, and of those held back.
async fn dispose_of_rows(
    rule: Rule,
    table: &'static str,
    before: DateTime<Utc>,
    held: &[Uuid],
    dry: bool,
    w: &Write<'_>,
) -> Result<(i64, i64)> {
    let kept = record::table(table).map_or_else(Condition::any, |declared| persons::belongs_to(declared, held));
    let count = async |condition: Condition| -> Result<i64> {
        let counted = Query::select().expr_as(Func::count(Expr::val(1)), "count").from(table).cond_where(condition).take();
        let row = w.tx.query_one(&counted).await?;
        Ok(row.map(|row| row.try_get("", "count")).transpose()?.unwrap_or_default())
    };
    let found = count(due_rows(rule, before)).await?;
    let held_back = if held.is_empty() { 0 } else { count(Condition::all().add(due_rows(rule, before)).add(kept.clone())).await? };
    if !dry && found > held_back {
        let free = if held.is_empty() { Condition::all() } else { kept.not() };
        if rule == Rule::Sessions {
            let ended = Query::select().column("id").from(table).cond_where(due_rows(rule, before)).cond_where(free.clone()).take();
            for tokens in ["refresh_token", "login_code"] {
                let tokens = Query::delete().from_table(tokens).and_where(Expr::col("session_id").in_subquery(ended.clone())).take();
                w.tx.execute(&tokens).await?;
            }
        }
        let delete = Query::delete().from_table(table).cond_where(due_rows(rule, before)).cond_where(free).take();
        w.tx.execute(&delete).await?;
    }
    Ok((found, held_back))
}

/// Erases the accounts that have been disabled for the days of the rule, except those that must be kept. Returns the number of
/// due accounts, and of those held back.
async fn erase_accounts(before: DateTime<Utc>, dry: bool, w: &Write<'_>) -> Result<(i64, i64)> {
    let due = Query::select()
        .column("id")
        .from("user_account")
        .and_where(Expr::col("status").eq("disabled"))
        .and_where(Expr::col("updated_at").lt(before))
        .order_by("id", sea_orm::Order::Asc)
        .take();
    let mut held_back = 0;
    let due = w.tx.query_all(&due).await?;
    for row in &due {
        let user: Uuid = row.try_get("", "id")?;
        let reason =
            say!("Kontot har varit avstängt så länge som regeln säger.", "The account has been disabled for as long as the rule says.");
        let new = NewErasure { reason: reason.sv, disposal_decision: None };
        let done = if dry {
            persons::require_erasable(user.into(), &new, w).await.map(drop)
        } else {
            persons::erase(user.into(), &new, w).await.map(drop)
        };
        match done {
            Err(problem) if problem.kind == Kind::KeptByLaw => held_back += 1,
            done => done?,
        }
    }
    Ok((i64::try_from(due.len()).unwrap_or(i64::MAX), held_back))
}

/// The table whose rows a rule removes. `None` for accounts, which are erased instead, and for rules that a run does not apply.
pub(super) const fn table_of(rule: Rule) -> Option<&'static str> {
    match rule {
        Rule::Grants => Some("access_grant"),
        Rule::Links => Some("account_secret"),
        Rule::Codes => Some("login_code"),
        Rule::Tokens => Some("refresh_token"),
        Rule::Sessions => Some("session"),
        Rule::Answers => Some("idempotent_answer"),
        Rule::Accounts | Rule::Feed | Rule::Records | Rule::Protocols => None,
    }
}

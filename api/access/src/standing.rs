//! Computes the rights of a user from the database: the grants that are valid today, the actors within them, and the
//! forums of those actors.
//!
//! Access lies below the rooms, so it queries their tables by name and uses nothing else of the rooms.

use chrono::NaiveDate;
use sea_orm::{
    ActiveEnum, ConnectionTrait, ExprTrait, QueryResult, Statement, Value,
    entity::prelude::*,
    sea_query::{Expr, Query, SelectStatement},
};

use super::{
    caller::{Caller, Scope, Sight},
    policy::{ForumFunction, Permission, Role},
};
use crate::kernel::{
    Problem, Result,
    db::Connection,
    table::{List, valid_on},
};

/// The credential of a call.
pub(super) enum Credential {
    /// A session, by its access token.
    Session { user: Uuid, session: Uuid },
    /// A personal token, by its digest (SHA-256 in hexadecimal).
    Token(String),
}

/// Returns the user of a session or token with all rights that are valid today, and the time until which the session or
/// token is valid. Returns `None` when the session, the token or the account has ended.
pub(super) async fn caller_for_credential(
    credential: Credential,
    today: NaiveDate,
    now: ChronoDateTimeUtc,
    db: &Connection,
) -> Result<Option<(Caller, ChronoDateTimeUtc)>> {
    let mut account = Query::select();
    account
        .expr_as(Expr::col(("user_account", "id")), "user_id")
        .columns([("user_account", "name"), ("user_account", "home_kind"), ("user_account", "home_id")])
        .from("user_account")
        .and_where(Expr::col(("user_account", "status")).eq("active"));
    let table = if let Credential::Session { .. } = credential { "session" } else { "personal_token" };
    account
        .inner_join(table, Expr::col((table, "user_id")).equals(("user_account", "id")))
        .expr_as(Expr::col((table, "id")), "credential_id")
        .columns([(table, "expires_at"), (table, "withheld"), (table, "scopes")])
        .and_where(Expr::col((table, "expires_at")).gt(now));
    match &credential {
        Credential::Session { user, session } => {
            account
                .and_where(Expr::col(("session", "id")).eq(*session))
                .and_where(Expr::col(("session", "revoked_at")).is_null())
                .and_where(Expr::col(("user_account", "id")).eq(*user));
        }
        Credential::Token(digest) => {
            account.and_where(Expr::col(("personal_token", "digest")).eq(digest.as_str()));
        }
    }
    let Some(account) = db.query_one(&account).await? else { return Ok(None) };
    let user: Uuid = account.try_get("", "user_id")?;
    let id: Uuid = account.try_get("", "credential_id")?;
    let scopes: Option<List<String>> = account.try_get("", "scopes")?;
    let withheld: List<Role> = account.try_get("", "withheld")?;
    let is_session = matches!(credential, Credential::Session { .. });
    let mut caller = Caller {
        user: Some(user),
        name: account.try_get("", "name")?,
        employer: home_actor(&account)?,
        session: is_session.then_some(id),
        token: (!is_session).then_some(id),
        narrowed: scopes.map(|scopes| scopes.0.iter().filter_map(|scope| Permission::from_key(scope)).collect()),
        sight: Sight { signed_in: true, ..Sight::default() },
        ..Caller::default()
    };
    add_grants(&mut caller, user, &withheld.0, today, db).await?;
    add_forums(&mut caller, today, db).await?;
    Ok(Some((caller, account.try_get("", "expires_at")?)))
}

/// Returns a user in whose name work is done later, with all rights that are valid today; `None` when the account is
/// closed. The rights are limited to those of the token that asked (`narrowed`), and for a service account to its
/// registered scopes.
pub(super) async fn caller_for_user(
    user: Uuid,
    narrowed: Option<Vec<Permission>>,
    withheld: &[Role],
    today: NaiveDate,
    db: &Connection,
) -> Result<Option<Caller>> {
    let select = Query::select()
        .columns([("user_account", "name"), ("user_account", "home_kind"), ("user_account", "home_id"), ("service_client", "scopes")])
        .from("user_account")
        .left_join("service_client", Expr::col(("service_client", "user_id")).equals(("user_account", "id")))
        .and_where(Expr::col(("user_account", "id")).eq(user))
        .and_where(Expr::col(("user_account", "status")).eq("active"))
        .take();
    let Some(account) = db.query_one(&select).await? else { return Ok(None) };
    let scopes: Option<List<String>> = account.try_get("", "scopes")?;
    let scopes: Option<Vec<Permission>> = scopes.map(|scopes| scopes.0.iter().filter_map(|scope| Permission::from_key(scope)).collect());
    let mut caller = Caller {
        user: Some(user),
        name: account.try_get("", "name")?,
        employer: home_actor(&account)?,
        narrowed: match (narrowed, scopes) {
            (Some(narrowed), Some(scopes)) => Some(narrowed.into_iter().filter(|permission| scopes.contains(permission)).collect()),
            (narrowed, scopes) => narrowed.or(scopes),
        },
        sight: Sight { signed_in: true, ..Sight::default() },
        ..Caller::default()
    };
    add_grants(&mut caller, user, withheld, today, db).await?;
    add_forums(&mut caller, today, db).await?;
    Ok(Some(caller))
}

/// Returns the actor that a user works for, if there is one. The administrators of that actor can see the user's sign-ins
/// in the audit log.
pub(super) async fn employer(user: Uuid, db: &impl ConnectionTrait) -> Result<Option<Uuid>> {
    let select = Query::select().columns(["home_kind", "home_id"]).from("user_account").and_where(Expr::col("id").eq(user)).take();
    db.query_one(&select).await?.map_or(Ok(None), |account| home_actor(&account))
}

/// Returns the actor that is the home of an account, if its home is an actor.
fn home_actor(account: &QueryResult) -> Result<Option<Uuid>> {
    let kind: Option<String> = account.try_get("", "home_kind")?;
    let id: Option<Uuid> = account.try_get("", "home_id")?;
    Ok(id.filter(|_| kind.as_deref() == Some("actor")))
}

async fn rows(select: &SelectStatement, db: &impl ConnectionTrait) -> Result<Vec<QueryResult>> {
    db.query_all(select).await.map_err(Problem::from)
}

async fn add_grants(caller: &mut Caller, user: Uuid, withheld: &[Role], today: NaiveDate, db: &impl ConnectionTrait) -> Result<()> {
    let select = Query::select()
        .columns(["role", "scope_kind", "scope_id"])
        .from("access_grant")
        .and_where(Expr::col("user_id").eq(user))
        .cond_where(valid_on("valid_from", "valid_to", today))
        .take();
    for row in rows(&select, db).await? {
        let role: Role = row.try_get("", "role")?;
        if withheld.contains(&role) {
            caller.withheld.push(role);
            continue;
        }
        let kind: String = row.try_get("", "scope_kind")?;
        let id: Option<Uuid> = row.try_get("", "scope_id")?;
        let scope = match (kind.as_str(), id) {
            ("everywhere", _) => Scope::Everywhere,
            ("area", Some(id)) => match area_path(id, db).await? {
                Some(path) => Scope::Area(path),
                None => continue,
            },
            ("actor", Some(id)) => Scope::Actor(with_administrations(id, db).await?),
            ("forum", Some(id)) => Scope::Forum(id),
            ("source", Some(id)) => Scope::Source(id),
            _ => continue,
        };
        match &scope {
            // Only an administrator of the installation sees everything. With another role everywhere, a user sees what
            // all signed-in users see.
            Scope::Everywhere => caller.sight.all |= role == Role::Admin,
            Scope::Actor(actors) => caller.sight.actors.extend(actors),
            Scope::Forum(forum) => {
                caller.sight.forums.insert(*forum);
            }
            Scope::Area(_) | Scope::Source(_) => {}
        }
        caller.grants.push((role, scope));
    }
    Ok(())
}

async fn area_path(id: Uuid, db: &impl ConnectionTrait) -> Result<Option<String>> {
    let select = Query::select().column("path").from("area").and_where(Expr::col("id").eq(id)).take();
    let row = db.query_one(&select).await?;
    Ok(row.map(|row| row.try_get("", "path")).transpose()?)
}

/// Returns an actor with all actors below it, itself first.
pub(super) async fn with_administrations(id: Uuid, db: &impl ConnectionTrait) -> Result<Vec<Uuid>> {
    let parameter = if crate::kernel::table::is_postgres(db.get_database_backend()) { "$1" } else { "?" };
    // `CROSS JOIN` keeps `SQLite` from reading all actors that have a parent.
    let sql = format!(
        "WITH RECURSIVE below (id) AS (SELECT id FROM actor WHERE id = {parameter} \
         UNION SELECT actor.id FROM below CROSS JOIN actor WHERE actor.parent_id = below.id) SELECT id FROM below"
    );
    let found = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, [Value::from(id)])).await?;
    let mut actors: Vec<Uuid> = found.iter().map(|row| row.try_get("", "id")).collect::<std::result::Result<_, _>>()?;
    actors.sort_by_key(|actor| *actor != id);
    Ok(actors)
}

async fn add_forums(caller: &mut Caller, today: NaiveDate, db: &Connection) -> Result<()> {
    let mut working: Vec<Uuid> = Vec::new();
    let mut areas = Vec::new();
    for (role, scope) in &caller.grants {
        match scope {
            Scope::Actor(actors) if matches!(role, Role::ActorAdmin | Role::Contributor) => working.extend(actors),
            Scope::Area(path) if *role == Role::Coordinator => areas.push(path.clone()),
            _ => {}
        }
    }
    if !caller.sight.actors.is_empty() {
        let select = Query::select()
            .columns(["forum_id", "actor_id", "function", "status"])
            .from("forum_member")
            .and_where(Expr::col("actor_id").is_in(caller.sight.actors.iter().copied()))
            .and_where(Expr::col("status").is_in(["invited", "accepted"]))
            .cond_where(valid_on("valid_from", "valid_to", today))
            .take();
        for row in rows(&select, db).await? {
            let forum: Uuid = row.try_get("", "forum_id")?;
            let actor: Uuid = row.try_get("", "actor_id")?;
            let status: String = row.try_get("", "status")?;
            let function = ForumFunction::try_from_value(&row.try_get::<String>("", "function")?)?;
            if status == "invited" {
                caller.sight.invited.insert(forum);
                continue;
            }
            caller.sight.forums.insert(forum);
            if working.contains(&actor) {
                caller.functions.push((forum, function));
            }
        }
    }
    for path in areas {
        let select = Query::select()
            .column("forum_id")
            .from("forum_area")
            .inner_join("area", Expr::col(("area", "id")).equals(("forum_area", "area_id")))
            .and_where(Expr::col(("area", "path")).gte(path.clone()))
            .and_where(Expr::col(("area", "path")).lt(format!("{path}~")))
            .take();
        for row in rows(&select, db).await? {
            caller.sight.forums.insert(row.try_get("", "forum_id")?);
        }
    }
    Ok(())
}

/// Returns the access epoch, a number that grows when anybody's rights change.
pub(super) async fn epoch(db: &Connection) -> Result<i64> {
    let select = Query::select().column("epoch").from("access_epoch").take();
    let row = db.query_one(&select).await?.ok_or_else(|| Problem::internal(&"the epoch of access is missing"))?;
    Ok(row.try_get("", "epoch")?)
}

use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{AccountKind, NewUser, User, UserId, UserStatus, lookup, table};
use crate::{
    By, Caller, Reach, grants,
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        problem::Kind,
        say,
    },
    sessions::ending,
};

pub(crate) fn view(row: table::Model) -> User {
    User {
        id: row.id,
        version: row.version,
        email: row.email,
        name: row.name,
        language: row.language,
        status: row.status,
        has_second_factor: row.factor_secret.is_some(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The accounts whose home the caller looks after, and those that the caller made and that have no home yet. Grants elsewhere
/// make no difference.
fn at_home(user: Option<Uuid>, reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    let new = Condition::all().add(table::Column::RegistrarId.eq(user)).add(table::Column::HomeKind.is_null());
    Condition::any().add(grants::reached((table::Entity, table::Column::HomeKind), (table::Entity, table::Column::HomeId), reach)).add(new)
}

/// The accounts that the caller sees: those at home where it looks after, and those that hold a grant there.
fn looked_after(user: Option<Uuid>, reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    let holders = Query::select().column("user_id").from("access_grant").cond_where(grants::within(reach)).take();
    at_home(user, reach).add(Expr::col((table::Entity, table::Column::Id)).in_subquery(holders))
}

/// A page of the people that the caller looks after.
pub(super) async fn list<P>(by: &By<P>, paging: &Paging, db: &Db) -> Result<Page<User>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(of_kind(by, AccountKind::Person), keys, by, db).await?.map(view))
}

/// The accounts of a kind that the caller looks after.
pub(crate) fn of_kind<P>(by: &By<P>, kind: AccountKind) -> Select<table::Entity> {
    let theirs = looked_after(by.caller.user, &by.reach);
    table::Entity::find().filter(table::Column::Kind.eq(kind)).filter(table::Column::JoinedTo.is_null()).filter(theirs)
}

/// One user, whoever asks: for what the service itself needs to know.
pub(crate) async fn find(id: UserId, db: &impl ConnectionTrait) -> Result<User> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// One account of a kind that the caller looks after.
pub(crate) async fn seen<P>(by: &By<P>, kind: AccountKind, id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    of_kind(by, kind).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)
}

/// One account that the caller may change.
pub(crate) async fn mine<P>(by: &By<P>, kind: AccountKind, id: UserId, w: &Write<'_>) -> Result<table::Model> {
    let row = seen(by, kind, id, &w.tx).await?;
    may_change(&by.caller, &by.reach, kind, id, &w.tx).await?;
    if row.status == UserStatus::Erased {
        return Err(Problem::conflict(say!(
            "Personen är raderad; kontot finns bara kvar för att historiken ska hänga ihop.",
            "The person was erased; the account remains only so that the history holds together."
        )));
    }
    Ok(row)
}

/// Checks that the caller may change an account. A person's is looked after where it is at home, by who could take back what the
/// person holds there; what it holds elsewhere neither gives nor takes anything. A system's is taken with all that it holds,
/// so whoever changes it must be able to give all of that.
///
/// # Errors
/// When the caller may not.
pub(crate) async fn may_change(caller: &Caller, reach: &Reach, kind: AccountKind, id: UserId, db: &impl ConnectionTrait) -> Result<()> {
    let theirs = table::Entity::find_by_id(id).filter(at_home(caller.user, reach)).count(db).await?;
    if theirs == 0 {
        return Err(reach.missing().detail(say!(
            "Kontot hör hemma hos någon annan. Be den som sköter det där, eller den som driver tjänsten.",
            "The account is at home with somebody else. Ask who looks after it there, or who runs the service."
        )));
    }
    for grant in grants::of_user(id, db).await? {
        let checked = match kind {
            AccountKind::Service => grants::may_grant(caller, reach, &grant.fields, db).await,
            AccountKind::Person if grants::is_within(reach, &grant, db).await? => {
                grants::may_take_back(caller, reach, &grant.fields, db).await
            }
            AccountKind::Person => Ok(()),
        };
        match checked {
            Err(problem) if problem.kind == Kind::Forbidden => {
                return Err(reach.missing().detail(say!(
                    "Kontot har också behörigheter utöver dina egna. Be den som driver tjänsten om hjälp.",
                    "The account also holds grants beyond your own. Ask who runs the service."
                )));
            }
            checked => checked?,
        }
    }
    Ok(())
}

/// Checks that an account holds nothing but what the caller looks after: what makes it easier to take would reach further.
///
/// # Errors
/// When it does.
pub(crate) async fn holds_nothing_elsewhere(reach: &Reach, id: UserId, w: &Write<'_>) -> Result<()> {
    for grant in grants::of_user(id, &w.tx).await? {
        if !grants::is_within(reach, &grant, &w.tx).await? {
            return Err(Problem::conflict(say!(
                "Personen har behörigheter också hos andra, så det andra steget stängs bara av av den som driver tjänsten.",
                "The person holds grants with others too, so only who runs the service turns off the second step."
            )));
        }
    }
    Ok(())
}

/// The account that a grant by the caller would go to: one that it sees, or the one whose holder took an invitation of it.
pub(crate) async fn own_person<P>(by: &By<P>, id: UserId, w: &Write<'_>) -> Result<Option<UserId>> {
    let row = table::Entity::find_by_id(id).filter(looked_after(by.caller.user, &by.reach)).one(&w.tx).await?;
    Ok(row.map(|row| row.joined_to.unwrap_or(row.id)))
}

/// The account's row.
pub(crate) async fn row(id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)
}

/// The account's row, which nobody changes until the transaction has ended.
pub(crate) async fn locked(id: UserId, w: &Write<'_>) -> Result<table::Model> {
    table::Entity::find_by_id(id).lock_exclusive().one(&w.tx).await?.ok_or_else(Problem::not_found)
}

/// The accounts that wait for somebody at an address, newest first.
pub(crate) async fn waiting(email: &str, db: &impl ConnectionTrait) -> Result<Vec<table::Model>> {
    let select = table::Entity::find()
        .filter(table::Column::ClaimedFold.eq(lookup::fold(email)))
        .filter(table::Column::Status.eq(UserStatus::Invited))
        .order_by_desc(table::Column::Id);
    Ok(select.all(db).await?)
}

/// Whether somebody has opened an account, by a link to its address or by a provider that vouches for it.
pub(crate) const fn is_opened(row: &table::Model) -> bool {
    row.claimed_fold.is_none()
}

/// Registers a user: one with a password is open, one without waits until somebody has shown that they read its mail. Many may
/// wait by one address, so nobody learns by that whose addresses are known.
///
/// # Errors
/// When the address is another user's who signs in with it.
pub async fn insert(new: &NewUser, password_hash: Option<String>, w: &Write<'_>) -> Result<User> {
    let id: UserId = w.new_id();
    let opened = password_hash.is_some();
    if opened {
        free(&new.email, w).await?;
    }
    let row = table::Model {
        id,
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        email: new.email.trim().to_owned(),
        email_fold: if opened { lookup::fold(&new.email) } else { format!("invited:{id}") },
        name: new.name.trim().to_owned(),
        password_hash,
        status: if opened { UserStatus::Active } else { UserStatus::Invited },
        kind: AccountKind::Person,
        language: new.language.unwrap_or_default(),
        registrar_id: w.call.author.user,
        home_kind: None,
        home_id: None,
        claimed_fold: (!opened).then(|| lookup::fold(&new.email)),
        joined_to: None,
        factor_secret: None,
        factor_pending: None,
        factor_step: None,
    };
    add(row, w).await.map(view)
}

/// The account that has an address already, of the caller's own people or of those that the caller itself has invited, so that
/// nobody is invited twice by mistake. Who has invited whom else bars nobody's way.
pub(super) async fn known_to<P>(by: &By<P>, email: &str, w: &Write<'_>) -> Result<Option<UserId>> {
    let address = lookup::fold(email);
    let invited = Condition::all().add(table::Column::ClaimedFold.eq(address.as_str())).add(table::Column::RegistrarId.eq(by.caller.user));
    let same = Condition::any().add(table::Column::EmailFold.eq(address.as_str())).add(invited);
    Ok(of_kind(by, AccountKind::Person).filter(same).one(&w.tx).await?.map(|row| row.id))
}

/// Opens an account that nobody had: its holder has shown that they read its mail.
///
/// # Errors
/// When somebody else signs in with the address.
pub(crate) async fn open(row: table::Model, password_hash: Option<String>, w: &Write<'_>) -> Result<table::Model> {
    free(&row.email, w).await?;
    let email_fold = lookup::fold(&row.email);
    update(table::Model { email_fold, claimed_fold: None, password_hash, status: UserStatus::Active, ..row }, w).await
}

/// Hands what was prepared for an account that nobody had opened to who reads its mail and has an account already. Of the
/// invited account only the way to the other one remains.
///
/// # Errors
/// When the account of the holder is shut.
pub(crate) async fn join(invited: table::Model, holder: &table::Model, w: &Write<'_>) -> Result<()> {
    if holder.status != UserStatus::Active {
        return Err(Problem::new(Kind::Conflict).detail(say!("Kontot är avstängt.", "The account is shut.")));
    }
    grants::hand_over(invited.id, holder.id, w).await?;
    let email_fold = format!("joined:{}", invited.id);
    let joined_to = Some(holder.id);
    let rest = table::Model { email: String::new(), name: String::new(), claimed_fold: None, email_fold, joined_to, ..invited };
    update(table::Model { status: UserStatus::Erased, ..rest }, w).await.map(drop)
}

/// Adds an account.
pub(crate) async fn add(row: table::Model, w: &Write<'_>) -> Result<table::Model> {
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    record(&row, w);
    Ok(row)
}

/// Checks that nobody signs in with an address.
pub(crate) async fn free(email: &str, w: &Write<'_>) -> Result<()> {
    match lookup::by_email(email, &w.tx).await? {
        None => Ok(()),
        Some(row) => Err(taken(row.id)),
    }
}

/// The refusal of an address that somebody has already.
pub(super) fn taken(by: UserId) -> Problem {
    Problem::conflict(say!("E-postadressen används redan av en användare.", "The e-mail address is used by a user already."))
        .with_record("/users", by)
}

/// Stores a changed account as its next version.
pub(crate) async fn update(mut row: table::Model, w: &Write<'_>) -> Result<table::Model> {
    let from = row.version;
    row.version += 1;
    row.updated_at = w.now;
    let change = row.clone().into_active_model().reset_all();
    w.replace::<table::Entity>(change, table::Column::Id.eq(row.id), table::Column::Version, from).await?;
    w.access_changed();
    record(&row, w);
    Ok(row)
}

fn record(row: &table::Model, w: &Write<'_>) {
    w.record(Change::new(
        if row.kind == AccountKind::Person { "user" } else { "service_account" },
        row.id.uuid(),
        ChangeOperation::Upsert,
        row.version,
        crate::Visibility::Actor.of(None, None),
    ));
}

/// Puts a password in place of another. It is no change that anybody sees.
pub(crate) async fn keep_hash(id: UserId, old: &str, hash: &str, db: &Db) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(hash))
        .filter(table::Column::Id.eq(id))
        .filter(table::Column::PasswordHash.eq(old))
        .exec(db.writer())
        .await?;
    Ok(())
}

/// Shuts an account, or opens it again; what is signed in with it ends at once.
pub(crate) async fn set_status(mut row: table::Model, status: UserStatus, w: &Write<'_>) -> Result<table::Model> {
    if row.status == status {
        return Ok(row);
    }
    row.status = status;
    let row = update(row, w).await?;
    if status == UserStatus::Disabled {
        ending::end_all(row.id, None, w).await?;
        if grants::is_admin(row.id, w).await? {
            lookup::keeps_an_admin(w).await?;
        }
    }
    Ok(row)
}

/// Words that a user's password must not be made of: the names of whom it is for.
pub(crate) async fn own_words(row: &table::Model, db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut words = vec![row.name.clone(), row.email.clone()];
    let actors = Query::select()
        .column(("actor", "name"))
        .from("actor")
        .inner_join("access_grant", Expr::col(("access_grant", "scope_id")).equals(("actor", "id")))
        .and_where(Expr::col(("access_grant", "user_id")).eq(row.id.uuid()))
        .take();
    for actor in db.query_all(&actors).await? {
        words.push(actor.try_get("", "name")?);
    }
    Ok(words)
}

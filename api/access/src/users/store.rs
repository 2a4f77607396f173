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

/// The condition for accounts whose home is within the reach, and accounts that the caller registered and that have no
/// home yet. Grants elsewhere make no difference.
fn home_condition(user: Option<Uuid>, reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    let new = Condition::all().add(table::Column::RegistrarId.eq(user)).add(table::Column::HomeKind.is_null());
    Condition::any()
        .add(grants::place_condition((table::Entity, table::Column::HomeKind), (table::Entity, table::Column::HomeId), reach))
        .add(new)
}

/// The condition for accounts that the caller may see: those whose home is within the reach, and those that hold a grant
/// there.
fn visible_condition(user: Option<Uuid>, reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    // A scalar subquery is asked for single accounts; a list of all holders would be made first.
    let grant = Query::select()
        .column("user_id")
        .from("access_grant")
        .and_where(Expr::col(("access_grant", "user_id")).equals((table::Entity, table::Column::Id)))
        .cond_where(grants::reach_condition(reach))
        .limit(1)
        .take();
    home_condition(user, reach).add(Expr::SubQuery(None, Box::new(grant.into())).is_not_null())
}

/// Returns a page of the people that the caller may see.
pub(super) async fn list<P>(by: &By<P>, paging: &Paging, db: &Db) -> Result<Page<User>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select_visible(by, AccountKind::Person), keys, by, db).await?.map(view))
}

/// Selects the accounts of a kind that the caller may see.
pub(crate) fn select_visible<P>(by: &By<P>, kind: AccountKind) -> Select<table::Entity> {
    let theirs = visible_condition(by.caller.user, &by.reach);
    table::Entity::find().filter(table::Column::Kind.eq(kind)).filter(table::Column::JoinedTo.is_null()).filter(theirs)
}

/// Returns a user without a check of rights, for internal use; 404 when there is none.
pub(crate) async fn find(id: UserId, db: &impl ConnectionTrait) -> Result<User> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Returns an account of a kind that the caller may see; 404 otherwise.
pub(crate) async fn find_visible<P>(by: &By<P>, kind: AccountKind, id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    select_visible(by, kind).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)
}

/// Returns an account that the caller may change. Fails when the caller may not (404 or 403), or the account has been
/// erased (409).
pub(crate) async fn find_changeable<P>(by: &By<P>, kind: AccountKind, id: UserId, w: &Write<'_>) -> Result<table::Model> {
    let row = find_visible(by, kind, id, &w.tx).await?;
    may_change(&by.caller, &by.reach, kind, id, &w.tx).await?;
    if row.status == UserStatus::Erased {
        return Err(Problem::conflict(say!(
            "Personen är raderad; kontot finns bara kvar för att historiken ska hänga ihop.",
            "The person was erased; the account remains only so that the history holds together."
        )));
    }
    Ok(row)
}

/// Checks that the caller may change an account. A person's account is managed at its home, by those who may remove the
/// grants that the person holds there; grants elsewhere make no difference. A system's account is managed together with
/// all its grants, so the caller must be able to give all of them.
///
/// # Errors
/// When the caller may not (403).
pub(crate) async fn may_change(caller: &Caller, reach: &Reach, kind: AccountKind, id: UserId, db: &impl ConnectionTrait) -> Result<()> {
    let theirs = table::Entity::find_by_id(id).filter(home_condition(caller.user, reach)).count(db).await?;
    if theirs == 0 {
        return Err(reach.missing().detail(say!(
            "Kontot hör hemma hos någon annan. Be den som sköter det där, eller den som driver tjänsten.",
            "The account is at home with somebody else. Ask who looks after it there, or who runs the service."
        )));
    }
    for grant in grants::list_for_user(id, db).await? {
        let checked = match kind {
            AccountKind::Service => grants::may_grant(caller, reach, &grant.fields, db).await,
            AccountKind::Person if grants::is_within(reach, &grant, db).await? => {
                grants::may_remove_grant(caller, reach, &grant.fields, db).await
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

/// Checks that an account holds no grants outside the reach. Otherwise, weakening its sign-in would also endanger what it
/// can do elsewhere.
///
/// # Errors
/// When it holds such a grant (409).
pub(crate) async fn holds_nothing_elsewhere(reach: &Reach, id: UserId, w: &Write<'_>) -> Result<()> {
    for grant in grants::list_for_user(id, &w.tx).await? {
        if !grants::is_within(reach, &grant, &w.tx).await? {
            return Err(Problem::conflict(say!(
                "Personen har behörigheter också hos andra, så det andra steget stängs bara av av den som driver tjänsten.",
                "The person holds grants with others too, so only who runs the service turns off the second step."
            )));
        }
    }
    Ok(())
}

/// Returns the account that a grant by the caller goes to: an account that the caller may see, or the account that
/// accepted the invitation `id`.
pub(crate) async fn find_grantee<P>(by: &By<P>, id: UserId, w: &Write<'_>) -> Result<Option<UserId>> {
    let row = table::Entity::find_by_id(id).filter(visible_condition(by.caller.user, &by.reach)).one(&w.tx).await?;
    Ok(row.map(|row| row.joined_to.unwrap_or(row.id)))
}

/// Returns the row of an account without a check of rights; 404 when there is none.
pub(crate) async fn row(id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)
}

/// Returns the row of an account, locked until the end of the transaction.
pub(crate) async fn lock_row(id: UserId, w: &Write<'_>) -> Result<table::Model> {
    table::Entity::find_by_id(id).lock_exclusive().one(&w.tx).await?.ok_or_else(Problem::not_found)
}

/// Returns the invited accounts of an address, newest first.
pub(crate) async fn find_invited(email: &str, db: &impl ConnectionTrait) -> Result<Vec<table::Model>> {
    let select = table::Entity::find()
        .filter(table::Column::ClaimedFold.eq(lookup::fold(email)))
        .filter(table::Column::Status.eq(UserStatus::Invited))
        .order_by_desc(table::Column::Id);
    Ok(select.all(db).await?)
}

/// Whether the account has been opened, by a link sent to its address or by a provider that vouches for the address.
pub(crate) const fn is_opened(row: &table::Model) -> bool {
    row.claimed_fold.is_none()
}

/// Stores a new user. An account with a password is open at once. One without waits until somebody has proved to read its
/// mail. Several accounts may wait for one address, so that nobody can find out which addresses are known.
///
/// # Errors
/// When the account has a password and another user signs in with the address (409).
pub async fn insert(new: &NewUser, password_hash: Option<String>, w: &Write<'_>) -> Result<User> {
    let id: UserId = w.new_id();
    let opened = password_hash.is_some();
    if opened {
        require_free_address(&new.email, w).await?;
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

/// Returns the account that already has an address, among the accounts that the caller may see and those that the caller
/// has invited, so that nobody is invited twice by mistake. Invitations by other users do not count.
pub(super) async fn find_by_address<P>(by: &By<P>, email: &str, w: &Write<'_>) -> Result<Option<UserId>> {
    let address = lookup::fold(email);
    let invited = Condition::all().add(table::Column::ClaimedFold.eq(address.as_str())).add(table::Column::RegistrarId.eq(by.caller.user));
    let same = Condition::any().add(table::Column::EmailFold.eq(address.as_str())).add(invited);
    Ok(select_visible(by, AccountKind::Person).filter(same).one(&w.tx).await?.map(|row| row.id))
}

/// Opens an invited account, whose holder has proved to read its mail.
///
/// # Errors
/// When another user signs in with the address (409).
pub(crate) async fn open_account(row: table::Model, password_hash: Option<String>, w: &Write<'_>) -> Result<table::Model> {
    require_free_address(&row.email, w).await?;
    let email_fold = lookup::fold(&row.email);
    update(table::Model { email_fold, claimed_fold: None, password_hash, status: UserStatus::Active, ..row }, w).await
}

/// Moves the grants of an invited account to the account of the person who accepted the invitation. Of the invited
/// account, only the reference to the other account remains.
///
/// # Errors
/// When the other account is closed (409).
pub(crate) async fn accept_into(invited: table::Model, holder: &table::Model, w: &Write<'_>) -> Result<()> {
    if holder.status != UserStatus::Active {
        return Err(Problem::new(Kind::Conflict).detail(say!("Kontot är avstängt.", "The account is shut.")));
    }
    grants::move_grants(invited.id, holder.id, w).await?;
    let email_fold = format!("joined:{}", invited.id);
    let joined_to = Some(holder.id);
    let rest = table::Model { email: String::new(), name: String::new(), claimed_fold: None, email_fold, joined_to, ..invited };
    update(table::Model { status: UserStatus::Erased, ..rest }, w).await.map(drop)
}

/// Inserts an account.
pub(crate) async fn add(row: table::Model, w: &Write<'_>) -> Result<table::Model> {
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    record(&row, w);
    Ok(row)
}

/// Checks that no user signs in with an address (409).
pub(crate) async fn require_free_address(email: &str, w: &Write<'_>) -> Result<()> {
    match lookup::by_email(email, &w.tx).await? {
        None => Ok(()),
        Some(row) => Err(address_taken(row.id)),
    }
}

/// The problem for an address that already has an account.
pub(super) fn address_taken(by: UserId) -> Problem {
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

/// Replaces a password hash, if it is still the old one. No version and no change are recorded, since nobody sees the
/// difference.
pub(crate) async fn replace_hash(id: UserId, old: &str, hash: &str, db: &Db) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(hash))
        .filter(table::Column::Id.eq(id))
        .filter(table::Column::PasswordHash.eq(old))
        .exec(db.writer())
        .await?;
    Ok(())
}

/// Closes or reopens an account. All sessions of a closed account end at once.
pub(crate) async fn set_status(mut row: table::Model, status: UserStatus, w: &Write<'_>) -> Result<table::Model> {
    if row.status == status {
        return Ok(row);
    }
    row.status = status;
    let row = update(row, w).await?;
    if status == UserStatus::Disabled {
        ending::end_all(row.id, None, w).await?;
        if grants::is_admin(row.id, w).await? {
            lookup::require_an_admin(w).await?;
        }
    }
    Ok(row)
}

/// Returns the words that a user's password must not be made of: the user's name and address, and the names of the user's
/// actors.
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

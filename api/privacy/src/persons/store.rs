//! SQL that is built from the register: the extract of a person's data, and erasure.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, ExprTrait, QueryResult,
    entity::prelude::*,
    sea_query::{Expr, Func, Query, SimpleExpr},
};
use serde_json::{Map, Value, json};

use super::{
    Erasure, NewErasure, PersonalData,
    types::{ErasedPart, KeptPart, PersonalDataPart},
};
use crate::{
    access::{
        grants,
        users::{self, UserId},
    },
    holds::store as holds,
    kernel::{
        Db, Problem, Result, Write, clock,
        events::{Change, ChangeOperation},
        language::Language,
        problem::Kind,
        record::{self, DataSubject, Erase, Form, Rule, Table, Terms, columns},
        say, search,
        table::is_postgres,
        text,
    },
};

/// The name that replaces the name of every erased person.
pub const REMOVED: &str = "Borttagen användare / Removed user";

/// The rows of a table that belong to one of these users.
pub(crate) fn belongs_to(table: &Table, users: &[Uuid]) -> Condition {
    let own = Condition::any();
    match table.subject {
        DataSubject::None => own.add(Expr::val(false)),
        DataSubject::User(columns) => columns.iter().fold(own, |own, column| own.add(Expr::col(*column).is_in(users.iter().copied()))),
        DataSubject::Through(column, to) => match record::table(to) {
            Some(to) => {
                own.add(Expr::col(column).in_subquery(Query::select().column("id").from(to.name).cond_where(belongs_to(to, users)).take()))
            }
            None => own.add(Expr::val(false)),
        },
        DataSubject::Authors(kind) => own.add(
            Expr::col("id").in_subquery(
                Query::select()
                    .column("entity_id")
                    .from("event")
                    .and_where(Expr::col("entity_kind").eq(kind))
                    .and_where(Expr::col("changed_by").is_in(users.iter().copied()))
                    .take(),
            ),
        ),
    }
}

/// Reads everything that is stored about a person.
pub(super) async fn extract(user: UserId, language: Language, db: &Db) -> Result<PersonalData> {
    find_account(user, db.reader()).await?;
    let mut parts = Vec::new();
    for table in record::tables().filter(|table| table.subject != DataSubject::None) {
        let Some(first) = table.personal.first() else { continue };
        let select = Query::select()
            .columns(table.extract_columns().map(|(name, _)| name))
            .from(table.name)
            .cond_where(belongs_to(table, &[user.uuid()]))
            .take();
        let mut rows = Vec::new();
        for row in db.reader().query_all(&select).await? {
            let told = table.extract_columns().map(|(name, form)| Ok((member_name(name), read_column(&row, name, form)?)));
            rows.push(told.collect::<Result<Map<_, _>>>()?);
        }
        // Sorted here, because the databases sort NULL in different ways.
        rows.sort_by(|one, other| {
            one.values().zip(other.values()).map(|(one, other)| compare(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        parts.push(PersonalDataPart {
            table: table.name.to_owned(),
            what: table.what.r#in(language).to_owned(),
            purpose: first.purpose.description().r#in(language).to_owned(),
            legal_basis: first.purpose.legal_basis().r#in(language).to_owned(),
            rule: first.rule,
            rows,
        });
    }
    Ok(PersonalData { user_id: user, made_at: db.clock.now(), parts })
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.to_string().cmp(&other.to_string()),
    }
}

/// The name of a column as a member of an answer: `snake_case` becomes camelCase.
fn member_name(column: &str) -> String {
    let mut parts = column.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let mut letters = part.chars();
        let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{name}{capital}{}", letters.as_str())
    })
}

fn read_column(row: &QueryResult, column: &str, form: Form) -> Result<Value> {
    Ok(match form {
        Form::Id => json!(row.try_get::<Option<Uuid>>("", column)?),
        Form::Time => json!(row.try_get::<Option<DateTime<Utc>>>("", column)?),
        Form::Day => json!(row.try_get::<Option<NaiveDate>>("", column)?),
        Form::Text => json!(row.try_get::<Option<String>>("", column)?),
        // On PostgreSQL an INTEGER cannot be read as an i64.
        Form::Int => match row.try_get::<Option<i64>>("", column) {
            Ok(number) => json!(number),
            Err(_) => json!(row.try_get::<Option<i32>>("", column)?),
        },
        Form::Flag => json!(row.try_get::<Option<bool>>("", column)?),
        Form::Json => row.try_get::<Option<Value>>("", column)?.unwrap_or_default(),
        // Columns of bytes are sort keys and bodies. Other columns show the same in readable form.
        Form::Bytes => Value::Null,
    })
}

/// Name, e-mail address, status and version of a user.
async fn find_account(user: UserId, db: &impl ConnectionTrait) -> Result<(String, String, String, i64)> {
    let select = Query::select()
        .columns(["name", "email", "status", "version"])
        .from("user_account")
        .and_where(Expr::col("id").eq(user.uuid()))
        .take();
    let row = db.query_one(&select).await?.ok_or_else(Problem::not_found)?;
    Ok((row.try_get("", "name")?, row.try_get("", "email")?, row.try_get("", "status")?, row.try_get("", "version")?))
}

/// Checks that a person may be erased. Returns name, e-mail address and version.
///
/// # Errors
/// When something must be kept (409 `kept-by-law`, which names it and the law), or when the person is erased already or is the
/// caller (409).
pub(crate) async fn require_erasable(user: UserId, new: &NewErasure, w: &Write<'_>) -> Result<(String, String, i64)> {
    let (name, email, status, version) = find_account(user, &w.tx).await?;
    if status == "erased" {
        return Err(Problem::conflict(say!("Användaren är redan raderad.", "The user has been erased already.")));
    }
    if w.call.author.user == Some(user.uuid()) {
        return Err(Problem::conflict(say!(
            "Du kan inte radera dig själv. Be en annan administratör göra det.",
            "You cannot erase yourself. Ask another administrator to do it."
        )));
    }
    if let Some(hold) = holds::find_on_person(user, w).await? {
        return Err(Problem::new(Kind::KeptByLaw).with_record("/legal-holds", hold.id).detail(say!(
            "Uppgifterna är undantagna från gallring och radering. GDPR art. 17.3 b och e: de behövs för en rättslig förpliktelse eller ett rättsligt anspråk. Avsluta undantaget först, om det inte längre behövs.",
            "The data is under a legal hold. GDPR art. 17(3)(b) and (e): it is needed for a legal obligation or claim. End the hold first, if it is no longer needed."
        )));
    }
    if new.disposal_decision.is_none()
        && let Some(signed) = find_signed_document(user, w).await?
    {
        return Err(Problem::new(Kind::KeptByLaw).with_path(signed).detail(say!(
            "Personens namn står i en allmän handling som ska bevaras (arkivlagen 3 och 10 §§, tryckfrihetsförordningen 2 kap., GDPR art. 17.3 b). Finns ett gallringsbeslut, ange det i disposalDecision.",
            "The person's name stands in an official document that must be kept (Archives Act ss. 3 and 10, Freedom of the Press Act ch. 2, GDPR art. 17(3)(b)). If there is a decision on disposal, give it in disposalDecision."
        )));
    }
    Ok((name, email, version))
}

/// Checks that the reason does not name the person, because the reason is kept.
pub(super) async fn check_reason(user: UserId, reason: &str, w: &Write<'_>) -> Result<()> {
    let (name, email, ..) = find_account(user, &w.tx).await?;
    let (said, own) = (text::words(reason), text::words(&name));
    let tells = !own.is_empty() && own.iter().all(|word| said.contains(word));
    if said.is_empty() || tells || reason.to_lowercase().contains(&email.to_lowercase()) {
        return Err(Problem::fault(
            "/reason",
            "wrong-form",
            say!(
                "Ange skälet utan personens namn och adress; skälet sparas.",
                "Give the reason without the person's name and address; the reason is kept."
            ),
        ));
    }
    Ok(())
}

/// The path of the oldest document that the person has signed.
async fn find_signed_document(user: UserId, w: &Write<'_>) -> Result<Option<String>> {
    let Some(revision) = record::table("revision") else { return Ok(None) };
    let select = Query::select()
        .columns(["id", "assessment_id"])
        .from("revision")
        .cond_where(belongs_to(revision, &[user.uuid()]))
        .order_by("id", sea_orm::Order::Asc)
        .limit(1)
        .take();
    let Some(row) = w.tx.query_one(&select).await? else { return Ok(None) };
    let (id, assessment): (Uuid, Uuid) = (row.try_get("", "id")?, row.try_get("", "assessment_id")?);
    Ok(Some(format!("/assessments/{assessment}/revisions/{id}")))
}

/// Erases a person.
///
/// # Errors
/// As [`require_erasable`], and when no administrator would be left (409).
pub(crate) async fn erase(user: UserId, new: &NewErasure, w: &Write<'_>) -> Result<Erasure> {
    let (name, email, version) = require_erasable(user, new, w).await?;
    let (mut erased, mut kept) = (Vec::new(), Vec::new());
    let was_admin = grants::is_admin(user, w).await?;
    let language = w.call.asked.language;
    let part = |table: &Table, count: i64| (count > 0).then(|| ErasedPart { what: table.what.r#in(language).to_owned(), count });
    // The account comes first, because a sign-in at the same time waits for its row.
    for (table, count) in make_nameless(user, w).await? {
        erased.extend(part(table, count));
    }
    let closed = Query::update()
        .table("user_account")
        .values([("status", "erased".into()), ("version", (version + 1).into()), ("updated_at", w.now.into())])
        .and_where(Expr::col("id").eq(user.uuid()))
        .take();
    w.tx.execute(&closed).await?;
    let today = w.today();
    let ended = Query::update()
        .table("access_grant")
        .value("valid_to", today)
        .and_where(Expr::col("user_id").eq(user.uuid()))
        .and_where(Expr::col("valid_to").is_null().or(Expr::col("valid_to").gt(today)))
        .take();
    w.tx.execute(&ended).await?;
    if was_admin {
        users::require_an_admin(w).await?;
    }
    for table in record::tables().rev().filter(|table| table.is_deleted_at_erasure()) {
        let delete = Query::delete().from_table(table.name).cond_where(belongs_to(table, &[user.uuid()])).take();
        erased.extend(part(table, as_i64(w.tx.execute(&delete).await?.rows_affected())));
    }
    replace_in_kept_answers(user, &name, &email, w).await?;
    search::remove(user, w).await?;
    for table in record::tables() {
        kept.extend(count_remains(table, user, [&name, &email], w).await?);
    }
    let erasure = Erasure { id: w.new_id::<Erasure>().uuid(), user_id: user, erased_at: w.now, erased, kept };
    let insert = Query::insert()
        .into_table("erasure")
        .columns(["id", "user_id", "erased_at", "erased_by", "reason", "disposal_decision", "outcome"])
        .values([
            erasure.id.into(),
            user.into(),
            w.now.into(),
            w.call.author.user.into(),
            new.reason.trim().into(),
            new.disposal_decision.clone().into(),
            json!({"erased": erasure.erased, "kept": erasure.kept}).into(),
        ])
        .map_err(|error| Problem::internal(&error))?
        .take();
    w.tx.execute(&insert).await?;
    w.access_changed();
    let visible = crate::access::Visibility::Actor.of(None, None);
    w.record(Change::new("user", user.uuid(), ChangeOperation::Delete, version + 1, visible));
    Ok(erasure)
}

fn as_i64(affected: u64) -> i64 {
    i64::try_from(affected).unwrap_or(i64::MAX)
}

/// Removes the person's name and address from everything that stays. Returns each table with its number of changed rows. It can
/// be repeated.
pub(crate) async fn make_nameless(user: UserId, w: &Write<'_>) -> Result<Vec<(&'static Table, i64)>> {
    let mut blanked = Vec::new();
    for table in record::tables().filter(|table| table.subject != DataSubject::None && !table.is_deleted_at_erasure()) {
        blanked.push((table, overwrite_columns(table, user, w).await?));
    }
    Ok(blanked)
}

/// The people who have been erased since a time.
pub(crate) async fn erased_since(since: DateTime<Utc>, w: &Write<'_>) -> Result<Vec<UserId>> {
    let select = Query::select().column("user_id").from("erasure").and_where(Expr::col("erased_at").gte(since)).take();
    w.tx.query_all(&select).await?.iter().map(|row| Ok(row.try_get("", "user_id")?)).collect()
}

/// Overwrites a table's columns about the person, as the register says.
async fn overwrite_columns(table: &Table, user: UserId, w: &Write<'_>) -> Result<i64> {
    let mut update = Query::update();
    update.table(table.name).cond_where(belongs_to(table, &[user.uuid()]));
    let mut any = false;
    for personal in table.personal {
        for (column, _) in columns(personal.columns) {
            let value: SimpleExpr = match personal.at_erasure {
                // A column that is NULL stays NULL.
                Erase::Name => Expr::case(Expr::col(column).is_not_null(), Expr::val(REMOVED)).into(),
                Erase::Address => Expr::val(format!("borttagen-{user}@removed.invalid")),
                Erase::Empty => Expr::cust("NULL"),
                Erase::Row | Erase::Stays | Erase::ByHand => continue,
            };
            update.value(column, value);
            any = true;
        }
    }
    if any { Ok(as_i64(w.tx.execute(&update).await?.rows_affected())) } else { Ok(0) }
}

/// Removes the person's name and address from answers that are kept for other callers, such as the one who registered the
/// account.
async fn replace_in_kept_answers(user: UserId, name: &str, email: &str, w: &Write<'_>) -> Result<()> {
    let backend = w.tx.get_database_backend();
    // With the quotation marks, as in a body.
    let (name, email) = (serde_json::to_string(name)?, serde_json::to_string(email)?);
    let select = Query::select()
        .columns(["scope", "key", "body"])
        .from("idempotent_answer")
        .cond_where(Condition::any().add(contains_value("body", name.as_bytes().to_vec().into(), backend)).add(contains_value(
            "body",
            email.as_bytes().to_vec().into(),
            backend,
        )))
        .take();
    for row in w.tx.query_all(&select).await? {
        let (scope, key, body): (String, String, Vec<u8>) = (row.try_get("", "scope")?, row.try_get("", "key")?, row.try_get("", "body")?);
        let body = String::from_utf8_lossy(&body)
            .replace(&email, &serde_json::to_string(&format!("borttagen-{user}@removed.invalid"))?)
            .replace(&name, &serde_json::to_string(REMOVED)?);
        let update = Query::update()
            .table("idempotent_answer")
            .value("body", body.into_bytes())
            .and_where(Expr::col("scope").eq(scope))
            .and_where(Expr::col("key").eq(key))
            .take();
        w.tx.execute(&update).await?;
    }
    Ok(())
}

/// A condition that a column contains a value.
fn contains_value(column: &'static str, what: sea_orm::Value, backend: DbBackend) -> SimpleExpr {
    if is_postgres(backend) {
        // Bytes are searched in bytes, and texts in texts.
        let sought = if matches!(what, sea_orm::Value::Bytes(_)) { column.to_owned() } else { format!("{column}::text") };
        Expr::cust_with_values(format!("position($1 in {sought}) > 0"), [what])
    } else {
        Expr::cust_with_values(format!("instr({column}, ?) > 0"), [what])
    }
}

/// Counts the data that a table still holds about an erased person: rows that refer to the account, and texts that name the
/// person.
async fn count_remains(table: &Table, user: UserId, names: [&str; 2], w: &Write<'_>) -> Result<Vec<KeptPart>> {
    let language = w.call.asked.language;
    let count = async |condition: Condition| -> Result<i64> {
        let counted = Query::select().expr_as(Func::count(Expr::val(1)), "count").from(table.name).cond_where(condition).take();
        let row = w.tx.query_one(&counted).await?;
        Ok(row.map(|row| row.try_get("", "count")).transpose()?.unwrap_or_default())
    };
    let mut kept = Vec::new();
    if let Some(first) = table.personal.first().filter(|_| table.subject != DataSubject::None && !table.is_deleted_at_erasure()) {
        let pointing = count(belongs_to(table, &[user.uuid()])).await?;
        if pointing > 0 {
            // The account stays as the id of a removed user while other rows refer to it.
            let days =
                Some(first.rule).filter(|rule| *rule == Rule::Grants).and_then(|rule| rule.days(&Terms { sessions: 0, users: 0, feed: 0 }));
            let (sv, en) = (table.what.0, table.what.1);
            kept.push(KeptPart {
                what: say!("{sv}, utan namn", "{en}, without a name").r#in(language).to_owned(),
                count: pointing,
                legal_basis: first.purpose.legal_basis().r#in(language).to_owned(),
                until: days.and_then(TimeDelta::try_days).map(|days| clock::day(w.now + days)),
            });
        }
    }
    let backend = w.tx.get_database_backend();
    // The index of words follows the texts, so it is not counted.
    let texts = table.personal.iter().filter(|personal| personal.at_erasure == Erase::ByHand && !table.name.starts_with("search"));
    for personal in texts {
        let mut naming = Condition::any();
        for (column, _) in columns(personal.columns).filter(|(_, form)| matches!(form, Form::Text | Form::Json)) {
            for name in names {
                naming = naming.add(contains_value(column, name.into(), backend));
            }
        }
        let found = if naming.is_empty() { 0 } else { count(naming).await? };
        if found > 0 {
            let (sv, en) = (table.what.0, table.what.1);
            let what = say!(
                "{sv}: texter som nämner namnet eller adressen, att gå igenom för hand",
                "{en}: texts with the name or address, to go through by hand"
            );
            kept.push(KeptPart {
                what: what.r#in(language).to_owned(),
                count: found,
                legal_basis: personal.purpose.legal_basis().r#in(language).to_owned(),
                until: None,
            });
        }
    }
    Ok(kept)
}

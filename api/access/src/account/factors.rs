//! The second factor of signing in: six digits that an app shows for 30 seconds (TOTP, RFC 6238), each usable once, and
//! recovery codes for users who have lost the app.

use sea_orm::{ActiveValue::Set, EntityTrait, ExprTrait, entity::prelude::*, sea_query::Expr};
use totp_rs::{Builder, Totp};

use crate::{
    kernel::{Problem, Result, Write, hash, problem::Kind, say},
    sessions::ending,
    users::{store as users, table as user_table},
};

/// The number of recovery codes of an account.
pub const RECOVERY_CODES: usize = 10;

mod recovery {
    use sea_orm::entity::prelude::*;

    use crate::users::UserId;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub user_id: UserId,
        pub used_at: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Builds the TOTP with the parameters that all apps use: SHA-1, six digits, 30 seconds.
pub(super) fn totp(secret: &[u8], account: &str) -> Result<Totp> {
    // Apps read a colon as the separator between issuer and account.
    Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(account.replace(':', " "))
        .with_issuer(Some("Samsyn"))
        .build()
        .map_err(|error| Problem::internal(&error))
}

/// Returns the time step (Unix time / 30 seconds) whose digits are `code`; `None` when there is none. Accepts the present
/// step and the one before or after it, since clocks differ.
pub(super) fn matching_step(secret: &[u8], code: &str, now: ChronoDateTimeUtc) -> Result<Option<i64>> {
    let totp = totp(secret, "x")?;
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    for at in [seconds.saturating_sub(30), seconds, seconds + 30] {
        let shown = totp.generate(at).to_string();
        if aws_lc_rs::constant_time::verify_slices_are_equal(shown.as_bytes(), code.as_bytes()).is_ok() {
            return Ok(i64::try_from(at / 30).ok());
        }
    }
    Ok(None)
}

/// Uses up a code: digits of the app that have not been used before, or an unused recovery code.
///
/// # Errors
/// When the code is neither (second-factor-required).
pub(crate) async fn spend(user: &user_table::Model, code: &str, w: &Write<'_>) -> Result<()> {
    let secret = user.factor_secret.as_deref().ok_or_else(wrong_code)?;
    if let Some(step) = matching_step(secret, code, w.now)? {
        let spent = user_table::Entity::update_many()
            .col_expr(user_table::Column::FactorStep, Expr::val(step))
            .filter(user_table::Column::Id.eq(user.id))
            .filter(Expr::col(user_table::Column::FactorStep).is_null().or(Expr::col(user_table::Column::FactorStep).lt(step)))
            .exec(&w.tx)
            .await?;
        return if spent.rows_affected == 1 { Ok(()) } else { Err(wrong_code()) };
    }
    let spent = recovery::Entity::update_many()
        .col_expr(recovery::Column::UsedAt, Expr::val(w.now))
        .filter(recovery::Column::Digest.eq(digest(user, code)))
        .filter(recovery::Column::UsedAt.is_null())
        .exec(&w.tx)
        .await?;
    if spent.rows_affected == 1 { Ok(()) } else { Err(wrong_code()) }
}

fn wrong_code() -> Problem {
    Problem::new(Kind::SecondFactorRequired).header("WWW-Authenticate", "Bearer").detail(say!(
        "Koden stämmer inte, eller har använts redan. Vänta på nästa sex siffror i appen, eller ange en reservkod som inte är använd.",
        "The code is wrong or was used already. Wait for the next six digits in the app, or give an unused recovery code."
    ))
}

/// Returns the stored digest of a recovery code. It depends on the user, and ignores letter case and separators.
fn digest(user: &user_table::Model, code: &str) -> String {
    let code: String = code.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    hash::sha256_hex(format!("{} {code}", user.id).as_bytes())
}

/// Replaces the user's recovery codes and returns the new ones in clear text.
pub(super) async fn recovery_codes(user: &user_table::Model, w: &Write<'_>) -> Result<Vec<String>> {
    recovery::Entity::delete_many().filter(recovery::Column::UserId.eq(user.id)).exec(&w.tx).await?;
    let mut codes = Vec::new();
    let mut rows = Vec::new();
    for _ in 0..RECOVERY_CODES {
        // 112 bits: far beyond guessing, and short enough to write down.
        let code = hash::hex(&hash::random::<14>());
        rows.push(recovery::ActiveModel { digest: Set(digest(user, &code)), user_id: Set(user.id), used_at: Set(None) });
        codes.push(code.as_bytes().chunks(7).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-"));
    }
    recovery::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    Ok(codes)
}

/// Turns the second factor off and ends all sessions except `but`.
pub(crate) async fn remove(user: user_table::Model, but: Option<Uuid>, w: &Write<'_>) -> Result<user_table::Model> {
    recovery::Entity::delete_many().filter(recovery::Column::UserId.eq(user.id)).exec(&w.tx).await?;
    let user = user_table::Model { factor_secret: None, factor_pending: None, factor_step: None, ..user };
    let user = users::update(user, w).await?;
    // A personal token may have been made under the second factor that is now gone.
    crate::personal_tokens::end_all(user.id, w).await?;
    ending::end_all(user.id, but, w).await?;
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 6238, appendix B, shortened to six digits.
    #[test]
    fn digits_are_those_of_the_standard() -> Result<()> {
        for (at, digits) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")] {
            let now = chrono::DateTime::from_timestamp(at, 0).unwrap_or_default();
            assert_eq!(matching_step(b"12345678901234567890", digits, now)?, Some(at / 30));
            assert_eq!(matching_step(b"12345678901234567890", "000000", now)?, None);
        }
        Ok(())
    }
}

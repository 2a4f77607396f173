//! Links by mail: a secret that can be used once, within its time, for what it was made for, and only while the account's
//! password is the one that it was made under. What is stored is a digest.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, ExprTrait, IntoActiveModel, entity::prelude::*, sea_query::Expr};

use crate::{
    kernel::{Problem, Result, Write, hash, say},
    users::{UserId, store as users, table as user_table},
};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum SecretPurpose {
    /// To choose the first password.
    Invitation,
    /// To choose a new one.
    PasswordReset,
    /// To show that one reads the mail of a new address.
    EmailChange,
}

impl SecretPurpose {
    /// How long a link holds.
    #[must_use]
    pub const fn lasts(self) -> TimeDelta {
        match self {
            Self::Invitation => TimeDelta::days(7),
            Self::PasswordReset | Self::EmailChange => TimeDelta::hours(1),
        }
    }
}

mod table {
    use sea_orm::entity::prelude::*;

    use super::{SecretPurpose, UserId};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "account_secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub purpose: SecretPurpose,
        pub user_id: UserId,
        pub email: Option<String>,
        pub password_digest: String,
        pub expires_at: ChronoDateTimeUtc,
        pub used_at: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

fn version_of(password_hash: Option<&str>) -> String {
    hash::sha256_hex(password_hash.unwrap_or_default().as_bytes())
}

/// Makes a secret for a link; earlier ones of the same purpose stop working.
pub(crate) async fn make(purpose: SecretPurpose, user: &user_table::Model, email: Option<String>, w: &Write<'_>) -> Result<String> {
    table::Entity::delete_many().filter(table::Column::UserId.eq(user.id)).filter(table::Column::Purpose.eq(purpose)).exec(&w.tx).await?;
    let secret = hash::secret();
    let row = table::Model {
        digest: hash::sha256_hex(secret.as_bytes()),
        purpose,
        user_id: user.id,
        email,
        password_digest: version_of(user.password_hash.as_deref()),
        expires_at: w.now + purpose.lasts(),
        used_at: None,
    };
    table::Entity::insert(row.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(secret)
}

/// Uses a secret up: the account that it was made for, and the address where it speaks of one.
///
/// # Errors
/// When it is unknown, used, too old, or the password has changed since.
pub(crate) async fn spend(purpose: SecretPurpose, secret: &str, w: &Write<'_>) -> Result<(user_table::Model, Option<String>)> {
    let digest = hash::sha256_hex(secret.as_bytes());
    let spent = table::Entity::update_many()
        .col_expr(table::Column::UsedAt, Expr::val(w.now))
        .filter(table::Column::Digest.eq(digest.as_str()))
        .filter(table::Column::Purpose.eq(purpose))
        .filter(table::Column::UsedAt.is_null())
        .filter(Expr::col(table::Column::ExpiresAt).gt(w.now))
        .exec(&w.tx)
        .await?;
    let row = table::Entity::find_by_id(digest).one(&w.tx).await?.filter(|_| spent.rows_affected == 1).ok_or_else(over)?;
    let user = users::row(row.user_id, &w.tx).await?;
    if row.password_digest == version_of(user.password_hash.as_deref()) { Ok((user, row.email)) } else { Err(over()) }
}

fn over() -> Problem {
    Problem::fault(
        "/token",
        "no-longer-valid",
        say!(
            "Länken gäller inte längre: den är använd, för gammal eller ersatt av en nyare. Begär en ny.",
            "The link is no longer valid: it was used, is too old, or was replaced by a newer one. Ask for a new one."
        ),
    )
}

//! Links sent by mail. Each has a secret that works once, before it expires, for one purpose, and only while the
//! account's password is the one that it was made under. Only a digest of the secret is stored.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, ExprTrait, IntoActiveModel, entity::prelude::*, sea_query::Expr};

use crate::{
    kernel::{Problem, Result, Write, hash, say},
    users::{UserId, store as users, table as user_table},
};

/// The purpose of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum SecretPurpose {
    /// To choose the first password.
    Invitation,
    /// To choose a new password.
    PasswordReset,
    /// To prove that the user reads mail at a new address.
    EmailChange,
}

impl SecretPurpose {
    /// How long a link is valid.
    #[must_use]
    pub const fn lifetime(self) -> TimeDelta {
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

fn digest_password_hash(password_hash: Option<&str>) -> String {
    hash::sha256_hex(password_hash.unwrap_or_default().as_bytes())
}

/// Makes a secret for a link and returns it in clear text. Earlier secrets of the same user and purpose stop working.
pub(crate) async fn create(purpose: SecretPurpose, user: &user_table::Model, email: Option<String>, w: &Write<'_>) -> Result<String> {
    table::Entity::delete_many().filter(table::Column::UserId.eq(user.id)).filter(table::Column::Purpose.eq(purpose)).exec(&w.tx).await?;
    let secret = hash::secret();
    let row = table::Model {
        digest: hash::sha256_hex(secret.as_bytes()),
        purpose,
        user_id: user.id,
        email,
        password_digest: digest_password_hash(user.password_hash.as_deref()),
        expires_at: w.now + purpose.lifetime(),
        used_at: None,
    };
    table::Entity::insert(row.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(secret)
}

/// Uses a secret up. Returns the account that it was made for, and the new address if the link is for a change of
/// address.
///
/// # Errors
/// When the secret is unknown, used or expired, or the password has changed since (422 at `/token`).
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
    let row = table::Entity::find_by_id(digest).one(&w.tx).await?.filter(|_| spent.rows_affected == 1).ok_or_else(link_expired)?;
    let user = users::row(row.user_id, &w.tx).await?;
    if row.password_digest == digest_password_hash(user.password_hash.as_deref()) { Ok((user, row.email)) } else { Err(link_expired()) }
}

fn link_expired() -> Problem {
    Problem::fault(
        "/token",
        "no-longer-valid",
        say!(
            "Länken gäller inte längre: den är använd, för gammal eller ersatt av en nyare. Begär en ny.",
            "The link is no longer valid: it was used, is too old, or was replaced by a newer one. Ask for a new one."
        ),
    )
}

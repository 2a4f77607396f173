//! The tables of identities at providers, of sign-ins under way, and of codes for frontends.

use sea_orm::entity::prelude::*;

use super::super::{policy::Role, users::User};
use crate::kernel::{Id, table::List};

/// An identity at a provider, linked to a user.
pub mod identity {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_identity")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub issuer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        pub user_id: Id<User>,
        /// Whether the e-mail address was verified when the identity was linked.
        pub email_verified: bool,
        pub created_at: ChronoDateTimeUtc,
        pub last_used_at: ChronoDateTimeUtc,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A sign-in from its redirect to the provider until it comes back.
pub mod attempt {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "login_attempt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub state_digest: String,
        /// Digest of the secret in the browser's cookie.
        pub browser_digest: String,
        pub provider: String,
        pub nonce: String,
        /// Our own PKCE verifier.
        pub verifier: String,
        pub client_id: String,
        pub redirect_uri: String,
        pub client_challenge: String,
        pub client_state: String,
        pub created_at: ChronoDateTimeUtc,
        pub expires_at: ChronoDateTimeUtc,
        pub spent_at: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A code that a frontend redeems for a session.
pub mod code {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "login_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub user_id: Id<User>,
        pub client_id: String,
        pub redirect_uri: String,
        pub challenge: String,
        pub issuer: String,
        pub acr: Option<String>,
        pub withheld: List<Role>,
        pub created_at: ChronoDateTimeUtc,
        pub expires_at: ChronoDateTimeUtc,
        pub spent_at: Option<ChronoDateTimeUtc>,
        /// The session that was started with the code.
        pub session_id: Option<Uuid>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

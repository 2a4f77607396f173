//! The entities of sessions, of their refresh tokens, and of the keys that access tokens are signed with.

use sea_orm::entity::prelude::*;

use super::{
    super::{policy::Role, users::User},
    Session, SignInMethod,
};
use crate::kernel::{Id, table::List};

pub mod session {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Session>,
        pub user_id: Id<User>,
        pub created_at: ChronoDateTimeUtc,
        pub expires_at: ChronoDateTimeUtc,
        pub revoked_at: Option<ChronoDateTimeUtc>,
        pub method: SignInMethod,
        pub acr: Option<String>,
        pub withheld: List<Role>,
        pub scopes: Option<List<String>>,
        pub client_id: Option<String>,
        pub address: String,
        pub agent: String,
        pub renewed_at: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub mod refresh_token {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "refresh_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub session_id: Id<Session>,
        pub created_at: ChronoDateTimeUtc,
        pub spent_at: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub mod signing_key {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub private_key: Vec<u8>,
        pub public_key: String,
        pub created_at: ChronoDateTimeUtc,
        pub signs_from: Option<ChronoDateTimeUtc>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

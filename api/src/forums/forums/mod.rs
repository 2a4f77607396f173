//! Forums (forum): councils, groups, partnerships and networks where actors meet across their line organisations. What a
//! forum works out belongs to it, and may be kept among its members.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use api::among_members;
pub use api::{Forum, NewForum, routes};

use crate::kernel::Id;

/// The id of a forum.
pub type ForumId = Id<Forum>;

/// What kind of forum it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ForumKind {
    /// Råd.
    Council,
    /// Styrgrupp.
    SteeringGroup,
    /// Arbetsgrupp.
    WorkingGroup,
    /// Partnerskap.
    Partnership,
    /// Nätverk.
    Network,
}

/// On what level a forum works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ForumLevel {
    /// In a municipality or part of one.
    Local,
    /// In a county or several.
    Regional,
    /// In the whole country.
    National,
}

/// Whether a forum is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ForumStatus {
    /// At work.
    #[default]
    Active,
    /// Resting for the time being.
    Dormant,
    /// Ended.
    Closed,
}

//! Members (medlemmar): the actors of a forum, what they do there, and how closely they work together now and wish to.
//! Parties may stand at different levels and higher is not always better; what counts is the gap to what is wished.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Member, NewMember, routes};

use crate::kernel::Id;

/// The id of a membership.
pub type MemberId = Id<Member>;

/// How far an invitation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Has been asked and not answered.
    Invited,
    /// Takes part.
    Accepted,
    /// Has said no.
    Declined,
    /// Took part before.
    Left,
}

/// How closely a party works together with the others, from loose to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CollaborationLevel {
    /// Is told (information).
    Information,
    /// Is asked (samråd).
    Consultation,
    /// Talks things over (dialog).
    Dialogue,
    /// Shares the work and its criteria (partnerskap).
    Partnership,
}

//! The types of this resource: request and response bodies, filters, enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, trimmed},
    },
    registry::actors::ActorId,
};

/// The id of a forum.
pub type ForumId = Id<Forum>;

/// The kind of forum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ForumKind {
    /// Council (råd).
    Council,
    /// Steering group (styrgrupp).
    SteeringGroup,
    /// Working group (arbetsgrupp).
    WorkingGroup,
    /// Partnership (partnerskap).
    Partnership,
    /// Network (nätverk).
    Network,
}

/// The level on which a forum works.
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

/// Whether a forum is active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ForumStatus {
    /// Active.
    #[default]
    Active,
    /// Inactive for the time being.
    Dormant,
    /// Ended.
    Closed,
}

/// A forum to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewForum {
    pub kind: ForumKind,
    pub level: ForumLevel,
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 200, example = "Samverkansrådet i Botkyrka")]
    pub name: String,
    /// The areas that the forum works in.
    #[schema(min_items = 1, max_items = 400)]
    pub areas: Vec<AreaId>,
    /// The purpose of the forum.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub purpose: Option<String>,
    /// What the forum may decide, and who has given it that right.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub mandate_text: Option<String>,
    /// How often the forum meets, in its own words.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 200)]
    pub meeting_rhythm: Option<String>,
    /// Whether the forum complements the line organisation rather than being part of it.
    #[serde(default)]
    pub complements_line_organisation: bool,
    /// Whether the forum is active. The default is `active`.
    #[serde(default)]
    pub status: ForumStatus,
    /// The visibility of the forum. The default is `forum`, which means its members.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// The default visibility of a forum and of its records: only the members can see them.
#[must_use]
pub const fn among_members() -> Visibility {
    Visibility::Forum
}

/// A council, group, partnership or network where actors meet (forum).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forum {
    pub id: ForumId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewForum,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of forums.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ForumFilter {
    /// Words to search for in names and purposes. Each must be the beginning of a word. Forums whose name begins with the search
    /// text come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Forums of this kind.
    #[param(nullable = false, inline)]
    pub kind: Option<ForumKind>,
    /// Forums with this status.
    #[param(nullable = false, inline)]
    pub status: Option<ForumStatus>,
    /// Forums that work in this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Forums that this actor is a member of, or is invited to.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
}

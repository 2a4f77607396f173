//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    forums::forums::{ForumId, among_members},
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, trimmed},
    },
};

/// The id of an assessment.
pub type AssessmentId = Id<Assessment>;

/// How far an assessment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AssessmentStatus {
    /// Is being written (utkast).
    Draft,
    /// Is read by all parties (på remiss).
    Review,
    /// The parties have said their word (överenskommen).
    Agreed,
    /// Is published, and its text frozen.
    Published,
    /// A newer one has taken its place.
    Superseded,
}

/// An assessment to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAssessment {
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 300, example = "Inkomstskillnader mellan Botkyrkas stadsdelar")]
    pub title: String,
    /// The forum that makes it.
    pub forum_id: ForumId,
    /// The area that it tells of.
    pub area_id: AreaId,
    /// What it is for.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub purpose: Option<String>,
    /// First day of the time that it tells of.
    pub valid_from: Option<NaiveDate>,
    /// First day after the time that it tells of.
    pub valid_to: Option<NaiveDate>,
    /// Who may see it; `forum` unless given, that is the forum's members.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// What a forum holds to be true of an area (gemensam lägesbild).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    pub id: AssessmentId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewAssessment,
    pub status: AssessmentStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which assessments to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AssessmentFilter {
    /// Words to search for in titles and purposes; each must begin some word. Titles that begin with it come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Assessments of this forum.
    #[param(nullable = false)]
    pub forum_id: Option<ForumId>,
    /// Assessments of this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Assessments that have come this far.
    #[param(nullable = false, inline)]
    pub status: Option<AssessmentStatus>,
}

//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

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

/// The status of an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AssessmentStatus {
    /// It is being written (utkast).
    Draft,
    /// All parties read it (på remiss).
    Review,
    /// The parties have agreed on it (överenskommen).
    Agreed,
    /// It is published, and its text is frozen.
    Published,
    /// A newer assessment has replaced it.
    Superseded,
}

/// An assessment to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAssessment {
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 300, example = "Inkomstskillnader mellan Botkyrkas stadsdelar")]
    pub title: String,
    /// The forum that makes the assessment.
    pub forum_id: ForumId,
    /// The area that the assessment describes.
    pub area_id: AreaId,
    /// The purpose of the assessment.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub purpose: Option<String>,
    /// First day of the period that it describes.
    pub valid_from: Option<NaiveDate>,
    /// First day after the period that it describes.
    pub valid_to: Option<NaiveDate>,
    /// The widest group that may see it. The default is `forum`: the members of the forum.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// A forum's shared description of the situation in an area (gemensam lägesbild).
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

/// Filters of the list of assessments.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AssessmentFilter {
    /// Words to search for in titles and purposes. Each must be the beginning of a word there. Titles that begin with the text
    /// come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Assessments of this forum.
    #[param(nullable = false)]
    pub forum_id: Option<ForumId>,
    /// Assessments of this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Assessments with this status.
    #[param(nullable = false, inline)]
    pub status: Option<AssessmentStatus>,
}

//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::Visibility,
    assessments::{Assessment, AssessmentId},
    causes::Cause,
    endorsements::Endorsement,
    findings::{Evidence, Finding, answers::MeasuredArea},
    kernel::Id,
};

/// The id of a revision.
pub type RevisionId = Id<Revision>;

/// Something that a revision refers to, with its name at publication.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedName {
    pub id: Uuid,
    pub name: String,
}

/// The names of the forum and the area of a revision, so that it can be read without the registers. A name is left out when some
/// of the readers may not see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedNames {
    pub forum: Option<PublishedName>,
    pub area: MeasuredArea,
}

/// The published content.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionContent {
    pub assessment: Assessment,
    pub findings: Vec<Finding>,
    pub evidence: Vec<Evidence>,
    pub causes: Vec<Cause>,
    /// The endorsements of the parties, also dissents.
    pub endorsements: Vec<Endorsement>,
    /// The names of the forum and the area. Missing in revisions that were published before names were included.
    #[schema(required = false)]
    pub names: PublishedNames,
}

/// An assessment as it was published (utgåva).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    pub id: RevisionId,
    pub assessment_id: AssessmentId,
    /// Number of the revision within its assessment, from 1.
    pub number: i32,
    /// The widest group that may see it. It is the visibility at publication, and does not follow later changes of the
    /// assessment.
    pub visibility: Visibility,
    /// The content, byte for byte as it was published.
    #[schema(value_type = RevisionContent)]
    pub content: Box<RawValue>,
    /// Whether all of `content` is shown. False when something in it is under secrecy for the caller. Then `hash`, the digest of
    /// the whole, is not shown either, because it could reveal what is hidden.
    pub complete: bool,
    /// SHA-256 of the whole `content` as …/canonical returns it, in hexadecimal.
    pub hash: String,
    /// The number of the form in which `content` is written. 2 is the canonical form of RFC 8785. 1 is the form of older
    /// revisions; it writes numbers below 0.00001, numbers from 2^53, and -0 differently.
    pub form: i32,
    pub published_at: DateTime<Utc>,
    /// The name of the user who published it.
    pub published_by: String,
}

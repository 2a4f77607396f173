//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// Something that a publication refers to, as it was called then.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedName {
    pub id: Uuid,
    pub name: String,
}

/// What a publication's forum and area were called, so that it can be read without a register. A name that not all of its readers
/// may see is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedNames {
    pub forum: Option<PublishedName>,
    pub area: MeasuredArea,
}

/// What was published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionContent {
    pub assessment: Assessment,
    pub findings: Vec<Finding>,
    pub evidence: Vec<Evidence>,
    pub causes: Vec<Cause>,
    /// The word of each party, dissents among them.
    pub endorsements: Vec<Endorsement>,
    /// What all this was called. Missing in what was published before names were.
    #[schema(required = false)]
    pub names: PublishedNames,
}

/// An assessment as it was published (utgåva).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    pub id: RevisionId,
    pub assessment_id: AssessmentId,
    /// Counts the revisions of the assessment from 1.
    pub number: i32,
    /// Who may see it: those whom it was published for, whatever has become of the assessment since then.
    pub visibility: Visibility,
    /// The text, byte for byte as it was published.
    #[schema(value_type = RevisionContent)]
    pub content: Box<RawValue>,
    /// Whether all of `content` is shown. False where something in it is under secrecy for the caller: then `hash` is that of the
    /// whole, and not shown either, for it would tell of what is hidden.
    pub complete: bool,
    /// SHA-256 of the whole `content` as …/canonical gives it, in hexadecimal.
    pub hash: String,
    /// The number of the form that `content` is written in: 2 is the canonical form of RFC 8785; 1, of what was published earlier,
    /// writes numbers below 0.00001, from 2^53 and -0 otherwise.
    pub form: i32,
    pub published_at: DateTime<Utc>,
    /// Who published it.
    pub published_by: String,
}

//! Reads the findings of an assessment, for the endorsements and revisions that build on them.

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, entity::prelude::*};

use super::{EvidenceId, Finding, FindingId, NewFinding, table};
use crate::{assessments::AssessmentId, kernel::Result};

pub(super) fn view(row: table::Model) -> Finding {
    Finding {
        id: row.id,
        version: row.version,
        assessment_id: row.assessment_id,
        fields: NewFinding { kind: row.kind, statement: row.statement, policy_domains: row.policy_domains.0 },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// All findings of an assessment, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_assessment(assessment: AssessmentId, db: &impl ConnectionTrait) -> Result<Vec<Finding>> {
    let rows = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Identifies the evidence of several findings without its answers: (evidence, finding, note, query, digest), oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn digests_of(
    findings: &[FindingId],
    db: &impl ConnectionTrait,
) -> Result<Vec<(EvidenceId, FindingId, Option<String>, Json, String)>> {
    use table::evidence::Column;
    let select = table::evidence::Entity::find().filter(Column::FindingId.is_in(findings.iter().copied())).order_by_asc(Column::Id);
    let columns = [Column::Id, Column::FindingId, Column::Note, Column::Query, Column::Digest];
    Ok(select.select_only().columns(columns).into_tuple().all(db).await?)
}

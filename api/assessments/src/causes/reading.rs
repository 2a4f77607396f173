//! Reads the causes of an assessment, for the endorsements and revisions that build on them.

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, entity::prelude::*};

use super::{Cause, CauseId, NewCause, table};
use crate::{assessments::AssessmentId, findings::FindingId, kernel::Result};

pub(super) fn view(row: table::Model) -> Cause {
    Cause {
        id: row.id,
        version: row.version,
        assessment_id: row.assessment_id,
        fields: NewCause {
            statement: row.statement,
            mechanism: row.mechanism,
            level: row.level,
            explanation: row.explanation,
            structural: row.structural,
            confidence: row.confidence,
            policy_domains: row.policy_domains.0,
            findings: row.findings.0,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// All causes of an assessment, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_assessment(assessment: AssessmentId, db: &impl ConnectionTrait) -> Result<Vec<Cause>> {
    let rows = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// The ids of the causes that explain any of these findings, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn ids_explaining(findings: &[FindingId], db: &impl ConnectionTrait) -> Result<Vec<CauseId>> {
    let rows = table::explains::Entity::find()
        .filter(table::explains::Column::FindingId.is_in(findings.iter().copied()))
        .order_by_asc(table::explains::Column::CauseId)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.cause_id).collect())
}

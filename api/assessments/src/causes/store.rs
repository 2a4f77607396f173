//! All SQL of causes, with the index table of the findings that they explain.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{Cause, CauseId, NewCause, RECORD, reading::view, table};
use crate::{
    access::Sight,
    assessments::{Assessment, AssessmentId, parts::saved_part, store as assessments},
    endorsements::store as endorsements,
    findings::reading as findings,
    kernel::{Db, Fault, Page, Paging, Problem, Result, Write, page::Key, request::Call, say, text},
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
};

pub(super) async fn list(assessment: AssessmentId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Cause>> {
    let select = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One cause of an assessment. The assessment must already be known to be visible.
pub(super) async fn find(assessment: AssessmentId, id: CauseId, db: &impl ConnectionTrait) -> Result<Cause> {
    let row = table::Entity::find_by_id(id).filter(table::Column::AssessmentId.eq(assessment)).one(db).await?;
    row.map(view).ok_or_else(Problem::not_found)
}

/// The causes with these ids whose assessments `sight` may see, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn visible(sight: &Sight, ids: &[CauseId], db: &impl ConnectionTrait) -> Result<Vec<Cause>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).order_by_asc(table::Column::Id).all(db).await?;
    let causes: Vec<_> = rows.into_iter().map(view).collect();
    let assessment_ids: Vec<_> = causes.iter().map(|cause| cause.assessment_id).collect();
    let seen: Vec<_> = assessments::visible(sight, &assessment_ids, db).await?.into_iter().map(|assessment| assessment.id).collect();
    Ok(causes.into_iter().filter(|cause| seen.contains(&cause.assessment_id)).collect())
}

/// Adds a cause.
///
/// # Errors
/// With all faults of the input (422).
pub async fn insert(assessment: &Assessment, new: NewCause, w: &Write<'_>) -> Result<Cause> {
    store(assessment, w.new_id(), 1, None, new, w).await
}

/// Changes a cause.
pub(super) async fn update(assessment: &Assessment, cause: &Cause, new: NewCause, w: &Write<'_>) -> Result<Cause> {
    store(assessment, cause.id, cause.version + 1, Some(cause), new, w).await
}

/// Removes a cause.
///
/// # Errors
/// When an intervention is aimed at it (409). The room `interventions` lies above this one, so its tables are queried by name.
pub(super) async fn remove(assessment: &Assessment, cause: &Cause, w: &Write<'_>) -> Result<()> {
    let aimed = Query::select()
        .column(("intervention", "id"))
        .from("intervention_cause")
        .inner_join("intervention", Expr::col(("intervention", "id")).equals(("intervention_cause", "intervention_id")))
        .and_where(Expr::col(("intervention_cause", "cause_id")).eq(cause.id))
        .and_where(Expr::col(("intervention", "deleted_at")).is_null())
        .limit(1)
        .take();
    if w.tx.query_one(&aimed).await?.is_some() {
        return Err(Problem::conflict(say!(
            "En insats är riktad mot orsaken. Ta bort orsaken från insatsens causes först, eller ändra dess text.",
            "An intervention is aimed at the cause. Take it out of the intervention's causes first, or change its text."
        )));
    }
    let gone = Query::delete().from_table("intervention_cause").and_where(Expr::col("cause_id").eq(cause.id)).take();
    w.tx.execute(&gone).await?;
    table::explains::Entity::delete_many().filter(table::explains::Column::CauseId.eq(cause.id)).exec(&w.tx).await?;
    table::Entity::delete_by_id(cause.id).exec(&w.tx).await?;
    endorsements::update_outdated(assessment, w).await?;
    w.publish(saved_part(assessment, &RECORD, cause.id, cause.version + 1).removed()).await
}

async fn store(
    assessment: &Assessment,
    id: CauseId,
    version: i64,
    before: Option<&Cause>,
    mut new: NewCause,
    w: &Write<'_>,
) -> Result<Cause> {
    let mut faults: Vec<Fault> = text::blank_fault("/statement", &new.statement).into_iter().collect();
    faults.extend(codelists::unknown_code_faults(POLICY_DOMAIN, &new.policy_domains, "/policyDomains", &w.tx).await?);
    let known: Vec<_> = findings::of_assessment(assessment.id, &w.tx).await?.into_iter().map(|finding| finding.id).collect();
    faults.extend(new.findings.iter().enumerate().filter(|(_, finding)| !known.contains(finding)).map(|(at, _)| {
        Fault::at_pointer(
            format!("/findings/{at}"),
            "not-found",
            say!("Iakttagelsen finns inte i den här lägesbilden.", "The finding is not in this assessment."),
        )
    }));
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    new.findings.sort_unstable();
    new.findings.dedup();
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        assessment_id: assessment.id,
        statement: new.statement.trim().to_owned(),
        mechanism: new.mechanism,
        level: new.level,
        explanation: new.explanation,
        structural: new.structural,
        confidence: new.confidence,
        policy_domains: new.policy_domains.into(),
        findings: new.findings.into(),
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let cause = view(row);
    if before.is_none_or(|before| before.fields.findings != cause.fields.findings) {
        if before.is_some() {
            table::explains::Entity::delete_many().filter(table::explains::Column::CauseId.eq(id)).exec(&w.tx).await?;
        }
        let rows =
            cause.fields.findings.iter().map(|finding| table::explains::ActiveModel { cause_id: Set(id), finding_id: Set(*finding) });
        table::explains::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    endorsements::update_outdated(assessment, w).await?;
    w.publish(saved_part(assessment, &RECORD, id, version)).await?;
    Ok(cause)
}

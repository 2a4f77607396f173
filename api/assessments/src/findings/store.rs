//! All SQL of findings and their evidence.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, entity::prelude::*, sea_query::Query};
use serde_json::value::RawValue;

use super::{
    EVIDENCE, Evidence, EvidenceId, FINDING, Finding, FindingId, NewFinding, StatisticalQuery,
    answers::{self, ChangedObservation, MeasuredArea, StatisticalAnswer, ValueOrigin},
    reading::view,
    table,
    types::NewEvidence,
};
use crate::{
    assessments::{Assessment, AssessmentId, parts::saved_part},
    causes::reading as causes,
    endorsements::store as endorsements,
    geography::areas::store as areas,
    kernel::{Db, Fault, Page, Paging, Problem, Result, Write, hash, page::Key, problem::Kind, request::Call, say, text},
    reference::codelists::store::{self as codelists, POLICY_DOMAIN},
    statistics::{indicators::store as indicators, observations::store as observations},
};

/// Number of rows in one INSERT, because a database limits the number of parameters.
const INSERT_ROWS: usize = 5000;

fn evidence_view(row: table::evidence::Model) -> Result<Evidence> {
    Ok(Evidence {
        id: row.id,
        version: row.version,
        finding_id: row.finding_id,
        kind: row.kind,
        note: row.note,
        query: serde_json::from_value(row.query)?,
        answer: RawValue::from_string(row.answer)?,
        hash: row.digest,
        form: row.form,
        changed: None,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(super) async fn list(assessment: AssessmentId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Finding>> {
    let select = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One finding of an assessment. The assessment must already be known to be visible.
///
/// # Errors
/// When there is none (404).
pub async fn find(assessment: AssessmentId, id: FindingId, db: &impl ConnectionTrait) -> Result<Finding> {
    let row = table::Entity::find_by_id(id).filter(table::Column::AssessmentId.eq(assessment)).one(db).await?;
    row.map(view).ok_or_else(Problem::not_found)
}

/// Findings by their ids, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(ids: &[FindingId], db: &impl ConnectionTrait) -> Result<Vec<Finding>> {
    let rows = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Adds a finding.
///
/// # Errors
/// With all faults of the input (422).
pub async fn insert(assessment: &Assessment, new: NewFinding, w: &Write<'_>) -> Result<Finding> {
    store(assessment, w.new_id(), 1, None, new, w).await
}

/// Changes a finding.
pub(super) async fn update(assessment: &Assessment, finding: &Finding, new: NewFinding, w: &Write<'_>) -> Result<Finding> {
    store(assessment, finding.id, finding.version + 1, Some(finding), new, w).await
}

async fn store(
    assessment: &Assessment,
    id: FindingId,
    version: i64,
    before: Option<&Finding>,
    new: NewFinding,
    w: &Write<'_>,
) -> Result<Finding> {
    let mut faults: Vec<Fault> = text::blank_fault("/statement", &new.statement).into_iter().collect();
    faults.extend(codelists::unknown_code_faults(POLICY_DOMAIN, &new.policy_domains, "/policyDomains", &w.tx).await?);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        assessment_id: assessment.id,
        kind: new.kind,
        statement: new.statement.trim().to_owned(),
        policy_domains: new.policy_domains.into(),
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let finding = view(row);
    endorsements::update_outdated(assessment, w).await?;
    w.publish(saved_part(assessment, &FINDING, id, version)).await?;
    Ok(finding)
}

/// Removes a finding with its evidence.
///
/// # Errors
/// When a cause explains it (409).
pub(super) async fn remove(assessment: &Assessment, finding: &Finding, w: &Write<'_>) -> Result<()> {
    if let Some(cause) = causes::ids_explaining(&[finding.id], &w.tx).await?.first() {
        return Err(Problem::conflict(say!(
            "En orsak förklarar iakttagelsen. Ta bort den ur orsakens findings först.",
            "A cause explains the finding. Take it out of the cause's findings first."
        ))
        .with_record(&format!("/assessments/{}/causes", assessment.id), *cause));
    }
    remove_evidence(assessment, &evidence_of(&[finding.id], &w.tx).await?, w).await?;
    table::Entity::delete_by_id(finding.id).exec(&w.tx).await?;
    endorsements::update_outdated(assessment, w).await?;
    w.publish(saved_part(assessment, &FINDING, finding.id, finding.version + 1).removed()).await
}

/// Removes pieces of evidence.
pub(super) async fn remove_evidence(assessment: &Assessment, evidence: &[Evidence], w: &Write<'_>) -> Result<()> {
    let ids: Vec<_> = evidence.iter().map(|evidence| evidence.id).collect();
    table::evidence_observation::Entity::delete_many()
        .filter(table::evidence_observation::Column::EvidenceId.is_in(ids.iter().copied()))
        .exec(&w.tx)
        .await?;
    table::evidence::Entity::delete_many().filter(table::evidence::Column::Id.is_in(ids)).exec(&w.tx).await?;
    endorsements::update_outdated(assessment, w).await?;
    for evidence in evidence {
        w.publish(saved_part(assessment, &EVIDENCE, evidence.id, evidence.version + 1).removed()).await?;
    }
    Ok(())
}

pub(super) async fn list_evidence(finding: FindingId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Evidence>> {
    let select = table::evidence::Entity::find().filter(table::evidence::Column::FindingId.eq(finding));
    let keys = vec![Key::column(table::evidence::Column::Id, |row: &table::evidence::Model| row.id.into())];
    paging.fetch(select, keys, call, db).await?.try_map(evidence_view)
}

/// One piece of evidence of a finding. The finding must already be known to be visible.
pub(super) async fn find_evidence(finding: FindingId, id: EvidenceId, db: &impl ConnectionTrait) -> Result<Evidence> {
    let row = table::evidence::Entity::find_by_id(id).filter(table::evidence::Column::FindingId.eq(finding)).one(db).await?;
    row.map(evidence_view).transpose()?.ok_or_else(Problem::not_found)
}

/// The evidence of several findings, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn evidence_of(findings: &[FindingId], db: &impl ConnectionTrait) -> Result<Vec<Evidence>> {
    let rows = table::evidence::Entity::find()
        .filter(table::evidence::Column::FindingId.is_in(findings.iter().copied()))
        .order_by_asc(table::evidence::Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(evidence_view).collect()
}

/// Evidence by its ids, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all_evidence(ids: &[EvidenceId], db: &impl ConnectionTrait) -> Result<Vec<Evidence>> {
    let select = table::evidence::Entity::find().filter(table::evidence::Column::Id.is_in(ids.iter().copied()));
    let rows = select.order_by_asc(table::evidence::Column::Id).all(db).await?;
    rows.into_iter().map(evidence_view).collect()
}

/// The code of the indicator in a frozen answer; empty when it cannot be read.
#[must_use]
pub fn indicator_code(evidence: &Evidence) -> String {
    let answer = serde_json::from_str::<serde_json::Value>(evidence.answer.get()).unwrap_or_default();
    answer["indicator"].as_str().unwrap_or_default().to_owned()
}

/// The observations that have changed since they were frozen, for each piece of evidence.
///
/// # Errors
/// When the database does not answer.
pub async fn changed_observations(
    evidence: &[Evidence],
    db: &impl ConnectionTrait,
) -> Result<HashMap<EvidenceId, Vec<ChangedObservation>>> {
    let ids = Query::select()
        .column(table::evidence_observation::Column::ObservationId)
        .from(table::evidence_observation::Entity)
        .and_where(table::evidence_observation::Column::EvidenceId.is_in(evidence.iter().map(|evidence| evidence.id)))
        .take();
    let present = observations::present_values(ids, db).await?;
    Ok(evidence.iter().map(|evidence| (evidence.id, answers::compare_with_present(evidence.answer.get(), &present))).collect())
}

/// Fills in `changed` of each piece of evidence.
pub(super) async fn attach_changes(evidence: &mut [Evidence], db: &impl ConnectionTrait) -> Result<()> {
    let mut changes = changed_observations(evidence, db).await?;
    for evidence in evidence {
        evidence.changed = Some(changes.remove(&evidence.id).unwrap_or_default());
    }
    Ok(())
}

/// Queries the statistics and stores the frozen answer.
///
/// # Errors
/// When the query names an unknown indicator or area, finds no value, or finds more than `MAX_SELECTED` values (422).
pub async fn insert_evidence(assessment: &Assessment, finding: FindingId, new: NewEvidence, w: &Write<'_>) -> Result<Evidence> {
    let answer = query_statistics(&new.query, w).await?;
    let canonical = hash::frozen(hash::FORM, &serde_json::to_value(&answer)?)?;
    let id: EvidenceId = w.new_id();
    let row = table::evidence::ActiveModel {
        id: Set(id),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        finding_id: Set(finding),
        kind: Set(new.kind),
        note: Set(new.note),
        query: Set(serde_json::to_value(&new.query)?),
        digest: Set(hash::sha256_hex(canonical.as_bytes())),
        answer: Set(canonical),
        form: Set(hash::FORM),
    };
    let row = row.insert(&w.tx).await?;
    for observations in answer.observations.chunks(INSERT_ROWS) {
        let rows = observations
            .iter()
            .map(|found| table::evidence_observation::ActiveModel { evidence_id: Set(id), observation_id: Set(found.id) });
        table::evidence_observation::Entity::insert_many(rows).exec_without_returning(&w.tx).await?;
    }
    endorsements::update_outdated(assessment, w).await?;
    w.publish(saved_part(assessment, &EVIDENCE, id, 1)).await?;
    evidence_view(row)
}

async fn query_statistics(query: &StatisticalQuery, w: &Write<'_>) -> Result<StatisticalAnswer> {
    let indicator = indicators::find(query.indicator_id, &w.tx).await.map_err(|problem| match problem.kind {
        Kind::NotFound => {
            Problem::fault("/query/indicatorId", "not-found", say!("Indikatorn finns inte.", "The indicator does not exist."))
        }
        _ => problem,
    })?;
    let known = areas::by_ids(&query.area_ids, &w.tx).await?;
    let unknown = query.area_ids.iter().enumerate().filter(|(_, area)| !known.contains_key(area));
    let faults: Vec<_> = unknown.map(|(at, _)| areas::not_found_fault(format!("/query/areaIds/{at}"))).collect();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let found = observations::select(&indicator, &query.area_ids, &query.periods, query.breakdown.as_ref(), &w.tx).await?;
    if found.is_empty() {
        return Err(Problem::fault(
            "/query",
            "no-answer",
            say!(
                "Det finns inga värden för den frågan ännu. Importera statistiken först (POST /observation-imports).",
                "There are no values for that question yet. Import the statistics first (POST /observation-imports)."
            ),
        ));
    }
    if found.len() > observations::MAX_SELECTED {
        let most = observations::MAX_SELECTED;
        return Err(Problem::fault(
            "/query",
            "too-many-values",
            say!(
                "Svaret har fler än {most} värden. Ange perioder eller indelning, eller dela frågan i flera.",
                "The answer has more than {most} values. Give periods or a breakdown, or divide the question into several."
            ),
        ));
    }
    let mut asked = HashSet::new();
    let asked = query.area_ids.iter().filter(|id| asked.insert(**id)).filter_map(|id| known.get(id));
    let measured = asked.cloned().map(MeasuredArea::from);
    let imports: BTreeSet<_> = found.iter().map(|observation| observation.import_id).collect();
    let origins = observations::origins(&imports, &w.tx).await?.into_iter();
    let origins = origins.map(|(import_id, source, licence)| ValueOrigin { import_id, source, licence });
    Ok(answers::build_answer(&indicator, measured.collect(), origins.collect(), found))
}

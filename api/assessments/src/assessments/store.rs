//! All SQL of assessments.

use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, QueryTrait, entity::prelude::*};

use super::{
    Assessment, AssessmentId, AssessmentStatus, NewAssessment, RECORD,
    parts::visibility_of,
    rules::{Life, Operation},
    table,
    types::AssessmentFilter,
};
use crate::{
    access::{Reach, Sight},
    endorsements::{EndorsementPosition, store as endorsements},
    findings::reading as findings,
    forums::{
        forums::{rules as forum_rules, store as forums},
        members::store as members,
    },
    geography::areas::store as areas,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write, lifecycle::Lifecycle, page::Key, request::Call, saved::Saved, say, search::Search,
        text,
    },
};

fn view(row: table::Model) -> Assessment {
    Assessment {
        id: row.id,
        version: row.version,
        fields: NewAssessment {
            title: row.title,
            forum_id: row.forum_id,
            area_id: row.area_id,
            purpose: row.purpose,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            visibility: row.visibility,
        },
        status: row.status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::DeletedAt.is_null()).filter(sight.rows(
        table::Column::Visibility,
        Some(table::Column::ForumId.into_expr()),
        None,
    ))
}

pub(super) async fn list(sight: &Sight, filter: &AssessmentFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Assessment>> {
    let select = find_visible(sight)
        .apply_if(filter.forum_id, |select, forum| select.filter(table::Column::ForumId.eq(forum)))
        .apply_if(filter.area_id, |select, area| select.filter(table::Column::AreaId.eq(area)))
        .apply_if(filter.status, |select, status| select.filter(table::Column::Status.eq(status)));
    let keys = vec![
        Key::column(table::Column::TitleSort, |row: &table::Model| row.title_sort.clone().into()),
        Key::column(table::Column::Id, |row: &table::Model| row.id.into()),
    ];
    let search = filter.q.as_deref().map(|q| {
        Search::new(RECORD.kind, table::Column::Id, q, db.backend())
            .names_first(table::Column::TitleSort, |row: &table::Model| &row.title_sort)
    });
    Ok(paging.search(select, search, keys, None, call, db).await?.map(view))
}

/// One assessment that `sight` may see.
///
/// # Errors
/// When there is none (404).
pub async fn find(sight: &Sight, id: AssessmentId, db: &impl ConnectionTrait) -> Result<Assessment> {
    find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// The assessments with these ids that `sight` may see.
///
/// # Errors
/// When the database does not answer.
pub async fn visible(sight: &Sight, ids: &[AssessmentId], db: &impl ConnectionTrait) -> Result<Vec<Assessment>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// One assessment that `sight` may see, locked so that its status cannot change during the transaction.
///
/// # Errors
/// When there is none (404).
pub async fn find_locked(sight: &Sight, id: AssessmentId, w: &Write<'_>) -> Result<Assessment> {
    find_visible(sight).filter(table::Column::Id.eq(id)).lock_exclusive().one(&w.tx).await?.map(view).ok_or_else(Problem::not_found)
}

/// One assessment that the caller may write, locked so that its status cannot change during the transaction.
///
/// # Errors
/// When there is none (404), the caller may not write it (403), or its forum is closed (409).
pub async fn find_to_write(sight: &Sight, reach: &Reach, id: AssessmentId, w: &Write<'_>) -> Result<Assessment> {
    let assessment = find_locked(sight, id, w).await?;
    may_write(reach, &assessment, &w.tx).await?;
    let forum = forums::find(&Sight::of_installation(), assessment.fields.forum_id, &w.tx).await?;
    forum_rules::require(forum_rules::Operation::Work, forum.fields.status)?;
    Ok(assessment)
}

/// Checks that the caller may write an assessment and its parts: `reach` must include its forum.
///
/// # Errors
/// When it does not (403), or the forum is removed (404).
pub async fn may_write(reach: &Reach, assessment: &Assessment, db: &impl ConnectionTrait) -> Result<()> {
    let forum = forums::find(&Sight::of_installation(), assessment.fields.forum_id, db).await?;
    forums::may_write(reach, &forum.fields, Some(forum.id), db).await
}

/// Stores a new assessment as a draft.
///
/// # Errors
/// With all faults of the input (422).
pub async fn insert(new: NewAssessment, w: &Write<'_>) -> Result<Assessment> {
    store(w.new_id(), 1, None, new, AssessmentStatus::Draft, w).await
}

/// Changes an assessment.
pub(super) async fn update(assessment: &Assessment, new: NewAssessment, status: AssessmentStatus, w: &Write<'_>) -> Result<Assessment> {
    if new.forum_id != assessment.fields.forum_id {
        return Err(Problem::fault(
            "/forumId",
            "immutable",
            say!("En lägesbild kan inte byta forum.", "An assessment cannot move to another forum."),
        ));
    }
    store(assessment.id, assessment.version + 1, Some(assessment), new, status, w).await
}

/// Moves an assessment to the status that an operation leads to.
///
/// # Errors
/// When the life-cycle does not allow the operation (409).
pub async fn step(assessment: &Assessment, operation: Operation, w: &Write<'_>) -> Result<Assessment> {
    let status = Life::next_state(&assessment.status, operation)?.ok_or_else(Problem::not_found)?;
    update(assessment, assessment.fields.clone(), status, w).await
}

/// Moves an agreed assessment back to review after a party has given, changed or withdrawn its endorsement, so that the parties
/// agree with all endorsements known.
///
/// # Errors
/// When the status allows no endorsement (409).
pub async fn return_to_review(assessment: &Assessment, w: &Write<'_>) -> Result<()> {
    if Life::next_state(&assessment.status, Operation::Endorse)? != Some(assessment.status) {
        step(assessment, Operation::Endorse, w).await?;
    }
    Ok(())
}

/// Checks that the assessment has a finding, that a party of the forum stands behind it, and that no party of the forum has
/// endorsed an earlier wording.
///
/// # Errors
/// With a fault for each thing that is missing (422).
pub async fn require_complete(assessment: &Assessment, w: &Write<'_>) -> Result<()> {
    let mut faults = Vec::new();
    if findings::of_assessment(assessment.id, &w.tx).await?.is_empty() {
        faults.push(Fault::at_pointer(
            "/findings",
            "required",
            say!("Lägesbilden har ingen iakttagelse ännu.", "The assessment has no finding yet."),
        ));
    }
    let mut agreed = false;
    let words = endorsements::of_assessment(assessment.id, &w.tx).await?;
    let actors: Vec<_> = words.iter().map(|word| word.actor_id).collect();
    let present = members::participants_among(assessment.fields.forum_id, &actors, w).await?;
    // A party that has left the forum keeps its endorsement, but it no longer counts.
    for word in words.into_iter().filter(|word| present.contains(&word.actor_id)) {
        if word.outdated {
            faults.push(Fault::at_pointer(
                format!("/endorsements/{}", word.actor_id),
                "outdated",
                say!(
                    "Aktören har tagit ställning till en tidigare lydelse av texten. Be den att ta ställning på nytt.",
                    "The actor said its word on an earlier wording of the text. Ask it to say its word again."
                ),
            ));
        } else {
            agreed |= word.fields.position != EndorsementPosition::Dissent;
        }
    }
    if !agreed {
        faults.push(Fault::at_pointer(
            "/endorsements",
            "required",
            say!(
                "Ingen part i forumet står bakom texten ännu, med eller utan förbehåll.",
                "No party of the forum stands behind the text yet, with or without reservation."
            ),
        ));
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

async fn store(
    id: AssessmentId,
    version: i64,
    before: Option<&Assessment>,
    new: NewAssessment,
    status: AssessmentStatus,
    w: &Write<'_>,
) -> Result<Assessment> {
    let mut faults: Vec<Fault> = text::blank_fault("/title", &new.title).into_iter().collect();
    faults.extend(text::period_fault(new.valid_from, new.valid_to));
    faults.extend(forums::visibility_fault(new.visibility));
    if areas::path(new.area_id, &w.tx).await?.is_none() {
        faults.push(areas::not_found_fault("/areaId"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let title = new.title.trim().to_owned();
    let row = table::Model {
        id,
        version,
        created_at: before.map_or(w.now, |before| before.created_at),
        updated_at: w.now,
        title_sort: text::sort_key(&title),
        title,
        forum_id: new.forum_id,
        area_id: new.area_id,
        purpose: new.purpose,
        status,
        visibility: new.visibility,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        deleted_at: None,
    };
    w.put::<table::Entity>(row.clone(), before.map(|before| before.version)).await?;
    let assessment = view(row);
    if before.is_some() {
        endorsements::update_outdated(&assessment, w).await?;
    }
    let words = [assessment.fields.title.as_str(), assessment.fields.purpose.as_deref().unwrap_or_default()];
    let areas = before.into_iter().chain([&assessment]).map(|assessment| assessment.fields.area_id);
    let saved =
        Saved::new(&RECORD, id, version, visibility_of(&assessment)).visible_before(before.map(visibility_of)).in_areas(areas).words(words);
    w.publish(saved).await?;
    Ok(assessment)
}

/// Marks an assessment as removed. The row is kept, but can no longer be read or found.
pub(super) async fn remove(assessment: &Assessment, w: &Write<'_>) -> Result<()> {
    let version = w.remove(&RECORD, assessment.id, assessment.version).await?;
    let saved = Saved::new(&RECORD, assessment.id, version, visibility_of(assessment)).in_areas([assessment.fields.area_id]);
    w.publish(saved.removed().words([])).await
}

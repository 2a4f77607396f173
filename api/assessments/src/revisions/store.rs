//! All SQL of revisions. A revision is inserted once and never changed.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, entity::prelude::*, sea_query::Query};
use serde_json::{Value, value::RawValue};

use super::{
    RECORD, Revision, RevisionId, table,
    types::{PublishedName, PublishedNames, RevisionContent},
};
use crate::{
    access::{Sight, Visibility},
    assessments::{Assessment, AssessmentId, NewAssessment, parts::saved_part, store as assessments},
    causes::reading as causes,
    endorsements::{Endorsement, store as endorsements},
    findings::{reading as findings, store::evidence_of},
    forums::forums::store as forums,
    geography::areas::store as areas,
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        frozen::{Frozen, FrozenCheck},
        hash,
        page::Key,
        request::Call,
        say,
    },
    registry::actors::store as actors,
};

fn view(row: table::Model) -> Result<Revision> {
    Ok(Revision {
        id: row.id,
        assessment_id: row.assessment_id,
        number: row.number,
        visibility: row.visibility,
        content: RawValue::from_string(row.content)?,
        complete: true,
        hash: row.digest,
        form: row.form,
        published_at: row.published_at,
        published_by: row.published_by_name,
    })
}

/// The revisions that `sight` may see, by their visibility at publication.
fn find_visible(sight: &Sight) -> Select<table::Entity> {
    let forum = Query::select()
        .expr(Expr::col(("assessment", "forum_id")))
        .from("assessment")
        .and_where(Expr::col(("assessment", "id")).equals(("revision", "assessment_id")))
        .take();
    let forum = Expr::SubQuery(None, Box::new(forum.into()));
    table::Entity::find().filter(sight.rows(table::Column::Visibility, Some(forum), None))
}

/// Checks that the caller may see the assessment, or at least one of its revisions.
pub(super) async fn require_visible(sight: &Sight, assessment: AssessmentId, db: &impl ConnectionTrait) -> Result<()> {
    if find_visible(sight).filter(table::Column::AssessmentId.eq(assessment)).count(db).await? == 0 {
        assessments::find(sight, assessment, db).await?;
    }
    Ok(())
}

pub(super) async fn list(sight: &Sight, assessment: AssessmentId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Revision>> {
    let select = find_visible(sight).filter(table::Column::AssessmentId.eq(assessment));
    let keys = vec![Key::column(table::Column::Number, |row: &table::Model| row.number.into())];
    paging.fetch(select, keys, call, db).await?.try_map(view)
}

/// One revision of an assessment that `sight` may see.
pub(super) async fn find(sight: &Sight, assessment: AssessmentId, id: RevisionId, db: &impl ConnectionTrait) -> Result<Revision> {
    let row = find_visible(sight).filter(table::Column::Id.eq(id)).filter(table::Column::AssessmentId.eq(assessment)).one(db).await?;
    row.map(view).transpose()?.ok_or_else(Problem::not_found)
}

/// One revision that `sight` may see, by its id alone.
///
/// # Errors
/// When there is none (404).
pub async fn find_one(sight: &Sight, id: RevisionId, db: &impl ConnectionTrait) -> Result<Revision> {
    view(find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)?)
}

/// Returns the revisions with these ids that `sight` may see.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(sight: &Sight, ids: &[RevisionId], db: &impl ConnectionTrait) -> Result<Vec<Revision>> {
    find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?.into_iter().map(view).collect()
}

/// Compares the bytes of a revision, and of each answer in it, with the digests from the publication.
pub(super) fn check(revision: &Revision) -> Result<FrozenCheck> {
    let frozen = Frozen { content: revision.content.clone(), hash: Some(revision.hash.clone()), form: Some(revision.form) };
    let (content, mut differs) = (frozen.value()?, frozen.find_differences("/hash", "/form")?);
    for (at, evidence) in content["evidence"].as_array().into_iter().flatten().enumerate() {
        // Old evidence has no form number; it was written in form 1.
        let form = evidence.get("form").and_then(Value::as_i64).and_then(|form| i32::try_from(form).ok()).unwrap_or(1);
        if hash::sha256_hex(hash::frozen(form, &evidence["answer"])?.as_bytes()) != evidence["hash"] {
            differs.push(format!("/content/evidence/{at}/hash"));
        }
    }
    Ok(differs.into())
}

/// Checks that the assessment was never published, because a published assessment must stay.
///
/// # Errors
/// When it was (409).
pub async fn refuse_published(assessment: AssessmentId, w: &Write<'_>) -> Result<()> {
    if table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)).count(&w.tx).await? == 0 {
        return Ok(());
    }
    Err(Problem::conflict(say!(
        "Lägesbilden har publicerats och kan inte tas bort; det som är publicerat ska gå att läsa.",
        "The assessment has been published and cannot be removed; what is published must stay readable."
    )))
}

/// Fills in the names of the parties, and returns those of the forum and the area. A name is included only if the whole audience
/// of the publication may see it.
async fn collect_names(assessment: &Assessment, words: &mut [Endorsement], w: &Write<'_>) -> Result<PublishedNames> {
    let NewAssessment { visibility, forum_id, area_id, .. } = assessment.fields;
    let own = (visibility == Visibility::Forum).then_some(forum_id.uuid()).into_iter().collect();
    let audience = Sight { signed_in: visibility != Visibility::Public, forums: own, ..Sight::default() };
    let actors: Vec<_> = words.iter().map(|word| word.actor_id).collect();
    let mut names = actors::names(&audience, &actors, &w.tx).await?;
    for word in words {
        word.actor = names.remove(&word.actor_id);
    }
    let forum = forums::find(&Sight::of_installation(), forum_id, &w.tx).await?;
    let known = audience.sees(forum.fields.visibility, Some(forum_id.uuid()), None);
    Ok(PublishedNames {
        forum: known.then(|| PublishedName { id: forum_id.uuid(), name: forum.fields.name }),
        area: areas::find(area_id, &w.tx).await?.into(),
    })
}

/// Stores an assessment with all its parts as a new revision.
///
/// # Errors
/// When the database does not answer.
pub async fn freeze(assessment: &Assessment, w: &Write<'_>) -> Result<()> {
    let findings = findings::of_assessment(assessment.id, &w.tx).await?;
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    let mut endorsements = endorsements::of_assessment(assessment.id, &w.tx).await?;
    let names = collect_names(assessment, &mut endorsements, w).await?;
    let content = RevisionContent {
        assessment: assessment.clone(),
        evidence: evidence_of(&ids, &w.tx).await?,
        findings,
        causes: causes::of_assessment(assessment.id, &w.tx).await?,
        names,
        endorsements,
    };
    let frozen = Frozen::freeze(&content)?;
    let before = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment.id)).count(&w.tx).await?;
    let number = i32::try_from(before + 1).unwrap_or(i32::MAX);
    let id: RevisionId = w.new_id();
    let row = table::ActiveModel {
        id: Set(id),
        assessment_id: Set(assessment.id),
        number: Set(number),
        digest: Set(frozen.hash.unwrap_or_default()),
        content: Set(frozen.content.get().to_owned()),
        published_at: Set(w.now),
        published_by_name: Set(w.call.author.user_name.clone()),
        visibility: Set(assessment.fields.visibility),
        form: Set(hash::FORM),
    };
    table::Entity::insert(row).exec_without_returning(&w.tx).await?;
    w.publish(saved_part(assessment, &RECORD, id, number.into())).await?;
    Ok(())
}

//! Revisions: written once, never changed.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, entity::prelude::*, sea_query::Query};
use serde_json::{Value, value::RawValue};

use super::{
    Revision, RevisionId,
    api::{PublishedName, PublishedNames, RevisionCheck, RevisionContent},
    table,
};
use crate::{
    access::{Sight, Visibility},
    assessments::{
        assessments::{Assessment, AssessmentId, store as assessments, store::record},
        causes::store as causes,
        endorsements::{Endorsement, store as endorsements},
        findings::store as findings,
    },
    forums::forums::store as forums,
    geography::areas::store as areas,
    kernel::{Db, Page, Paging, Problem, Result, Write, events::ChangeOperation, hash, page::Key, request::Call, say},
    registry::actors::matching as actors,
};

fn view(row: table::Model) -> Result<Revision> {
    Ok(Revision {
        id: row.id,
        assessment_id: row.assessment_id,
        number: row.number,
        visibility: row.visibility,
        content: RawValue::from_string(row.content)?,
        hash: row.digest,
        form: row.form,
        published_at: row.published_at,
        published_by: row.published_by_name,
    })
}

/// The revisions that may be seen: those that were published for the one who looks.
fn seen(sight: &Sight) -> Select<table::Entity> {
    let forum = Query::select()
        .expr(Expr::col(("assessment", "forum_id")))
        .from("assessment")
        .and_where(Expr::col(("assessment", "id")).equals(("revision", "assessment_id")))
        .take();
    let forum = Expr::SubQuery(None, Box::new(forum.into()));
    table::Entity::find().filter(sight.rows(table::Column::Visibility, Some(forum), None))
}

/// Checks that the caller may know of an assessment, or of something that was published of it.
pub(super) async fn may_list(sight: &Sight, assessment: AssessmentId, db: &impl ConnectionTrait) -> Result<()> {
    if seen(sight).filter(table::Column::AssessmentId.eq(assessment)).count(db).await? == 0 {
        assessments::find(sight, assessment, db).await?;
    }
    Ok(())
}

pub(super) async fn list(sight: &Sight, assessment: AssessmentId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Revision>> {
    let select = seen(sight).filter(table::Column::AssessmentId.eq(assessment));
    let keys = vec![Key::column(table::Column::Number, |row: &table::Model| row.number.into())];
    let page = paging.fetch(select, keys, call, db).await?;
    let items = page.items.into_iter().map(view).collect::<Result<_>>()?;
    Ok(Page { items, next_cursor: page.next_cursor, total: page.total, change_cursor: page.change_cursor })
}

/// One revision of an assessment.
pub(super) async fn find(sight: &Sight, assessment: AssessmentId, id: RevisionId, db: &impl ConnectionTrait) -> Result<Revision> {
    let row = seen(sight).filter(table::Column::Id.eq(id)).filter(table::Column::AssessmentId.eq(assessment)).one(db).await?;
    row.map(view).transpose()?.ok_or_else(Problem::not_found)
}

/// One revision by its id alone.
///
/// # Errors
/// When there is none.
pub async fn find_one(sight: &Sight, id: RevisionId, db: &impl ConnectionTrait) -> Result<Revision> {
    view(seen(sight).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)?)
}

/// Compares the bytes of a revision with what was said of them when it was published.
pub(super) fn check(revision: &Revision) -> Result<RevisionCheck> {
    let content: Value = serde_json::from_str(revision.content.get())?;
    let mut differs = Vec::new();
    if hash::sha256_hex(revision.content.get().as_bytes()) != revision.hash {
        differs.push("/hash".to_owned());
    }
    if hash::frozen(revision.form, &content)? != revision.content.get() {
        differs.push("/form".to_owned());
    }
    for (at, evidence) in content["evidence"].as_array().into_iter().flatten().enumerate() {
        // Evidence of before had no number.
        let form = evidence.get("form").and_then(Value::as_i64).and_then(|form| i32::try_from(form).ok()).unwrap_or(1);
        if hash::sha256_hex(hash::frozen(form, &evidence["answer"])?.as_bytes()) != evidence["hash"] {
            differs.push(format!("/content/evidence/{at}/hash"));
        }
    }
    Ok(RevisionCheck { intact: differs.is_empty(), differs })
}

/// Checks that nothing of an assessment was ever published, for then it must stay.
///
/// # Errors
/// When something was.
pub async fn refuse_published(assessment: AssessmentId, w: &Write<'_>) -> Result<()> {
    if table::Entity::find().filter(table::Column::AssessmentId.eq(assessment)).count(&w.tx).await? == 0 {
        return Ok(());
    }
    Err(Problem::conflict(say!(
        "Lägesbilden har publicerats och kan inte tas bort; det som är publicerat ska gå att läsa.",
        "The assessment has been published and cannot be removed; what is published must stay readable."
    )))
}

/// What the forum, the area and the parties are called now.
async fn names(assessment: &Assessment, endorsements: &[Endorsement], w: &Write<'_>) -> Result<PublishedNames> {
    let readers = assessment.fields.visibility;
    let shown = |visibility: Visibility| visibility == Visibility::Public || (visibility == Visibility::Members && readers == visibility);
    let forum = forums::find(&Sight::of_installation(), assessment.fields.forum_id, &w.tx).await?;
    // The forum's own members know it.
    let known = shown(forum.fields.visibility) || readers == Visibility::Forum;
    let parties: Vec<_> = endorsements.iter().map(|word| word.actor_id).collect();
    let actors = actors::by_ids(&parties, &w.tx).await?;
    let parties = parties.iter().filter_map(|id| actors.get(id)).filter(|actor| shown(actor.fields.visibility));
    Ok(PublishedNames {
        forum: known.then(|| PublishedName { id: forum.id.uuid(), name: forum.fields.name }),
        area: areas::find(assessment.fields.area_id, &w.tx).await?.into(),
        parties: parties.map(|actor| PublishedName { id: actor.id.uuid(), name: actor.fields.name.clone() }).collect(),
    })
}

/// Freezes an assessment with all that belongs to it.
///
/// # Errors
/// When the database does not answer.
pub async fn freeze(assessment: &Assessment, w: &Write<'_>) -> Result<()> {
    let findings = findings::of_assessment(assessment.id, &w.tx).await?;
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    let endorsements = endorsements::of_assessment(assessment.id, &w.tx).await?;
    let content = RevisionContent {
        assessment: assessment.clone(),
        evidence: findings::evidence_of(&ids, &w.tx).await?,
        findings,
        causes: causes::of_assessment(assessment.id, &w.tx).await?,
        names: names(assessment, &endorsements, w).await?,
        endorsements,
    };
    let content = hash::frozen(hash::FORM, &serde_json::to_value(&content)?)?;
    let before = table::Entity::find().filter(table::Column::AssessmentId.eq(assessment.id)).count(&w.tx).await?;
    let number = i32::try_from(before + 1).unwrap_or(i32::MAX);
    let id: RevisionId = w.new_id();
    let row = table::ActiveModel {
        id: Set(id),
        assessment_id: Set(assessment.id),
        number: Set(number),
        digest: Set(hash::sha256_hex(content.as_bytes())),
        content: Set(content),
        published_at: Set(w.now),
        published_by_name: Set(w.call.user_name.clone()),
        visibility: Set(assessment.fields.visibility),
        form: Set(hash::FORM),
    };
    table::Entity::insert(row).exec_without_returning(&w.tx).await?;
    record(assessment, "revision", id.uuid(), ChangeOperation::Upsert, number.into(), w);
    Ok(())
}

//! All SQL of decisions. A round has one decision, with a visibility of its own. Each caller sees only those chosen interventions
//! that it may see.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{Decision, DecisionId, DecisionStatus, FormerDecision, NewDecision, RECORD, rules, table, types::DecisionFilter};
use crate::{
    access::Sight,
    forums::forums::store as forums,
    interventions::interventions::store as interventions,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write, lifecycle::Lifecycle, page::Key, problem::Kind, request::Call, saved::Saved, say,
    },
    rounds::{Round, rules::Operation, store as rounds},
};

fn view(row: table::Model) -> Decision {
    Decision {
        id: row.id,
        version: row.version,
        fields: NewDecision {
            round_id: row.round_id,
            chosen: row.chosen.0,
            reason: row.reason,
            decided_on: row.decided_on,
            visibility: row.visibility,
        },
        departs: row.departs,
        status: row.status,
        former: row.former.0,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn find_visible(sight: &Sight) -> Select<table::Entity> {
    // The owning forum is the round's.
    let forum = Query::select()
        .column("forum_id")
        .from("round")
        .and_where(Expr::col(("round", "id")).equals((table::Entity, table::Column::RoundId)))
        .take();
    let forum = Expr::SubQuery(None, Box::new(forum.into()));
    table::Entity::find().filter(sight.rows(table::Column::Visibility, Some(forum), None))
}

async fn hide_interventions(sight: &Sight, decisions: &mut [Decision], db: &impl ConnectionTrait) -> Result<()> {
    let chosen = |decision: &Decision| {
        let former: Vec<_> = decision.former.iter().flat_map(|former| former.chosen.iter().copied()).collect();
        decision.fields.chosen.iter().copied().chain(former).collect::<Vec<_>>()
    };
    let all: Vec<_> = decisions.iter().flat_map(chosen).collect();
    let visible: Vec<_> = interventions::visible(sight, &all, db).await?.into_iter().map(|intervention| intervention.id).collect();
    for decision in decisions {
        decision.fields.chosen.retain(|chosen| visible.contains(chosen));
        for former in &mut decision.former {
            former.chosen.retain(|chosen| visible.contains(chosen));
        }
    }
    Ok(())
}

pub(super) async fn list(sight: &Sight, filter: &DecisionFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Decision>> {
    let select = find_visible(sight).apply_if(filter.round_id, |select, round| select.filter(table::Column::RoundId.eq(round)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    let mut page = paging.fetch(select, keys, call, db).await?.map(view);
    hide_interventions(sight, &mut page.items, db.reader()).await?;
    Ok(page)
}

/// One decision that `sight` may see.
///
/// # Errors
/// When there is none (404).
pub async fn find(sight: &Sight, id: DecisionId, db: &impl ConnectionTrait) -> Result<Decision> {
    let mut found: Vec<_> = find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.map(view).into_iter().collect();
    hide_interventions(sight, &mut found, db).await?;
    found.pop().ok_or_else(Problem::not_found)
}

/// The decisions with these ids that `sight` may see, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn visible(sight: &Sight, ids: &[DecisionId], db: &impl ConnectionTrait) -> Result<Vec<Decision>> {
    let select = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).order_by_asc(table::Column::Id);
    let mut found: Vec<_> = select.all(db).await?.into_iter().map(view).collect();
    hide_interventions(sight, &mut found, db).await?;
    Ok(found)
}

/// Turns the 404 of a round into a fault of the body that names the round (422).
pub(super) fn round_fault(problem: Problem) -> Problem {
    match problem.kind {
        Kind::NotFound => Problem::fault("/roundId", "not-found", say!("Prioriteringen finns inte.", "The round does not exist.")),
        _ => problem,
    }
}

/// Checks that the caller sees all chosen interventions, because a correction would drop the hidden ones.
///
/// # Errors
/// When some are hidden (409).
pub(super) async fn require_all_visible(decision: &Decision, w: &Write<'_>) -> Result<()> {
    let whole = find(&Sight::of_installation(), decision.id, &w.tx).await?;
    if whole.fields.chosen == decision.fields.chosen {
        return Ok(());
    }
    Err(Problem::conflict(say!(
        "Något av det som valdes syns inte för dig, så beslutet kan inte rättas av dig. Be den som leder forumet.",
        "Some of what was chosen cannot be seen by you, so you cannot correct the decision. Ask who leads the forum."
    )))
}

/// Checks a decision against its round. Returns whether it departs from the joint ranking.
fn departs(round: &Round, new: &NewDecision) -> Result<bool> {
    let mut faults: Vec<Fault> = forums::visibility_fault(new.visibility).into_iter().collect();
    for (at, chosen) in new.chosen.iter().enumerate() {
        if !round.fields.candidates.contains(chosen) {
            faults.push(Fault::at_pointer(
                format!("/chosen/{at}"),
                "not-found",
                say!("Insatsen är inte med i prioriteringen.", "The intervention is not in the round."),
            ));
        }
        if new.chosen[..at].contains(chosen) {
            faults.push(Fault::at_pointer(
                format!("/chosen/{at}"),
                "repeated",
                say!("Samma insats står två gånger.", "The same intervention stands twice."),
            ));
        }
    }
    // A round without a ranking gives no support for the choice, so the reason is required.
    let departs = !rounds::ranking(round).starts_with(&new.chosen);
    if departs && new.reason.is_none() {
        faults.push(Fault::at_pointer(
            "/reason",
            "required",
            say!(
                "Beslutet följer inte den gemensamma rangordningens början; ange skälet.",
                "The decision does not follow the beginning of the joint ranking; give the reason."
            ),
        ));
    }
    if faults.is_empty() { Ok(departs) } else { Err(Problem::invalid(faults)) }
}

/// Records the decision of a round.
///
/// # Errors
/// When the round is not closed (409), or with all faults of the decision (422).
pub async fn insert(round: &Round, new: NewDecision, w: &Write<'_>) -> Result<Decision> {
    rounds::require(Operation::Decide, round)?;
    let departs = departs(round, &new)?;
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        round_id: Set(round.id),
        chosen: Set(new.chosen.into()),
        departs: Set(departs),
        reason: Set(new.reason),
        decided_on: Set(new.decided_on),
        visibility: Set(new.visibility),
        status: Set(DecisionStatus::Recorded),
        former: Set(Vec::new().into()),
    };
    let decision = view(row.insert(&w.tx).await?);
    rounds::step(round, Operation::Decide, w).await?;
    publish(round, &decision, None, w).await?;
    Ok(decision)
}

/// Corrects a decision, and keeps its earlier content.
///
/// # Errors
/// With all faults of the decision (422).
pub(super) async fn correct(round: &Round, before: &Decision, new: NewDecision, w: &Write<'_>) -> Result<Decision> {
    if new.round_id != before.fields.round_id {
        return Err(Problem::fault(
            "/roundId",
            "immutable",
            say!("Ett beslut kan inte flyttas till en annan prioritering.", "A decision cannot move to another round."),
        ));
    }
    let departs = departs(round, &new)?;
    let whole = find(&Sight::of_installation(), before.id, &w.tx).await?;
    let NewDecision { chosen, reason, decided_on, .. } = whole.fields.clone();
    let was =
        FormerDecision { id: whole.id, version: whole.version, chosen, reason, decided_on, departs: whole.departs, corrected_at: w.now };
    let row = table::ActiveModel {
        version: Set(whole.version + 1),
        updated_at: Set(w.now),
        chosen: Set(new.chosen.into()),
        departs: Set(departs),
        reason: Set(new.reason),
        decided_on: Set(new.decided_on),
        visibility: Set(new.visibility),
        status: Set(rules::Life::next_state(&whole.status, rules::Operation::Correct)?.unwrap_or(whole.status)),
        former: Set([was].into_iter().chain(whole.former).collect::<Vec<_>>().into()),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(whole.id), table::Column::Version, whole.version).await?;
    let decision = find(&Sight::of_installation(), whole.id, &w.tx).await?;
    publish(round, &decision, Some(before), w).await?;
    Ok(decision)
}

async fn publish(round: &Round, decision: &Decision, before: Option<&Decision>, w: &Write<'_>) -> Result<()> {
    let visible = |decision: &Decision| decision.fields.visibility.of(Some(round.fields.forum_id.uuid()), None);
    let areas = forums::areas_of(round.fields.forum_id, &w.tx).await?;
    let saved = Saved::new(&RECORD, decision.id, decision.version, visible(decision)).in_areas(areas);
    w.publish(saved.visible_before(before.map(visible))).await
}

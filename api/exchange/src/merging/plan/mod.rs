//! Works out the effects of a merge. The preview shows them, and the merge carries out exactly the same plan.

use std::collections::{BTreeSet, HashMap};

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    AccessGain, MergeCount, MergeMember, MergeOutcome, MergePreview, MergeRecord, MergedHow,
    references::{
        FOLLOWING, SeenBy,
        store::{self as references, Referring},
    },
    rules,
};
use crate::{
    access::{
        Caller, Reach, Sight, Visibility,
        grants::{Grant, NewGrant, Scope, ScopeKind, store as grants},
        policy::Permission,
    },
    forums::forums::store as forums,
    kernel::{Fault, Problem, Result, Write, problem::Kind, say, secrecy::Secrecy},
    merging::store::below::is_in_use,
    registry::actors::{Actor, ActorId, NewActor, store as actors, tombstones},
    sources::rules as members,
};

/// The caller who merges, where the caller may merge, and what is hidden from the caller.
#[derive(Clone, Copy, Debug)]
pub struct Merger<'a> {
    pub caller: &'a Caller,
    pub reach: &'a Reach,
    pub secrecy: Option<&'a Secrecy>,
}

/// Where in the request the caller has named the survivor. Faults point there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurvivorNamed {
    InQuery,
    InBody,
}

/// The effects of a merge.
#[derive(Clone, Debug)]
pub struct Plan {
    pub merged: Actor,
    pub survivor: Actor,
    /// The survivor after the merge.
    pub becomes: NewActor,
    pub members: Vec<MergeMember>,
    pub follow: Vec<Referring>,
    pub stay: Vec<Referring>,
    /// Records that the caller may not move.
    out_of_reach: BTreeSet<Uuid>,
    access: Vec<AccessGain>,
    /// An actor below the merged one, with the survivor below it. It takes the merged actor's place below the merged
    /// actor's parent.
    pub steps_up: Option<ActorId>,
}

impl Plan {
    /// Returns the actor that a record refers to after the merge.
    #[must_use]
    pub fn target(&self, row: &Referring) -> Option<Uuid> {
        if row.reference.seen == SeenBy::Actor && self.steps_up.is_some_and(|child| child.uuid() == row.id) {
            self.merged.fields.parent_id.map(ActorId::uuid)
        } else {
            Some(self.survivor.id.uuid())
        }
    }

    /// Returns the numbers of records by kind.
    #[must_use]
    pub fn counts(&self) -> Vec<MergeCount> {
        let mut counts = Vec::new();
        for reference in FOLLOWING.iter() {
            let ids_of = |rows: &[Referring]| rows.iter().filter(|row| row.reference == reference).map(|row| row.id).collect::<Vec<_>>();
            let (follow, stay) = (ids_of(&self.follow), ids_of(&self.stay));
            let out_of_reach = follow.iter().filter(|id| self.out_of_reach.contains(id)).count();
            let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            if !follow.is_empty() || !stay.is_empty() {
                counts.push(MergeCount {
                    kind: reference.kind.to_owned(),
                    moves: number(follow.len() - out_of_reach),
                    stays: number(stay.len()),
                    out_of_reach: number(out_of_reach),
                });
            }
        }
        // Grants for actors above do not move, but would reach further.
        let known: BTreeSet<_> = self.follow.iter().map(|row| row.id).collect();
        let further = self.out_of_reach.difference(&known).count();
        if further > 0 {
            let number = i64::try_from(further).unwrap_or(i64::MAX);
            match counts.iter_mut().find(|count| count.kind == "grant") {
                Some(count) => count.out_of_reach += number,
                None => counts.push(MergeCount { kind: "grant".to_owned(), out_of_reach: number, ..MergeCount::default() }),
            }
        }
        counts
    }

    /// Returns the records that stay with the merged actor.
    #[must_use]
    pub fn stayed_records(&self) -> Vec<MergeRecord> {
        self.stay.iter().map(|row| merge_record(row, MergeOutcome::Stays)).collect()
    }

    /// Checks that the caller may move all records of the plan.
    ///
    /// # Errors
    /// When a record is out of the caller's reach (403).
    pub fn require_allowed(&self, by: &Merger<'_>) -> Result<()> {
        let count = self.out_of_reach.len();
        if count == 0 {
            return Ok(());
        }
        Err(by.reach.missing().detail(say!(
"{count} uppgifter skulle följa med som du inte har rätt att flytta, till exempel medlemskap i forum utanför ditt område eller behörigheter som du inte själv kan ge. Förhandsvisningen visar vilka sorter. Be någon som samordnar även där eller arbetar för båda aktörerna, eller den som driver tjänsten.",
"{count} records would follow that you may not move, such as memberships of forums outside your area or grants that you could not give yourself. The preview shows of which kinds. Ask somebody who coordinates there too or works for both actors, or who runs the service."
)))
    }

    /// Returns the preview, with only those records that the caller may see.
    #[must_use]
    pub fn preview(self, by: &Merger<'_>) -> MergePreview {
        let sees = |row: &&Referring| {
            let reached = row.reference.kind != "grant" || !self.out_of_reach.contains(&row.id);
            reached && can_see(by.caller, row, Some(self.merged.id.uuid()))
        };
        let mut records: Vec<_> = self
            .follow
            .iter()
            .filter(sees)
            .map(|row| merge_record(row, if self.out_of_reach.contains(&row.id) { MergeOutcome::OutOfReach } else { MergeOutcome::Moves }))
            .collect();
        records.extend(self.stay.iter().filter(sees).map(|row| merge_record(row, MergeOutcome::Stays)));
        MergePreview {
            merged_actor_id: self.merged.id,
            members: self.members.clone(),
            counts: self.counts(),
            records,
            access: self.access.clone(),
            allowed: self.out_of_reach.is_empty(),
            survivor: Actor { fields: self.becomes, ..self.survivor },
        }
    }
}

/// Returns whether the caller may see a record when it refers to this actor.
#[must_use]
pub fn can_see(caller: &Caller, row: &Referring, actor: Option<Uuid>) -> bool {
    let visible = row.visible(actor);
    match row.reference.kind {
        "grant" => caller.reach(Permission::ReadGrants).is_ok(),
        _ if row.reference.seen == SeenBy::Nobody => caller.sight.all,
        _ => caller.sight.sees(Visibility::named(visible.visibility.as_deref().unwrap_or("public")), visible.forum, visible.actor),
    }
}

fn merge_record(row: &Referring, outcome: MergeOutcome) -> MergeRecord {
    MergeRecord { kind: row.reference.kind.to_owned(), id: row.id, outcome }
}

/// Makes the plan of a merge. The caller must be able to write both actors.
///
/// # Errors
/// When the caller may not write one of the actors (403), when the merged actor does not exist (404) or has already been
/// merged (410), when `into` names no such actor (400 for a query, 422 for a body), or when both are the same (409).
pub async fn make_plan(by: &Merger<'_>, id: ActorId, into: ActorId, named: SurvivorNamed, db: &impl ConnectionTrait) -> Result<Plan> {
    let (merged, survivor) = find_both(by, id, into, named, db).await?;
    build_plan(by, merged, survivor, false, db).await
}

/// Makes the plan with all concerned rows locked until the end of the transaction, to carry it out.
///
/// # Errors
/// As [`make_plan`].
pub async fn make_locked_plan(by: &Merger<'_>, id: ActorId, into: ActorId, w: &Write<'_>) -> Result<Plan> {
    // A caller without the right is refused before waiting for locks.
    let (merged, survivor) = find_both(by, id, into, SurvivorNamed::InBody, &w.tx).await?;
    let mut concerned = vec![merged.id, survivor.id];
    concerned.extend(tombstones::ancestors(merged.fields.parent_id, &w.tx).await?);
    concerned.extend(tombstones::ancestors(survivor.fields.parent_id, &w.tx).await?);
    actors::lock(&concerned, w).await?;
    let (merged, survivor) = find_both(by, id, into, SurvivorNamed::InBody, &w.tx).await?;
    build_plan(by, merged, survivor, true, &w.tx).await
}

async fn find_both(by: &Merger<'_>, id: ActorId, into: ActorId, named: SurvivorNamed, db: &impl ConnectionTrait) -> Result<(Actor, Actor)> {
    let sight = &by.caller.sight;
    let merged = actors::find_unless_merged(sight, id, db).await?;
    actors::may_write(by.reach, &merged.fields, Some(id), db).await?;
    let refused = |code: &'static str, detail| match named {
        SurvivorNamed::InQuery => Problem::parameters(vec![Fault::of_parameter("into", code, detail)]),
        SurvivorNamed::InBody => Problem::fault("/into", code, detail),
    };
    let survivor = actors::find_unless_merged(sight, into, db).await.map_err(|problem| match problem {
        Problem { merged_into: Some(into), .. } => refused(
            "merged",
            say!("Aktören har gått upp i en annan. Ange {into} i stället.", "The actor has become part of another. Give {into} instead."),
        ),
        Problem { kind: Kind::NotFound, .. } => {
            refused("not-found", say!("Aktören i into finns inte.", "The actor in into does not exist."))
        }
        other => other,
    })?;
    actors::may_write(by.reach, &survivor.fields, Some(into), db).await?;
    if id == into {
        return Err(Problem::conflict(say!(
            "En aktör kan inte slås ihop med sig själv. Ange den andra i into.",
            "An actor cannot be merged with itself. Give the other in into."
        )));
    }
    Ok((merged, survivor))
}

/// Returns whether a secrecy mark hides a member. A mark on the name also hides the former names.
fn hides(marked: &str, member: &str) -> bool {
    marked.is_empty() || marked == member || (marked == "name" && member == "formerNames")
}

/// Returns the members that are hidden from the caller in either actor. A merge puts the name of one actor among the other
/// names of the other, so when one of these members is hidden, both are.
#[must_use]
pub fn hidden_members(actors: [ActorId; 2], secrecy: Option<&Secrecy>) -> BTreeSet<String> {
    let mut hidden: BTreeSet<String> = actors.into_iter().flat_map(|actor| members::hidden_members(actor, secrecy)).collect();
    let names = ["name", "otherNames"];
    if names.iter().any(|name| hidden.contains(*name)) {
        hidden.extend(names.map(ToOwned::to_owned));
    }
    hidden
}

async fn build_plan(by: &Merger<'_>, merged: Actor, survivor: Actor, locked: bool, db: &impl ConnectionTrait) -> Result<Plan> {
    let marked = references::marked_members(merged.id.uuid(), db).await?;
    let narrower = rules::breadth(merged.fields.visibility) < rules::breadth(survivor.fields.visibility);
    let hidden = hidden_members([merged.id, survivor.id], by.secrecy);
    let withheld = |member: &str| narrower || hidden.contains(member) || marked.iter().any(|known| hides(known, member));
    let (mut becomes, mut members) = rules::unite_actors(&survivor.fields, &merged.fields, withheld)?;
    becomes.areas_served.sort_unstable();
    let above = tombstones::ancestors(survivor.fields.parent_id, db).await?;
    if let Some(how) = set_parent(by, &merged, &survivor, &above, withheld("parentId"), &mut becomes, db).await? {
        members.push(MergeMember { member: "parentId".to_owned(), how });
        members.sort_by(|a, b| a.member.cmp(&b.member));
    }
    rules::conceal(&mut members, &hidden);
    let steps_up = above.iter().position(|id| *id == merged.id).and_then(|at| above.get(at.checked_sub(1)?)).copied();
    let mut rows = references::find_referring(merged.id.uuid(), locked, db).await?;
    // The survivor's own parent is part of its new fields and is not moved as a reference.
    rows.retain(|row| row.reference.seen != SeenBy::Actor || row.id != survivor.id.uuid());
    let taken = references::find_conflicting(merged.id.uuid(), survivor.id.uuid(), steps_up.map(ActorId::uuid), db).await?;
    let (stay, follow): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| taken.contains(&row.id));
    let mut out_of_reach = find_out_of_reach(by.reach, &follow, db).await?;
    let joins = becomes.parent_id != survivor.fields.parent_id;
    let access = find_access_gains(by, &merged, &survivor, joins, &mut out_of_reach, db).await?;
    Ok(Plan { merged, survivor, becomes, members, follow, stay, out_of_reach, access, steps_up })
}

/// Decides the survivor's parent after the merge, and returns what happens to the merged actor's parent. The survivor keeps
/// its parent; when it has none it gets the merged actor's; when its parent is the merged actor it gets that one's parent.
/// No actor becomes part of itself.
async fn set_parent(
    by: &Merger<'_>,
    merged: &Actor,
    survivor: &Actor,
    above: &[ActorId],
    withheld: bool,
    becomes: &mut NewActor,
    db: &impl ConnectionTrait,
) -> Result<Option<MergedHow>> {
    let Some(parent) = merged.fields.parent_id else {
        if above.first() == Some(&merged.id) {
            becomes.parent_id = None;
        }
        return Ok(None);
    };
    if above.first() == Some(&merged.id) {
        becomes.parent_id = Some(parent);
        return Ok(Some(MergedHow::Filled));
    }
    if survivor.fields.parent_id.is_some() {
        return Ok((survivor.fields.parent_id != Some(parent)).then_some(MergedHow::Kept));
    }
    if parent == survivor.id || tombstones::ancestors(Some(parent), db).await?.contains(&survivor.id) {
        return Ok(None);
    }
    let joined = NewActor { parent_id: Some(parent), ..survivor.fields.clone() };
    if withheld || actors::may_set_parent(&by.caller.sight, by.reach, Some(survivor), &joined, db).await.is_err() {
        return Ok(Some(MergedHow::Withheld));
    }
    becomes.parent_id = Some(parent);
    Ok(Some(MergedHow::Filled))
}

/// Returns those of these records that the caller may not move to another actor. A record of a forum requires the right to
/// write the forum, and an actor requires the right to write it. Other records need no further right here, because the
/// caller may write their actor.
///
/// # Errors
/// When the database does not answer.
pub async fn find_out_of_reach(reach: &Reach, rows: &[Referring], db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>> {
    let mut unreached = BTreeSet::new();
    if reach.everywhere {
        return Ok(unreached);
    }
    let all = Sight::of_installation();
    let mut known: HashMap<Uuid, bool> = HashMap::new();
    for row in rows {
        let owner = match (row.reference.seen, row.forum) {
            (SeenBy::Actor, _) => row.id,
            (SeenBy::OfWhole(..), Some(forum)) => forum,
            _ => continue,
        };
        let reached = if let Some(reached) = known.get(&owner) {
            *reached
        } else {
            let outcome = if row.reference.seen == SeenBy::Actor {
                let (child, ..) = tombstones::find(owner.into(), db).await?;
                actors::may_write(reach, &child.fields, Some(child.id), db).await
            } else {
                match forums::find(&all, owner.into(), db).await {
                    Ok(forum) => forums::may_write(reach, &forum.fields, None, db).await,
                    refused => refused.map(drop),
                }
            };
            let reached = match outcome {
                Err(problem) if problem.kind.status() >= 500 => return Err(problem),
                outcome => outcome.is_ok(),
            };
            known.insert(owner, reached);
            reached
        };
        if !reached {
            unreached.insert(row.id);
        }
    }
    Ok(unreached)
}

/// Returns the grants that would reach further: those for either actor, which would apply to the other one too, and those
/// for an actor above only one of them. Each is checked as if it were a new grant for the other actor, and grants that the
/// caller could not give are added to `out_of_reach`.
///
/// There is one exception: when the other actor is not in use (see [`is_in_use`]), such as an actor that was registered
/// twice, a caller who coordinates there may let the grants reach it. An actor that its people have left counts as in use
/// while records of their own remain.
async fn find_access_gains(
    by: &Merger<'_>,
    merged: &Actor,
    survivor: &Actor,
    joins: bool,
    out_of_reach: &mut BTreeSet<Uuid>,
    db: &impl ConnectionTrait,
) -> Result<Vec<AccessGain>> {
    let line = async |actor: &Actor, above: bool| {
        let mut line: Vec<Uuid> = vec![actor.id.uuid()];
        if above {
            line.extend(tombstones::ancestors(actor.fields.parent_id, db).await?.into_iter().map(ActorId::uuid));
        }
        Ok::<_, Problem>(line)
    };
    let of_survivor = line(survivor, true).await?;
    let of_merged = line(merged, true).await?;
    let mut gains: Vec<AccessGain> = Vec::new();
    for (from, over, at, line) in [(merged, survivor, &of_merged, &of_survivor), (survivor, merged, &of_survivor, &of_merged)] {
        let beyond: Vec<Uuid> = at.iter().copied().filter(|id| !line.contains(id)).collect();
        // People of the actors above the merged one reach the survivor only when the survivor comes to lie below them.
        let beyond =
            if from.id == merged.id && !joins { beyond.into_iter().filter(|id| *id == merged.id.uuid()).collect() } else { beyond };
        let gaining = grants::list_for_actors(&beyond, db).await?;
        if gaining.is_empty() {
            continue;
        }
        // What lies below the moving actor comes along. What lies below the other one was within its reach already.
        let in_use = !grants::list_for_actors(line, db).await?.is_empty() || is_in_use(over.id, Some(from.id), db).await?;
        for grant in gaining {
            let new = grant_for(&grant, over.id);
            if !may_extend_grant(by.caller, &new, in_use, db).await? {
                out_of_reach.insert(grant.id.uuid());
            }
            match gains.iter_mut().find(|gain| gain.role == new.role && gain.over == over.id) {
                Some(gain) => gain.grants += 1,
                None => gains.push(AccessGain { role: new.role, at: from.id, over: over.id, grants: 1 }),
            }
        }
    }
    Ok(gains)
}

/// Returns a grant as if it were given for another actor.
fn grant_for(grant: &Grant, over: ActorId) -> NewGrant {
    NewGrant { scope: Scope { kind: ScopeKind::Actor, id: Some(over.uuid()) }, ..grant.fields.clone() }
}

/// Returns whether the caller may let a grant reach further. When the actor is not in use (`in_use` is false), a caller who
/// coordinates there may, but not for a grant of their own.
async fn may_extend_grant(caller: &Caller, new: &NewGrant, in_use: bool, db: &impl ConnectionTrait) -> Result<bool> {
    let Ok(reach) = caller.reach(Permission::WriteGrants) else { return Ok(false) };
    let checked = if in_use || caller.user == Some(new.user_id.uuid()) {
        grants::may_grant(caller, &reach, new, db).await
    } else {
        grants::may_remove_grant(caller, &reach, new, db).await
    };
    match checked {
        Err(problem) if problem.kind.status() >= 500 => Err(problem),
        outcome => Ok(outcome.is_ok()),
    }
}

/// Returns whether the caller may move an actor from below the actors `now` to below the actors `then`: the caller must be
/// able to give all grants that would newly reach the actor.
///
/// # Errors
/// When the database does not answer.
pub async fn may_move_below(
    caller: &Caller,
    actor: ActorId,
    now: &[ActorId],
    then: &[ActorId],
    in_use: bool,
    db: &impl ConnectionTrait,
) -> Result<bool> {
    let beyond: Vec<Uuid> = then.iter().copied().filter(|id| !now.contains(id)).map(ActorId::uuid).collect();
    let gaining = grants::list_for_actors(&beyond, db).await?;
    if gaining.is_empty() {
        return Ok(true);
    }
    let now: Vec<Uuid> = now.iter().copied().map(ActorId::uuid).collect();
    let held: Vec<NewGrant> = grants::list_for_actors(&now, db).await?.iter().map(|grant| grant_for(grant, actor)).collect();
    let gaining: Vec<NewGrant> = gaining.iter().map(|grant| grant_for(grant, actor)).filter(|new| !held.contains(new)).collect();
    for new in &gaining {
        if !may_extend_grant(caller, new, in_use, db).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

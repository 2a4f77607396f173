//! What a merge would do. The preview shows it, and the merge carries the very same out.

use std::collections::{BTreeSet, HashMap};

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    AccessGain, MergeCount, MergeMember, MergeOutcome, MergePreview, MergeRecord, MergedHow,
    references::{
        FOLLOWING, Seen,
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
    exchange::{merging::store::below::is_somebodys, sources::rules as members},
    forums::forums::store as forums,
    kernel::{Fault, Problem, Result, Write, problem::Kind, say, secrecy::Secrecy},
    registry::actors::{Actor, ActorId, NewActor, store as actors, tombstones},
};

/// Who merges, and what is hidden from them.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    pub caller: &'a Caller,
    pub reach: &'a Reach,
    pub secrecy: Option<&'a Secrecy>,
}

/// Where the caller has named the survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    InQuery,
    InBody,
}

/// What a merge would do.
#[derive(Clone, Debug)]
pub struct Plan {
    pub merged: Actor,
    pub survivor: Actor,
    /// What the survivor becomes.
    pub becomes: NewActor,
    pub members: Vec<MergeMember>,
    pub follow: Vec<Referring>,
    pub stay: Vec<Referring>,
    /// Records that the caller may not let follow.
    out_of_reach: BTreeSet<Uuid>,
    access: Vec<AccessGain>,
    /// The part of the merged actor that the survivor itself lies below: it takes the merged one's place.
    pub steps_up: Option<ActorId>,
}

impl Plan {
    /// The actor that a record names afterwards.
    #[must_use]
    pub fn target(&self, row: &Referring) -> Option<Uuid> {
        if row.reference.seen == Seen::Actor && self.steps_up.is_some_and(|child| child.uuid() == row.id) {
            self.merged.fields.parent_id.map(ActorId::uuid)
        } else {
            Some(self.survivor.id.uuid())
        }
    }

    /// How many records of each kind.
    #[must_use]
    pub fn counts(&self) -> Vec<MergeCount> {
        let mut counts = Vec::new();
        for reference in FOLLOWING.iter() {
            let of = |rows: &[Referring]| rows.iter().filter(|row| row.reference == reference).map(|row| row.id).collect::<Vec<_>>();
            let (follow, stay) = (of(&self.follow), of(&self.stay));
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
        // Grants that do not move, but would reach further.
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

    /// The records that stay.
    #[must_use]
    pub fn stays(&self) -> Vec<MergeRecord> {
        self.stay.iter().map(|row| record(row, MergeOutcome::Stays)).collect()
    }

    /// Refuses what the caller may not let follow.
    ///
    /// # Errors
    /// When there is something.
    pub fn permitted(&self, who: &Who<'_>) -> Result<()> {
        let count = self.out_of_reach.len();
        if count == 0 {
            return Ok(());
        }
        Err(who.reach.missing().detail(say!(
            "{count} uppgifter skulle följa med som du inte har rätt att flytta, till exempel medlemskap i forum utanför ditt område eller behörigheter som du inte själv kan ge. Förhandsvisningen visar vilka sorter. Be någon som samordnar även där eller arbetar för båda aktörerna, eller den som driver tjänsten.",
            "{count} records would follow that you may not move, such as memberships of forums outside your area or grants that you could not give yourself. The preview shows of which kinds. Ask somebody who coordinates there too or works for both actors, or who runs the service."
        )))
    }

    /// What is shown of it beforehand.
    #[must_use]
    pub fn preview(self, who: &Who<'_>) -> MergePreview {
        let sees = |row: &&Referring| {
            let reached = row.reference.kind != "grant" || !self.out_of_reach.contains(&row.id);
            reached && sees(who.caller, row, Some(self.merged.id.uuid()))
        };
        let mut records: Vec<_> = self
            .follow
            .iter()
            .filter(sees)
            .map(|row| record(row, if self.out_of_reach.contains(&row.id) { MergeOutcome::OutOfReach } else { MergeOutcome::Moves }))
            .collect();
        records.extend(self.stay.iter().filter(sees).map(|row| record(row, MergeOutcome::Stays)));
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

/// Whether somebody sees a record when it is this actor's.
#[must_use]
pub fn sees(caller: &Caller, row: &Referring, actor: Option<Uuid>) -> bool {
    let visible = row.visible(actor);
    match row.reference.kind {
        "grant" => caller.reach(Permission::ReadGrants).is_ok(),
        _ if row.reference.seen == Seen::Nobody => caller.sight.all,
        _ => caller.sight.sees(Visibility::named(visible.visibility.as_deref().unwrap_or("public")), visible.forum, visible.actor),
    }
}

fn record(row: &Referring, outcome: MergeOutcome) -> MergeRecord {
    MergeRecord { kind: row.reference.kind.to_owned(), id: row.id, outcome }
}

/// Works out what a merge would do, for somebody who may write both actors.
///
/// # Errors
/// When the caller may not, one of them is not there, or they are the same.
pub async fn draw(who: &Who<'_>, id: ActorId, into: ActorId, named: Named, db: &impl ConnectionTrait) -> Result<Plan> {
    let (merged, survivor) = parties(who, id, into, named, db).await?;
    plan(who, merged, survivor, false, db).await
}

/// The same with all that is concerned locked until the transaction ends, to carry it out.
///
/// # Errors
/// As [`draw`].
pub async fn draw_locked(who: &Who<'_>, id: ActorId, into: ActorId, w: &Write<'_>) -> Result<Plan> {
    // Who may not is told so before anybody has to wait.
    let (merged, survivor) = parties(who, id, into, Named::InBody, &w.tx).await?;
    let mut concerned = vec![merged.id, survivor.id];
    concerned.extend(tombstones::above(merged.fields.parent_id, &w.tx).await?);
    concerned.extend(tombstones::above(survivor.fields.parent_id, &w.tx).await?);
    tombstones::lock(&concerned, w).await?;
    let (merged, survivor) = parties(who, id, into, Named::InBody, &w.tx).await?;
    plan(who, merged, survivor, true, &w.tx).await
}

async fn parties(who: &Who<'_>, id: ActorId, into: ActorId, named: Named, db: &impl ConnectionTrait) -> Result<(Actor, Actor)> {
    let sight = &who.caller.sight;
    let merged = actors::find_or_told(sight, id, db).await?;
    actors::may_write(who.reach, &merged.fields, Some(id), db).await?;
    let refused = |code: &'static str, detail| match named {
        Named::InQuery => Problem::parameters(vec![Fault::of_parameter("into", code, detail)]),
        Named::InBody => Problem::fault("/into", code, detail),
    };
    let survivor = actors::find_or_told(sight, into, db).await.map_err(|problem| match problem {
        Problem { merged_into: Some(into), .. } => refused(
            "merged",
            say!("Aktören har gått upp i en annan. Ange {into} i stället.", "The actor has become part of another. Give {into} instead."),
        ),
        Problem { kind: Kind::NotFound, .. } => {
            refused("not-found", say!("Aktören i into finns inte.", "The actor in into does not exist."))
        }
        other => other,
    })?;
    actors::may_write(who.reach, &survivor.fields, Some(into), db).await?;
    if id == into {
        return Err(Problem::conflict(say!(
            "En aktör kan inte slås ihop med sig själv. Ange den andra i into.",
            "An actor cannot be merged with itself. Give the other in into."
        )));
    }
    Ok((merged, survivor))
}

/// Whether a mark hides a member. The names that an actor had before are its name too.
fn hides(marked: &str, member: &str) -> bool {
    marked.is_empty() || marked == member || (marked == "name" && member == "formerNames")
}

/// The members of either actor of which the caller is told nothing. The name of the one is kept among the other names of the
/// other, so these go together.
#[must_use]
pub fn hidden(actors: [ActorId; 2], secrecy: Option<&Secrecy>) -> BTreeSet<String> {
    let mut hidden: BTreeSet<String> = actors.into_iter().flat_map(|actor| members::hidden_members(actor, secrecy)).collect();
    let names = ["name", "otherNames"];
    if names.iter().any(|name| hidden.contains(*name)) {
        hidden.extend(names.map(ToOwned::to_owned));
    }
    hidden
}

async fn plan(who: &Who<'_>, merged: Actor, survivor: Actor, locked: bool, db: &impl ConnectionTrait) -> Result<Plan> {
    let marked = references::marked(merged.id.uuid(), db).await?;
    let narrower = rules::breadth(merged.fields.visibility) < rules::breadth(survivor.fields.visibility);
    let hidden = hidden([merged.id, survivor.id], who.secrecy);
    let withheld = |member: &str| narrower || hidden.contains(member) || marked.iter().any(|known| hides(known, member));
    let (mut becomes, mut members) = rules::united(&survivor.fields, &merged.fields, withheld)?;
    becomes.areas_served.sort_unstable();
    let above = tombstones::above(survivor.fields.parent_id, db).await?;
    if let Some(how) = place(who, &merged, &survivor, &above, withheld("parentId"), &mut becomes, db).await? {
        members.push(MergeMember { member: "parentId".to_owned(), how });
        members.sort_by(|a, b| a.member.cmp(&b.member));
    }
    rules::conceal(&mut members, &hidden);
    let steps_up = above.iter().position(|id| *id == merged.id).and_then(|at| above.get(at.checked_sub(1)?)).copied();
    let mut rows = references::of(merged.id.uuid(), locked, db).await?;
    // Its own place is part of what the survivor becomes.
    rows.retain(|row| row.reference.seen != Seen::Actor || row.id != survivor.id.uuid());
    let taken = references::taken(merged.id.uuid(), survivor.id.uuid(), steps_up.map(ActorId::uuid), db).await?;
    let (stay, follow): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| taken.contains(&row.id));
    let mut out_of_reach = unreached(who.reach, &follow, db).await?;
    let joins = becomes.parent_id != survivor.fields.parent_id;
    let access = gains(who, &merged, &survivor, joins, &mut out_of_reach, db).await?;
    Ok(Plan { merged, survivor, becomes, members, follow, stay, out_of_reach, access, steps_up })
}

/// Where the survivor belongs afterwards: it takes the place of the actor that was above it, or the merged one's if it has
/// none. Nothing becomes part of itself.
async fn place(
    who: &Who<'_>,
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
    if parent == survivor.id || tombstones::above(Some(parent), db).await?.contains(&survivor.id) {
        return Ok(None);
    }
    let joined = NewActor { parent_id: Some(parent), ..survivor.fields.clone() };
    if withheld || actors::may_join(&who.caller.sight, who.reach, Some(survivor), &joined, db).await.is_err() {
        return Ok(Some(MergedHow::Withheld));
    }
    becomes.parent_id = Some(parent);
    Ok(Some(MergedHow::Filled))
}

/// Of these records, those that the caller may not make another actor's: what is a forum's is for who may write the forum, and
/// an actor is for who may write it. What is the actor's own is for who may write that.
///
/// # Errors
/// When the database does not answer.
pub async fn unreached(reach: &Reach, rows: &[Referring], db: &impl ConnectionTrait) -> Result<BTreeSet<Uuid>> {
    let mut unreached = BTreeSet::new();
    if reach.everywhere {
        return Ok(unreached);
    }
    let all = Sight::of_installation();
    let mut known: HashMap<Uuid, bool> = HashMap::new();
    for row in rows {
        let owner = match (row.reference.seen, row.forum) {
            (Seen::Actor, _) => row.id,
            (Seen::Of(..), Some(forum)) => forum,
            _ => continue,
        };
        let reached = if let Some(reached) = known.get(&owner) {
            *reached
        } else {
            let outcome = if row.reference.seen == Seen::Actor {
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

/// Who would get rights: the people of each actor over the other, and those of what is above each where that is not above both.
/// It is as if each grant were given anew for the other actor, so whoever could not give it may not merge. Only over one that
/// is nobody's, nor any below it, such as one that was registered twice, do those who coordinate there let the people of the
/// other. That its people have gone, or what was above it, makes it nobody's only if they left nothing of their own.
async fn gains(
    who: &Who<'_>,
    merged: &Actor,
    survivor: &Actor,
    joins: bool,
    out_of_reach: &mut BTreeSet<Uuid>,
    db: &impl ConnectionTrait,
) -> Result<Vec<AccessGain>> {
    let line = async |actor: &Actor, above: bool| {
        let mut line: Vec<Uuid> = vec![actor.id.uuid()];
        if above {
            line.extend(tombstones::above(actor.fields.parent_id, db).await?.into_iter().map(ActorId::uuid));
        }
        Ok::<_, Problem>(line)
    };
    let of_survivor = line(survivor, true).await?;
    let of_merged = line(merged, true).await?;
    let mut gains: Vec<AccessGain> = Vec::new();
    for (from, over, at, line) in [(merged, survivor, &of_merged, &of_survivor), (survivor, merged, &of_survivor, &of_merged)] {
        let beyond: Vec<Uuid> = at.iter().copied().filter(|id| !line.contains(id)).collect();
        // Those above the merged one reach the survivor only if that comes to lie below them.
        let beyond =
            if from.id == merged.id && !joins { beyond.into_iter().filter(|id| *id == merged.id.uuid()).collect() } else { beyond };
        let gaining = grants::of_actors(&beyond, db).await?;
        if gaining.is_empty() {
            continue;
        }
        // What lies below the one comes along. What lies below the other already was within its reach.
        let theirs = !grants::of_actors(line, db).await?.is_empty() || is_somebodys(over.id, Some(from.id), db).await?;
        for grant in gaining {
            let new = anew(&grant, over.id);
            if !may_let(who.caller, &new, theirs, db).await? {
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

/// A grant as if it were given for another actor.
fn anew(grant: &Grant, over: ActorId) -> NewGrant {
    NewGrant { scope: Scope { kind: ScopeKind::Actor, id: Some(over.uuid()) }, ..grant.fields.clone() }
}

/// Whether the caller may let somebody's grant reach further. Over what is nobody's those who coordinate there may, but not for
/// themselves.
async fn may_let(caller: &Caller, new: &NewGrant, theirs: bool, db: &impl ConnectionTrait) -> Result<bool> {
    let Ok(reach) = caller.reach(Permission::WriteGrants) else { return Ok(false) };
    let checked = if theirs || caller.user == Some(new.user_id.uuid()) {
        grants::may_grant(caller, &reach, new, db).await
    } else {
        grants::may_take_back(caller, &reach, new, db).await
    };
    match checked {
        Err(problem) if problem.kind.status() >= 500 => Err(problem),
        outcome => Ok(outcome.is_ok()),
    }
}

/// Whether the caller may let an actor that lies below some come below others, as far as the people of those get rights over it
/// that they do not have.
///
/// # Errors
/// When the database does not answer.
pub async fn may_come_below(
    caller: &Caller,
    actor: ActorId,
    now: &[ActorId],
    then: &[ActorId],
    theirs: bool,
    db: &impl ConnectionTrait,
) -> Result<bool> {
    let beyond: Vec<Uuid> = then.iter().copied().filter(|id| !now.contains(id)).map(ActorId::uuid).collect();
    let gaining = grants::of_actors(&beyond, db).await?;
    if gaining.is_empty() {
        return Ok(true);
    }
    let now: Vec<Uuid> = now.iter().copied().map(ActorId::uuid).collect();
    let held: Vec<NewGrant> = grants::of_actors(&now, db).await?.iter().map(|grant| anew(grant, actor)).collect();
    let gaining: Vec<NewGrant> = gaining.iter().map(|grant| anew(grant, actor)).filter(|new| !held.contains(new)).collect();
    for new in &gaining {
        if !may_let(caller, new, theirs, db).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

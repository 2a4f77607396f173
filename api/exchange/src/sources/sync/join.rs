//! Links records whose id is the organisation number to the existing actors with that number.

use std::rc::Rc;

use super::{Changing, Fresh, Syncing, make_plan, members_of, write_changes};
use crate::{
    kernel::{Result, Write},
    links::{Link, Members, store as links},
    matches::{MatchDecision, rules::Likeness, store as matches, unite::unite_members},
    registry::actors::{Actor, ActorId, matching, store as actors},
    sources::{
        outcome::Outcome,
        rules::{Record, Unwritten, UnwrittenReason},
    },
};

impl Fresh {
    /// Returns the actor that the record certainly is: the only one with its number, when the number is the record's id.
    pub(super) fn certain_match(&self, like: &[Likeness]) -> Option<ActorId> {
        let mut owners = like.iter().filter(|like| like.same_identifier);
        let owner = owners.next().filter(|_| self.by_number && owners.next().is_none())?;
        Some(owner.actor_id)
    }
}

/// Links records to the actors with their numbers, when the caller may write those actors. Returns the other records, which
/// a person must decide. Present values count as curated by a person.
pub(super) async fn join(
    same: Vec<(Fresh, ActorId, Vec<Likeness>)>,
    outcomes: &mut [Option<Outcome>],
    by: &Syncing<'_>,
    w: &Write<'_>,
) -> Result<Vec<(Fresh, Vec<Likeness>)>> {
    let ids: Vec<ActorId> = same.iter().map(|(_, actor, _)| *actor).collect();
    let actors_by_id = matching::by_ids(&ids, &w.tx).await?;
    let taken = links::linked_actors(by.source.id, &ids, &w.tx).await?;
    let (mut joining, mut held) = (Vec::new(), Vec::new());
    for (one, id, like) in same {
        let Some(actor) = actors_by_id.get(&id).filter(|_| !taken.contains(&id)) else {
            held.push((one, like));
            continue;
        };
        match actors::may_write(by.reach, &actor.fields, Some(id), &w.tx).await {
            Ok(()) => joining.push(plan_joining(one, actor.clone(), by, w).await?),
            Err(problem) if problem.kind.status() < 500 => held.push((one, like)),
            Err(problem) => return Err(problem),
        }
    }
    write_changes(joining, outcomes, by, w).await?;
    Ok(held)
}

/// Plans the change for a record that is an actor which already exists. Lists are united.
async fn plan_joining(one: Fresh, actor: Actor, by: &Syncing<'_>, w: &Write<'_>) -> Result<Changing> {
    let mut given = one.given;
    given.retain(|member, _| !one.defaults.contains(member));
    if let Some(id) = one.link.as_ref().and_then(|link| link.match_id) {
        matches::close_automatically(id, MatchDecision::Same, &actor, by.source, w).await?;
    }
    let link = match one.link {
        Some(link) => {
            let members = Members { given: link.members.given, ..Members::default() };
            Link { actor_id: Some(actor.id), match_id: None, members, ..link }
        }
        None => Link {
            id: w.new_id(),
            version: 0,
            created_at: w.now,
            updated_at: w.now,
            source_id: by.source.id,
            external_id: one.external_id,
            actor_id: Some(actor.id),
            match_id: None,
            members: Members::default(),
            digest: String::new(),
            absent_since: None,
        },
    };
    let current = members_of(&actor.fields)?;
    let mut plan = make_plan(by.source, &given, &link, actor.id, &current, w.call.asked.secrecy.as_ref());
    let of_lists = |left: &&Unwritten| left.reason == UnwrittenReason::CuratedLocally && left.given.is_array();
    let lists: Vec<String> = plan.left_alone.iter().filter(of_lists).map(|left| left.member.clone()).collect();
    let lists: Record =
        given.iter().filter(|(member, _)| lists.contains(member)).map(|(member, list)| (member.clone(), list.clone())).collect();
    plan.write.extend(unite_members(&lists, &current, &[]));
    plan.left_alone.retain(|left| !lists.contains_key(&left.member));
    plan.wrote.extend(lists);
    Ok(Changing { at: one.at, digest: one.digest, link, actor: Rc::new(actor), current, given, plan, joins: true })
}

//! Carries out decisions and undoes them. The match and its source are locked until the end of the transaction, so the
//! second of two concurrent decisions is refused.

use serde_json::Value;

use super::{
    Applied, MatchDecision, MatchReason, MatchStatus,
    rules::{self, Likeness},
    store::{self, Row},
    unite::unite_members,
};
use crate::{
    access::{Reach, Sight},
    kernel::{Fault, Problem, Result, Write, extract, problem::Kind, say},
    links::{Link, Members, store as links},
    merging::references::store as references,
    registry::{
        actors::{
            Actor, ActorId, IdentifierScope, NewActor,
            matching::{self, MatchVisibility},
            store::{self as actors, Draft},
        },
        likenesses::store as likenesses,
    },
    sources::{
        Source, rules as members,
        rules::{Record, keep_scopes, overlay, select_members},
        store as sources,
    },
};

/// The caller who decides: what they may see, and where they may decide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decider<'a> {
    pub sight: &'a Sight,
    pub reach: &'a Reach,
}

impl Decider<'_> {
    /// Decides that the record is this actor. They are linked; the actor gets those members that the source owns and that
    /// it lacks, and the members in `take`.
    pub async fn decide_same(&self, row: Row, actor: ActorId, take: &[String], note: Option<String>, w: &Write<'_>) -> Result<Row> {
        let source = sources::by_id(row.source_id, &w.tx).await?;
        let actor = self.find_candidate(&row, actor, w).await?;
        actors::may_write(self.reach, &actor.fields, Some(actor.id), &w.tx).await?;
        let link = pending_link(&row, w).await?;
        let given = row.incoming.as_object().cloned().unwrap_or_default();
        let before = members::members_of(&actor.fields)?;
        let hidden = members::hidden_members(actor.id, w.call.asked.secrecy.as_ref());
        check_take(take, &given)?;
        if let Some(secrecy) = &w.call.asked.secrecy {
            secrecy.refuse_hidden(actor.id.uuid(), take.iter())?;
        }
        let owned = |member: &String| source.fields.owned_fields.contains(member);
        let asked = |member: &String| (owned(member) || take.contains(member)) && !hidden.contains(member);
        let asked: Record =
            given.iter().filter(|(member, _)| asked(member)).map(|(member, value)| (member.clone(), value.clone())).collect();
        let write = unite_members(&asked, &before, take);
        let mut fields: NewActor = extract::typed(Value::Object(overlay(before.clone(), &write)))?;
        keep_scopes(&mut fields.identifiers, &actor.fields.identifiers);
        let after = self.update_actor(actor, fields, w).await?;
        let stored = members::members_of(&after.fields)?;
        // This includes members that changed as a consequence, such as a former name.
        let changed = stored.keys().filter(|member| before.get(*member) != stored.get(*member));
        let applied = changed.map(|member| Applied {
            member: member.clone(),
            before: before.get(member).cloned().unwrap_or_default(),
            after: stored.get(member).cloned().unwrap_or_default(),
        });
        let row = Row { applied: applied.collect::<Vec<_>>().into(), ..row };
        // Members that were not taken do not count as written by the source, so the same record leaves them alone later
        // too. Of a united list the source wrote its own part.
        let is_its = |member: &String, value: &Value| stored.get(member) == Some(value) || (write.contains_key(member) && value.is_array());
        let base: Record = asked.into_iter().filter(|(member, value)| owned(member) && is_its(member, value)).collect();
        self.store_link(link, &after, given, base, &source, w).await?;
        store_decision(row, MatchDecision::Same, &after, note, &source, w).await
    }

    /// Decides that the record is another actor, which is created. A number that belongs to another actor gets the scope
    /// `parent`.
    pub async fn decide_different(&self, row: Row, note: Option<String>, w: &Write<'_>) -> Result<Row> {
        let source = sources::by_id(row.source_id, &w.tx).await?;
        sources::may_sync(self.sight, self.reach, &source, &w.tx).await?;
        let link = pending_link(&row, w).await?;
        let given = row.incoming.as_object().cloned().unwrap_or_default();
        let mut new: NewActor = extract::typed(Value::Object(overlay(Record::new(), &given)))?;
        let taken = matching::owners(&rules::own_identifiers(&new.identifiers), &w.tx).await?;
        let telling = MatchVisibility::load(taken.values().flatten().copied(), self.sight, w.call.asked.secrecy.as_ref(), &w.tx).await?;
        for identifier in &mut new.identifiers {
            let owners = taken.get(&(identifier.scheme.clone(), identifier.value.clone()));
            // An owner that the caller may not know of must not have any visible effect.
            if owners.into_iter().flatten().any(|owner| telling.allows(MatchReason::SameIdentifier, *owner)) {
                identifier.scope = IdentifierScope::Parent;
            }
        }
        actors::may_set_parent(self.sight, self.reach, None, &new, &w.tx).await?;
        let others: Vec<ActorId> = store::candidates(&[row.id], &w.tx).await?.into_values().flatten().map(|like| like.actor_id).collect();
        self.may_tell_apart(&others, w).await?;
        let actor = self.store_actor(Draft { id: w.new_id(), before: None, fields: new }, w).await?;
        likenesses::dismiss_where_allowed(self.reach, actor.id, &others, w).await?;
        let stored = members::members_of(&actor.fields)?;
        let given = select_members(&given, &stored);
        self.store_link(link, &actor, given, stored, &source, w).await?;
        let row = Row { applied: Vec::new().into(), ..row };
        store_decision(row, MatchDecision::Different, &actor, note, &source, w).await
    }

    /// Checks that the caller may write all public bodies among the candidates that came with the reference data. Only then
    /// may the caller decide that the record is none of them.
    async fn may_tell_apart(&self, others: &[ActorId], w: &Write<'_>) -> Result<()> {
        let reference: Vec<ActorId> = matching::from_reference_data(others, &w.tx).await?.into_iter().collect();
        for body in matching::by_ids(&reference, &w.tx).await?.values() {
            actors::may_write(self.reach, &body.fields, Some(body.id), &w.tx).await.map_err(|problem| match problem.kind {
Kind::Forbidden => problem.detail(say!(
"Posten kan tas för ett offentligt organ som står bland kandidaterna. Att det är en annan aktör avgör den som arbetar för organet eller samordnar där det har sitt säte.",
"The record may be taken for a public body among the candidates. That it is another actor is for somebody to say who works for the body or coordinates where it has its seat."
)),
_ => problem,
})?;
        }
        Ok(())
    }

    /// Undoes a decision: the members that it wrote get their earlier values back, where nobody has changed them since, and
    /// the record waits again.
    pub async fn undo(&self, row: Row, w: &Write<'_>) -> Result<Row> {
        let source = sources::by_id(row.source_id, &w.tx).await?;
        let (MatchStatus::Decided, Some(decision), Some(id)) = (row.status, row.decision, row.actor_id) else {
            return Err(Problem::conflict(say!(
                "Det finns inget beslut att ångra; träffen väntar på ett.",
                "There is no decision to undo; the match waits for one."
            )));
        };
        let link = links::by_external_ids(source.id, &[&row.external_id], &w.tx).await?.remove(&row.external_id);
        if let Some(link) = link.as_ref().filter(|link| link.actor_id != Some(id)) {
            let elsewhere = link.actor_id.map(|actor| format!("/actors/{actor}")).or(link.match_id.map(|id| format!("/matches/{id}")));
            return Err(Problem::conflict(say!(
                "Posten hör numera till något annat och kan inte tas tillbaka härifrån.",
                "The record belongs to something else by now and cannot be taken back from here."
            ))
            .with_path(elsewhere.unwrap_or_default()));
        }
        let actor = matching::by_ids(&[id], &w.tx).await?.remove(&id);
        match (decision, actor) {
            (MatchDecision::Same, Some(actor)) => {
                actors::may_write(self.reach, &actor.fields, Some(id), &w.tx).await?;
                self.restore(&row, actor, w).await?;
            }
            (MatchDecision::Different, Some(actor)) => {
                sources::may_sync(self.sight, self.reach, &source, &w.tx).await?;
                self.remove_created(&row, &actor, link.as_ref(), w).await?;
            }
            // The actor has been removed in the meantime, so there is nothing to restore.
            (_, None) => sources::may_sync(self.sight, self.reach, &source, &w.tx).await?,
        }
        store::hold_again(&row, link, &source, w).await?;
        let undone = Row {
            status: MatchStatus::Undone,
            undone_by: w.call.author.user,
            undone_by_name: Some(w.call.author.user_name.clone()),
            undone_at: Some(w.now),
            ..row
        };
        store::update(undone, &source, w).await
    }

    async fn find_candidate(&self, row: &Row, actor: ActorId, w: &Write<'_>) -> Result<Actor> {
        let candidates = store::candidates(&[row.id], &w.tx).await?;
        // Accepting an actor that is alike only in hidden members would reveal them.
        let hidden = |actor| members::hidden_members(actor, w.call.asked.secrecy.as_ref());
        let shown = |like: &Likeness| like.without_hidden(&hidden(like.actor_id)).and_then(|like| like.without_hidden(&hidden(actor)));
        let mut chosen = Vec::new();
        for like in candidates.values().flatten().filter_map(shown) {
            // A candidate that has been merged into another actor counts as that actor.
            let is_it = like.actor_id == actor
                || matches!(
                actors::find_unless_merged(self.sight, like.actor_id, &w.tx).await,
                Err(Problem { merged_into: Some(into), .. }) if into == actor.uuid()
                );
            if is_it {
                chosen.push(actor);
                break;
            }
        }
        store::find_visible_actors(self.sight, chosen, &w.tx).await?.remove(&actor).ok_or_else(|| {
            Problem::invalid(vec![Fault::at_pointer(
                "/actorId",
                "not-found",
                say!(
                    "Aktören är ingen av träffens kandidater, eller är borttagen. Välj en av dem som står i candidates.",
                    "The actor is none of the candidates of the match, or has been removed. Choose one of those in candidates."
                ),
            )])
        })
    }

    /// Restores the values that the decision replaced. Members that have come under secrecy since can only be restored by a
    /// caller who may see them.
    async fn restore(&self, row: &Row, actor: Actor, w: &Write<'_>) -> Result<()> {
        if let Some(secrecy) = &w.call.asked.secrecy {
            // This check comes before any comparison, because the comparison would reveal whether a hidden member has
            // changed.
            secrecy.refuse_hidden(actor.id.uuid(), row.applied.0.iter().map(|applied| &applied.member))?;
        }
        let mut members = members::members_of(&actor.fields)?;
        for applied in &row.applied.0 {
            if members.get(&applied.member) == Some(&applied.after) {
                members.insert(applied.member.clone(), applied.before.clone());
            }
        }
        let fields = extract::typed(Value::Object(overlay(Record::new(), &members)))?;
        self.update_actor(actor, fields, w).await.map(drop)
    }

    /// Removes the actor that the decision created, unless other records depend on it.
    async fn remove_created(&self, row: &Row, actor: &Actor, own: Option<&Link>, w: &Write<'_>) -> Result<()> {
        let in_the_way = |what| Err(Problem::conflict(what).with_record("/actors", actor.id));
        if row.actor_version != Some(actor.version) {
            return in_the_way(say!(
                "Aktören som skapades har ändrats sedan dess och tas därför inte bort. Ta själv ställning till den, och slå ihop den om den är dubbel.",
                "The actor that was created has been changed since and is therefore not removed. Look at it yourself, and merge it if it is a double."
            ));
        }
        let referring = references::find_referring(actor.id.uuid(), true, &w.tx).await?;
        let (links, others): (Vec<_>, Vec<_>) = referring.iter().partition(|one| one.reference.kind == "source_actor");
        if links.iter().any(|link| own.is_none_or(|own| own.id.uuid() != link.id)) {
            return in_the_way(say!(
                "Aktören som skapades är kopplad till fler poster. Ta bort de kopplingarna först.",
                "The actor that was created is linked to other records. Remove those links first."
            ));
        }
        if others.iter().any(|one| one.reference.kind == "mandate") {
            return in_the_way(say!(
                "Aktören som skapades har fått mandat. Ta bort dem först.",
                "The actor that was created has been given mandates. Remove them first."
            ));
        }
        // The relation to its parent was created with the actor and counts as one reference.
        let came_with_it = usize::from(actor.fields.parent_id.is_some());
        if others.len() > came_with_it {
            return in_the_way(say!(
                "Annat hör numera till aktören som skapades, till exempel uttalanden, relationer eller medlemskap. Ta bort det först, eller slå ihop aktören om den är dubbel.",
                "Other records refer to the actor that was created by now, such as statements, relations or memberships. Remove them first, or merge the actor if it is a double."
            ));
        }
        actors::remove(actor, w).await
    }

    /// Stores an actor with new fields, if they differ. The caller must be able to write the actor both before and after
    /// the change.
    async fn update_actor(&self, actor: Actor, fields: NewActor, w: &Write<'_>) -> Result<Actor> {
        if fields == actor.fields {
            return Ok(actor);
        }
        actors::may_write(self.reach, &fields, Some(actor.id), &w.tx).await?;
        actors::may_set_parent(self.sight, self.reach, Some(&actor), &fields, &w.tx).await?;
        self.store_actor(Draft { id: actor.id, before: Some(actor), fields }, w).await
    }

    async fn store_actor(&self, draft: Draft, w: &Write<'_>) -> Result<Actor> {
        let stored = actors::put_many(vec![draft], self.sight, w).await?.pop();
        stored.unwrap_or_else(|| Err(Problem::internal(&"an actor was not stored")))
    }

    async fn store_link(&self, link: Link, actor: &Actor, given: Record, base: Record, source: &Source, w: &Write<'_>) -> Result<()> {
        links::update(Link { actor_id: Some(actor.id), match_id: None, members: Members { given, base }, ..link }, source, w)
            .await
            .map(drop)
    }
}

/// Checks that the record has all members in `take`.
fn check_take(take: &[String], given: &Record) -> Result<()> {
    let unknown = take.iter().enumerate().filter(|(_, member)| !given.contains_key(*member));
    let faults: Vec<_> = unknown
        .map(|(at, _)| {
            let all = given.keys().cloned().collect::<Vec<_>>().join(", ");
            Fault::at_pointer(
                format!("/take/{at}"),
                "not-in-list",
                say!("Posten har ingen sådan uppgift. Den har {all}.", "The record has no such member. It has {all}."),
            )
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// Returns the link of a record that waits for a decision; 409 when it does not.
async fn pending_link(row: &Row, w: &Write<'_>) -> Result<Link> {
    if row.status == MatchStatus::Decided {
        return Err(Problem::conflict(say!(
            "Träffen är redan avgjord. Läs den på nytt; beslutet kan ångras.",
            "The match has been decided already. Read it again; the decision can be undone."
        ))
        .with_record("/matches", row.id));
    }
    links::held_in(row.id, &w.tx).await?.ok_or_else(|| {
        Problem::conflict(say!("Källan har tagit tillbaka posten.", "The source has withdrawn the record.")).with_record("/matches", row.id)
    })
}

async fn store_decision(
    row: Row,
    decision: MatchDecision,
    actor: &Actor,
    note: Option<String>,
    source: &Source,
    w: &Write<'_>,
) -> Result<Row> {
    let decided = Row {
        status: MatchStatus::Decided,
        decision: Some(decision),
        actor_id: Some(actor.id),
        actor_version: Some(actor.version),
        note,
        decided_by: w.call.author.user,
        decided_by_name: Some(w.call.author.user_name.clone()),
        decided_at: Some(w.now),
        undone_by: None,
        undone_by_name: None,
        undone_at: None,
        ..row
    };
    store::update(decided, source, w).await
}

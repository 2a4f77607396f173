//! Walks the thread link by link. Each link is one query for all that stands on it.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::{
    TraceKind, TraceLink,
    types::{Direction, Trace, TraceEdge, TraceNode},
};
use crate::{
    access::Sight,
    assessments::{assessments::store as assessments, causes::store as causes, findings::store as findings},
    interventions::interventions::store as interventions,
    kernel::{Id, Problem, Result, db::Connection, secrecy::Secrecy},
    priorities::{decisions::store as decisions, rounds::store as rounds},
    statistics::observations::store as observations,
};

struct Walk<'a> {
    sight: &'a Sight,
    secrecy: Option<&'a Secrecy>,
    db: &'a Connection,
    nodes: BTreeMap<(TraceKind, Uuid), TraceNode>,
    edges: Vec<TraceEdge>,
}

/// A thing met on the way, with the things that it refers to further back.
struct Met {
    node: TraceNode,
    behind: Vec<(TraceLink, TraceKind, Uuid)>,
}

/// The thread from one thing.
pub(super) async fn from(
    sight: &Sight,
    secrecy: Option<&Secrecy>,
    kind: TraceKind,
    id: Uuid,
    direction: Direction,
    db: &Connection,
) -> Result<Trace> {
    let mut walk = Walk { sight, secrecy, db, nodes: BTreeMap::new(), edges: Vec::new() };
    let mut front = walk.meet(kind, &[id]).await?;
    if front.is_empty() {
        return Err(Problem::not_found());
    }
    while !front.is_empty() {
        let next = match direction {
            Direction::Back => walk.back(&front).await?,
            Direction::Forward => walk.forward(&front).await?,
        };
        for met in front {
            walk.nodes.insert((met.node.kind, met.node.id), met.node);
        }
        front = next;
    }
    walk.edges.sort_by_key(|edge| (edge.link, edge.from_id, edge.to_id));
    walk.edges.dedup();
    Ok(Trace { nodes: walk.nodes.into_values().collect(), edges: walk.edges })
}

impl Walk<'_> {
    /// One link further back.
    async fn back(&mut self, front: &[Met]) -> Result<Vec<Met>> {
        let mut next = Vec::new();
        for kind in
            [TraceKind::Round, TraceKind::Intervention, TraceKind::Cause, TraceKind::Finding, TraceKind::Evidence, TraceKind::Observation]
        {
            let wanted: Vec<_> = front.iter().flat_map(|met| &met.behind).filter(|(_, of, _)| *of == kind).map(|(_, _, id)| *id).collect();
            next.extend(self.meet(kind, &wanted).await?);
        }
        self.join(front, &next);
        next.retain(|met| !self.nodes.contains_key(&(met.node.kind, met.node.id)));
        Ok(next)
    }

    /// One link further forward.
    async fn forward(&mut self, front: &[Met]) -> Result<Vec<Met>> {
        let of = |kind: TraceKind| front.iter().filter(move |met| met.node.kind == kind).map(|met| met.node.id).collect::<Vec<_>>();
        let mut next = Vec::new();
        let evidence = findings::using(&ids(&of(TraceKind::Observation)), self.db).await?;
        next.extend(self.meet(TraceKind::Evidence, &plain(&evidence)).await?);
        let found = findings::of_evidence(&ids(&of(TraceKind::Evidence)), self.db).await?;
        next.extend(self.meet(TraceKind::Finding, &plain(&found)).await?);
        let explaining = causes::explaining(&ids(&of(TraceKind::Finding)), self.db).await?;
        next.extend(self.meet(TraceKind::Cause, &plain(&explaining)).await?);
        let aimed: Vec<_> = interventions::aimed_at(self.sight, &ids(&of(TraceKind::Cause)), self.db)
            .await?
            .into_iter()
            .map(|found| found.id.uuid())
            .collect();
        next.extend(self.meet(TraceKind::Intervention, &aimed).await?);
        let considering: Vec<_> = rounds::considering(self.sight, &ids(&of(TraceKind::Intervention)), self.db)
            .await?
            .into_iter()
            .map(|found| found.id.uuid())
            .collect();
        next.extend(self.meet(TraceKind::Round, &considering).await?);
        let deciding: Vec<_> =
            decisions::deciding(self.sight, &ids(&of(TraceKind::Round)), self.db).await?.into_iter().map(|found| found.id.uuid()).collect();
        next.extend(self.meet(TraceKind::Decision, &deciding).await?);
        // What is tied to nothing here is tied to it by what is hidden.
        let there = keys(front);
        next.retain(|met| met.behind.iter().any(|(_, kind, id)| there.contains(&(*kind, *id))));
        self.join(&next, front);
        next.retain(|met| !self.nodes.contains_key(&(met.node.kind, met.node.id)));
        Ok(next)
    }

    /// Draws the links from some things back to others.
    fn join(&mut self, from: &[Met], to: &[Met]) {
        let there = keys(to);
        for met in from {
            for (link, kind, id) in &met.behind {
                if there.contains(&(*kind, *id)) || self.nodes.contains_key(&(*kind, *id)) {
                    self.edges.push(TraceEdge { from_id: met.node.id, link: *link, to_id: *id });
                }
            }
        }
    }

    /// Those of these things that the caller may see, with the links that are not hidden from it.
    async fn meet(&self, kind: TraceKind, wanted: &[Uuid]) -> Result<Vec<Met>> {
        let mut found = self.find(kind, wanted).await?;
        if let Some(secrecy) = self.secrecy {
            for met in &mut found {
                let hidden = secrecy.hidden(met.node.id);
                met.behind.retain(|(link, _, _)| !hidden.contains_key(link.member()));
            }
        }
        Ok(found)
    }

    async fn find(&self, kind: TraceKind, wanted: &[Uuid]) -> Result<Vec<Met>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (sight, db) = (self.sight, self.db);
        Ok(match kind {
            TraceKind::Decision => {
                let mut met = Vec::new();
                for id in wanted {
                    if let Ok(found) = decisions::find(sight, Id::from(*id), db).await {
                        let mut behind = vec![(TraceLink::Decides, TraceKind::Round, found.fields.round_id.uuid())];
                        behind
                            .extend(found.fields.chosen.iter().map(|chosen| (TraceLink::Chooses, TraceKind::Intervention, chosen.uuid())));
                        met.push(self::met(kind, *id, found.version, found.fields.decided_on.to_string(), behind));
                    }
                }
                met
            }
            TraceKind::Round => {
                let mut met = Vec::new();
                for id in wanted {
                    if let Ok(found) = rounds::find(sight, Id::from(*id), db).await {
                        let behind = found
                            .fields
                            .candidates
                            .iter()
                            .map(|candidate| (TraceLink::Considers, TraceKind::Intervention, candidate.uuid()));
                        met.push(self::met(kind, *id, found.version, found.fields.question.clone(), behind.collect()));
                    }
                }
                met
            }
            TraceKind::Intervention => interventions::visible(sight, &ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| {
                    let behind = found.fields.causes.iter().map(|cause| (TraceLink::Addresses, TraceKind::Cause, cause.uuid()));
                    met(kind, found.id.uuid(), found.version, found.fields.title.clone(), behind.collect())
                })
                .collect(),
            TraceKind::Cause => causes::visible(sight, &ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| {
                    let behind = found.fields.findings.iter().map(|finding| (TraceLink::Explains, TraceKind::Finding, finding.uuid()));
                    met(kind, found.id.uuid(), found.version, found.fields.statement.clone(), behind.collect())
                })
                .collect(),
            TraceKind::Finding => self.meet_findings(wanted).await?,
            TraceKind::Evidence => self.meet_evidence(wanted).await?,
            TraceKind::Observation => observations::find_all(&ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| {
                    let value = found.value.map_or_else(|| "–".to_owned(), |value| value.to_string());
                    met(kind, found.id.uuid(), found.version, format!("{}: {value}", found.period), Vec::new())
                })
                .collect(),
        })
    }

    async fn meet_findings(&self, wanted: &[Uuid]) -> Result<Vec<Met>> {
        let found = findings::find_all(&ids(wanted), self.db).await?;
        let of: Vec<_> = found.iter().map(|finding| finding.assessment_id).collect();
        let seen: Vec<_> = assessments::visible(self.sight, &of, self.db).await?.into_iter().map(|assessment| assessment.id).collect();
        let found: Vec<_> = found.into_iter().filter(|finding| seen.contains(&finding.assessment_id)).collect();
        let all: Vec<_> = found.iter().map(|finding| finding.id).collect();
        let evidence = findings::digests_of(&all, self.db).await?;
        let behind = |finding: &crate::assessments::findings::Finding| {
            evidence
                .iter()
                .filter(|(_, of, ..)| *of == finding.id)
                .map(|(id, ..)| (TraceLink::RestsOn, TraceKind::Evidence, id.uuid()))
                .collect()
        };
        Ok(found
            .iter()
            .map(|finding| met(TraceKind::Finding, finding.id.uuid(), finding.version, finding.fields.statement.clone(), behind(finding)))
            .collect())
    }

    async fn meet_evidence(&self, wanted: &[Uuid]) -> Result<Vec<Met>> {
        let found = findings::find_all_evidence(&ids(wanted), self.db).await?;
        let of: Vec<_> = found.iter().map(|evidence| evidence.finding_id.uuid()).collect();
        let seen: Vec<_> = self.meet_findings(&of).await?.into_iter().map(|met| met.node.id).collect();
        let found: Vec<_> = found.into_iter().filter(|evidence| seen.contains(&evidence.finding_id.uuid())).collect();
        let mut used: HashMap<_, Vec<_>> = HashMap::new();
        for (of, observation) in findings::observations_of(&found.iter().map(|evidence| evidence.id).collect::<Vec<_>>(), self.db).await? {
            used.entry(of).or_default().push((TraceLink::Uses, TraceKind::Observation, observation.uuid()));
        }
        let mut changes = findings::changes(&found, self.db).await?;
        Ok(found
            .into_iter()
            .map(|evidence| {
                let behind = used.remove(&evidence.id).unwrap_or_default();
                let label = evidence.note.clone().unwrap_or_else(|| findings::indicator_of(&evidence));
                let mut met = met(TraceKind::Evidence, evidence.id.uuid(), evidence.version, label, behind);
                met.node.changed = changes.remove(&evidence.id).unwrap_or_default();
                met
            })
            .collect())
    }
}

/// The kinds and ids of things.
fn keys(met: &[Met]) -> HashSet<(TraceKind, Uuid)> {
    met.iter().map(|met| (met.node.kind, met.node.id)).collect()
}

const fn met(kind: TraceKind, id: Uuid, version: i64, label: String, behind: Vec<(TraceLink, TraceKind, Uuid)>) -> Met {
    Met { node: TraceNode { kind, id, version, label, changed: Vec::new() }, behind }
}

fn ids<T>(plain: &[Uuid]) -> Vec<Id<T>> {
    plain.iter().copied().map(Id::from).collect()
}

fn plain<T>(ids: &[Id<T>]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

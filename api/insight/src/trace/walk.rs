//! Computes a trace. Each step makes one query for each declared link, and one for each kind of record that is found.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ConnectionTrait, Order, QueryResult,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    TraceKind, TraceLink,
    types::{Direction, Trace, TraceEdge, TraceNode},
};
use crate::{
    access::Sight,
    assessments::{
        assessments::store as assessments,
        causes::store as causes,
        findings::{Evidence, Finding, store as findings},
    },
    interventions::interventions::store as interventions,
    kernel::{
        Id, Problem, Result,
        db::Connection,
        record::{self, Link, Record, Stored},
        secrecy::Secrecy,
        table::List,
    },
    priorities::{decisions::store as decisions, rounds::store as rounds},
    statistics::observations::store as observations,
};

/// A record of the trace: its kind and id.
type Key = (TraceKind, Uuid);

/// A stored reference from one record to another, with the kind of link.
#[derive(Clone, Copy)]
struct Reference {
    from: Key,
    link: TraceLink,
    to: Key,
}

struct Walk<'a> {
    sight: &'a Sight,
    secrecy: Option<&'a Secrecy>,
    db: &'a Connection,
    nodes: BTreeMap<Key, TraceNode>,
    edges: Vec<TraceEdge>,
}

/// Returns the trace from one record, in one direction.
///
/// # Errors
/// When the caller cannot see the record (404), or the database does not answer.
pub(super) async fn trace_from(
    sight: &Sight,
    secrecy: Option<&Secrecy>,
    kind: TraceKind,
    id: Uuid,
    direction: Direction,
    db: &Connection,
) -> Result<Trace> {
    let mut walk = Walk { sight, secrecy, db, nodes: BTreeMap::new(), edges: Vec::new() };
    let mut front = walk.load_visible(&BTreeSet::from([(kind, id)])).await?;
    if front.is_empty() {
        return Err(Problem::not_found());
    }
    while !front.is_empty() {
        let here: BTreeSet<Key> = front.keys().copied().collect();
        walk.nodes.append(&mut front);
        front = match direction {
            Direction::Back => walk.back(&here).await?,
            Direction::Forward => walk.forward(&here).await?,
        };
        front.retain(|key, _| !walk.nodes.contains_key(key));
    }
    walk.edges.sort_by_key(|edge| (edge.link, edge.from_id, edge.to_id));
    walk.edges.dedup();
    Ok(Trace { nodes: walk.nodes.into_values().collect(), edges: walk.edges })
}

impl Walk<'_> {
    /// Returns the visible records that these refer to, and adds the edges to them.
    async fn back(&mut self, here: &BTreeSet<Key>) -> Result<BTreeMap<Key, TraceNode>> {
        let references = self.references_from(here).await?;
        let met = self.load_visible(&references.iter().map(|reference| reference.to).collect()).await?;
        self.add_edges(&references, |key| met.contains_key(&key));
        Ok(met)
    }

    /// Returns the visible records that refer to these, and adds the edges from them.
    async fn forward(&mut self, here: &BTreeSet<Key>) -> Result<BTreeMap<Key, TraceNode>> {
        let mut met = self.load_visible(&self.referring_to(here).await?).await?;
        let references = self.references_from(&met.keys().copied().collect()).await?;
        // A record whose only references to these are hidden must not show that it has them.
        let tied: BTreeSet<Key> =
            references.iter().filter(|reference| here.contains(&reference.to)).map(|reference| reference.from).collect();
        met.retain(|key, _| tied.contains(key));
        let references: Vec<_> = references.into_iter().filter(|reference| tied.contains(&reference.from)).collect();
        self.add_edges(&references, |_| false);
        Ok(met)
    }

    /// Adds an edge for each reference whose target is in the trace already, or for which `met` is true.
    fn add_edges(&mut self, references: &[Reference], met: impl Fn(Key) -> bool) {
        for reference in references.iter().filter(|reference| self.nodes.contains_key(&reference.to) || met(reference.to)) {
            self.edges.push(TraceEdge { from_id: reference.from.1, link: reference.link, to_id: reference.to.1 });
        }
    }

    /// Returns the references of these records, without those that are hidden from the caller by secrecy.
    async fn references_from(&self, records: &BTreeSet<Key>) -> Result<Vec<Reference>> {
        let mut found = Vec::new();
        for (record, kind, link) in links() {
            let (Some(name), Some(to)) = (parse_name::<TraceLink>(link.name), parse_name(link.to)) else { continue };
            let ids = ids(records, kind);
            if ids.is_empty() {
                continue;
            }
            let mut add = |from: Uuid, to_id: Uuid| {
                let hidden = self.secrecy.is_some_and(|secrecy| secrecy.hides(from, link.member));
                if !hidden {
                    found.push(Reference { from: (kind, from), link: name, to: (to, to_id) });
                }
            };
            match link.stored {
                Stored::Rows { table, from, to } => {
                    for row in self.rows(table, from, to, from, &ids).await? {
                        add(row.try_get("", from)?, row.try_get("", to)?);
                    }
                }
                Stored::List(column) => {
                    for row in self.rows(record.table, "id", column, "id", &ids).await? {
                        for to_id in row.try_get::<List<Uuid>>("", column)?.0 {
                            add(row.try_get("", "id")?, to_id);
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns the records that refer to these, whether or not the caller can see them.
    async fn referring_to(&self, records: &BTreeSet<Key>) -> Result<BTreeSet<Key>> {
        let mut found = BTreeSet::new();
        for (_, kind, link) in links() {
            let (Some(to_kind), Stored::Rows { table, from, to }) = (parse_name(link.to), link.stored) else { continue };
            let ids = ids(records, to_kind);
            if !ids.is_empty() {
                for row in self.rows(table, from, to, to, &ids).await? {
                    found.insert((kind, row.try_get("", from)?));
                }
            }
        }
        Ok(found)
    }

    async fn rows(
        &self,
        table: &'static str,
        from: &'static str,
        to: &'static str,
        by: &'static str,
        ids: &[Uuid],
    ) -> Result<Vec<QueryResult>> {
        let select = Query::select()
            .columns([from, to])
            .from(table)
            .and_where(Expr::col(by).is_in(ids.iter().copied()))
            .order_by(from, Order::Asc)
            .take();
        Ok(self.db.query_all(&select).await?)
    }

    /// Loads those of these records that the caller can see.
    async fn load_visible(&self, wanted: &BTreeSet<Key>) -> Result<BTreeMap<Key, TraceNode>> {
        let kinds: BTreeSet<TraceKind> = wanted.iter().map(|(kind, _)| *kind).collect();
        let mut met = BTreeMap::new();
        for kind in kinds {
            let found = self.find(kind, &ids(wanted, kind)).await?;
            met.extend(found.into_iter().map(|node| ((kind, node.id), node)));
        }
        Ok(met)
    }

    async fn find(&self, kind: TraceKind, wanted: &[Uuid]) -> Result<Vec<TraceNode>> {
        let (sight, db) = (self.sight, self.db);
        let node = |id: Uuid, version: i64, label: String| TraceNode { kind, id, version, label, changed: Vec::new() };
        Ok(match kind {
            TraceKind::Decision => decisions::visible(sight, &typed_ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| node(found.id.uuid(), found.version, found.fields.decided_on.to_string()))
                .collect(),
            TraceKind::Round => rounds::visible(sight, &typed_ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| node(found.id.uuid(), found.version, found.fields.question))
                .collect(),
            TraceKind::Intervention => interventions::visible(sight, &typed_ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| node(found.id.uuid(), found.version, found.fields.title))
                .collect(),
            TraceKind::Cause => causes::visible(sight, &typed_ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| node(found.id.uuid(), found.version, found.fields.statement))
                .collect(),
            TraceKind::Finding => self
                .visible_findings(wanted)
                .await?
                .into_iter()
                .map(|found| node(found.id.uuid(), found.version, found.fields.statement))
                .collect(),
            TraceKind::Evidence => self.visible_evidence(wanted).await?,
            TraceKind::Observation => observations::find_all(&typed_ids(wanted), db)
                .await?
                .into_iter()
                .map(|found| {
                    let value = found.value.map_or_else(|| "–".to_owned(), |value| value.to_string());
                    node(found.id.uuid(), found.version, format!("{}: {value}", found.period))
                })
                .collect(),
        })
    }

    async fn visible_findings(&self, wanted: &[Uuid]) -> Result<Vec<Finding>> {
        let mut found = findings::find_all(&typed_ids(wanted), self.db).await?;
        let of: Vec<_> = found.iter().map(|finding| finding.assessment_id).collect();
        let seen: BTreeSet<_> = assessments::visible(self.sight, &of, self.db).await?.into_iter().map(|assessment| assessment.id).collect();
        found.retain(|finding| seen.contains(&finding.assessment_id));
        Ok(found)
    }

    async fn visible_evidence(&self, wanted: &[Uuid]) -> Result<Vec<TraceNode>> {
        let mut found = findings::find_all_evidence(&typed_ids(wanted), self.db).await?;
        let of: Vec<_> = found.iter().map(|evidence| evidence.finding_id.uuid()).collect();
        let seen: BTreeSet<_> = self.visible_findings(&of).await?.into_iter().map(|finding| finding.id).collect();
        found.retain(|evidence| seen.contains(&evidence.finding_id));
        let mut changes = findings::changed_observations(&found, self.db).await?;
        let node = |evidence: Evidence| TraceNode {
            kind: TraceKind::Evidence,
            id: evidence.id.uuid(),
            version: evidence.version,
            changed: changes.remove(&evidence.id).unwrap_or_default(),
            label: evidence.note.clone().unwrap_or_else(|| findings::indicator_code(&evidence)),
        };
        Ok(found.into_iter().map(node).collect())
    }
}

/// Returns every declared link with the record that it leaves.
fn links() -> impl Iterator<Item = (&'static Record, TraceKind, &'static Link)> {
    record::all().flat_map(|record| record.links.iter().filter_map(move |link| Some((record, parse_name(record.kind)?, link))))
}

/// Returns the kind or link that has this name in the contract.
fn parse_name<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(json!(name)).ok()
}

/// Returns the ids of the records of one kind.
fn ids(records: &BTreeSet<Key>, kind: TraceKind) -> Vec<Uuid> {
    records.iter().filter(|(of, _)| *of == kind).map(|(_, id)| *id).collect()
}

fn typed_ids<T>(plain: &[Uuid]) -> Vec<Id<T>> {
    plain.iter().copied().map(Id::from).collect()
}

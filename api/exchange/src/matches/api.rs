use std::collections::{BTreeMap, HashMap};

use actix_web::{get, post, web::Data};
use serde_json::Value;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    decisions::Decider,
    rules::{self, Likeness},
    store::{self, Row},
    types::*,
    unite::unite_members,
};
use crate::{
    access::{By, Sight, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, Write, request::Call, say, secrecy::Secrecy},
    registry::actors::{Actor, ActorId},
    sources::{
        Source, SourceId, rules as members,
        rules::{Record, with_sorted_keys},
        store as sources,
    },
};

/// List matches
///
/// Returns records that may be actors which already exist, oldest first: those of the sources that the caller administers,
/// and those with a candidate that the caller may write. Candidates that the caller may not see are left out.
#[utoipa::path(tag = "exchange", operation_id = "listMatches", params(MatchFilter, Paging),
responses((status = 200, description = "A page of matches", body = Page<Match>)))]
#[get("/matches")]
async fn list(
    by: By<needs::ReadMatches>,
    Query(filter): Query<MatchFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Match>> {
    Listed::from_pages(by, paging, async move |by, paging| {
        let page = store::list(by.sight(), &by.reach, &filter, paging, by, &db).await?;
        let shown = Shown::load(&page.items, by.sight(), by.asked.secrecy.as_ref(), db.reader()).await?;
        page.try_map(|row| shown.view(row))
    })
    .await
}

/// Show a match
///
/// Returns the record as it was given, the actors that it may be, and the changes member by member.
#[utoipa::path(tag = "exchange", operation_id = "getMatch",
responses((status = 200, description = "The match", body = Match)))]
#[get("/matches/{matchId}")]
async fn show(by: By<needs::ReadMatches>, At(id): At<MatchId>, db: Data<Db>) -> Result<Reply<Match>> {
    let row = store::find(by.sight(), &by.reach, id, db.reader()).await?;
    let source = sources::by_id(row.source_id, db.reader()).await?;
    let rows = std::slice::from_ref(&row);
    let view = Shown::load(rows, by.sight(), by.asked.secrecy.as_ref(), db.reader()).await?.view(row.clone())?;
    let call = by.allowing(async |_, reach| store::may_decide(by.sight(), reach, &row, &source, db.reader()).await).await?;
    Reply::composed(&call, 200, row.version, &view)
}

/// Decide a match
///
/// `same` links the record to the candidate in `actorId`; the caller must be able to write that actor. Of the members that
/// the source owns, the actor gets those that it lacks, and lists are united. Members that have a value keep it, except
/// those in `take`. `different` creates an actor from the record, and a number that belongs to another actor gets the scope
/// `parent`; the caller must be able to write the source, and also each candidate that came with the reference data, such
/// as a municipality. When two callers decide at once, the second gets 409.
#[utoipa::path(tag = "exchange", operation_id = "decideMatch", request_body = NewMatchDecision,
responses((status = 200, description = "The match as it has become", body = Match)))]
#[post("/matches/{matchId}/decide")]
async fn decide(by: By<needs::DecideMatches>, At(id): At<MatchId>, new: Valid<NewMatchDecision>, db: Data<Db>) -> Result<Reply<Match>> {
    db.write(&by, async |w| {
        let row = find_and_lock(&by, id, w).await?;
        let decider = Decider { sight: by.sight(), reach: &by.reach };
        let NewMatchDecision { decision, actor_id, take, note } = new.0.clone();
        let row = match (decision, actor_id) {
            (MatchDecision::Same, Some(actor)) => decider.decide_same(row, actor, &take, note, w).await?,
            (MatchDecision::Different, None) if !take.is_empty() => {
                let detail = say!("Ange ingen take när det är en annan aktör.", "Give no take when it is another actor.");
                return Err(Problem::fault("/take", "not-empty", detail));
            }
            (MatchDecision::Different, None) => decider.decide_different(row, note, w).await?,
            (MatchDecision::Same, None) => {
                let detail = say!("Ange i actorId vilken av kandidaterna det är.", "Give in actorId which of the candidates it is.");
                return Err(Problem::fault("/actorId", "required", detail));
            }
            (MatchDecision::Different, Some(_)) => {
                let detail = say!("Ange ingen actorId när det är en annan aktör.", "Give no actorId when it is another actor.");
                return Err(Problem::fault("/actorId", "not-empty", detail));
            }
        };
        answer(row, &by, w).await
    })
    .await
}

/// Undo a decision
///
/// The record waits for a decision again. After `same` the link is removed, and members that the decision wrote get their
/// earlier values back where nobody has changed them since. After `different` the actor that was created is removed. When
/// it has been changed since, or other records depend on it, the answer is 409 and says why.
#[utoipa::path(tag = "exchange", operation_id = "undoMatch",
responses((status = 200, description = "The match as it has become", body = Match)))]
#[post("/matches/{matchId}/undo")]
async fn undo(by: By<needs::DecideMatches>, At(id): At<MatchId>, db: Data<Db>) -> Result<Reply<Match>> {
    db.write(&by, async |w| {
        let row = find_and_lock(&by, id, w).await?;
        let row = Decider { sight: by.sight(), reach: &by.reach }.undo(row, w).await?;
        answer(row, &by, w).await
    })
    .await
}

/// Finds a match that the caller may decide, and locks it until the end of the transaction.
async fn find_and_lock(by: &By<needs::DecideMatches>, id: MatchId, w: &Write<'_>) -> Result<Row> {
    let row = store::find(by.sight(), &by.reach, id, &w.tx).await?;
    let source = sources::by_id(row.source_id, &w.tx).await?;
    store::may_decide(by.sight(), &by.reach, &row, &source, &w.tx).await?;
    store::lock_and_reload(&row, w).await
}

async fn answer(row: Row, by: &By<needs::DecideMatches>, w: &Write<'_>) -> Result<Reply<Match>> {
    let version = row.version;
    let rows = std::slice::from_ref(&row);
    let view = Shown::load(rows, by.sight(), by.asked.secrecy.as_ref(), &w.tx).await?.view(row.clone())?;
    Reply::composed(&Call::default(), 200, version, &view)
}

/// The candidates, actors and sources that matches are shown with, as far as the caller may see them.
struct Shown<'a> {
    candidates: HashMap<MatchId, Vec<Likeness>>,
    actors: BTreeMap<ActorId, Actor>,
    sources: HashMap<SourceId, Source>,
    secrecy: Option<&'a Secrecy>,
}

impl<'a> Shown<'a> {
    async fn load(rows: &[Row], sight: &Sight, secrecy: Option<&'a Secrecy>, db: &impl store::Reader) -> Result<Self> {
        let ids: Vec<MatchId> = rows.iter().map(|row| row.id).collect();
        let candidates = store::candidates(&ids, db).await?;
        let source_ids: Vec<SourceId> = rows.iter().map(|row| row.source_id).collect();
        let sources = sources::by_ids(&source_ids, db).await?;
        let mut all: Vec<ActorId> = candidates.values().flatten().map(|like| like.actor_id).collect();
        all.extend(rows.iter().filter_map(|row| row.actor_id));
        let actors = store::find_visible_actors(sight, all, db).await?;
        Ok(Self { candidates, actors, sources, secrecy })
    }

    fn view(&self, row: Row) -> Result<Match> {
        let owned = self.sources.get(&row.source_id).map(|source| source.fields.owned_fields.as_slice()).unwrap_or_default();
        let (mut candidates, mut reasons) = (Vec::new(), (false, false));
        for like in self.candidates.get(&row.id).into_iter().flatten() {
            if let Some(actor) = self.actors.get(&like.actor_id) {
                // A likeness in a hidden member would reveal the member.
                if let Some(like) = like.without_hidden(&members::hidden_members(like.actor_id, self.secrecy)) {
                    reasons = (reasons.0 || like.same_identifier, reasons.1 || like.same_name);
                    candidates.push(self.candidate(actor, like, &row.incoming, owned)?);
                }
            }
        }
        Ok(Match {
            id: row.id,
            version: row.version,
            source_id: row.source_id,
            external_id: row.external_id,
            status: row.status,
            reasons: rules::reasons(reasons.0, reasons.1),
            incoming: with_sorted_keys(&row.incoming),
            candidates,
            decision: row.decision,
            actor_id: row.actor_id.filter(|actor| self.actors.contains_key(actor)),
            note: row.note,
            decided_by: row.decided_by_name,
            decided_at: row.decided_at,
            undone_by: row.undone_by_name,
            undone_at: row.undone_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }

    fn candidate(&self, actor: &Actor, like: Likeness, incoming: &Value, owned: &[String]) -> Result<MatchCandidate> {
        let hidden = members::hidden_members(actor.id, self.secrecy);
        let current = members::members_of(&actor.fields)?;
        let owned_and_shown = |member: &String| owned.contains(member) && !hidden.contains(member);
        let given: Record = incoming.as_object().cloned().unwrap_or_default();
        let asked =
            given.iter().filter(|(member, _)| owned_and_shown(member)).map(|(member, value)| (member.clone(), value.clone())).collect();
        let write = unite_members(&asked, &current, &[]);
        let differs = |(member, given): (&String, &Value)| {
            let present = current.get(member).unwrap_or(&Value::Null);
            // Whether a hidden member differs would reveal something of its value, so hidden members are always listed.
            (present != given || hidden.contains(member)).then(|| MatchChange {
                member: member.clone(),
                current: if hidden.contains(member) { Value::Null } else { with_sorted_keys(present) },
                given: with_sorted_keys(given),
                written: write.contains_key(member),
            })
        };
        let given: BTreeMap<&String, &Value> = given.iter().collect();
        let changes = given.into_iter().filter_map(differs).collect();
        Ok(MatchCandidate { actor: actor.clone(), reasons: like.reasons(), changes })
    }
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(decide).service(undo);
}

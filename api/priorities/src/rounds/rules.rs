//! The life-cycle of a round, the checks of its content, and the computation of its result.

use num_rational::BigRational;

use super::{
    Agreement, NewRound, PartyRanking, RankedCandidate, RankingMethod, RoundResult,
    RoundStatus::{self, Closed, Decided, Draft, Open, Withdrawn},
    TieBreak, Unranked,
};
use crate::{
    ballots::Score,
    interventions::interventions::InterventionId,
    kernel::{Fault, Problem, Result, lifecycle::Lifecycle, say, text},
    methods,
    registry::actors::ActorId,
};

/// An operation on a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Change its content: the question, the candidates, the criteria and the rules.
    Write,
    /// Let the parties vote.
    Open,
    /// Cast a ballot or withdraw one.
    Vote,
    /// Count the ballots.
    Close,
    /// Record the decision.
    Decide,
    /// Withdraw it.
    Withdraw,
    /// Remove it.
    Remove,
}

/// The life-cycle of a round.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Round";
    type State = RoundStatus;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] =
        &[Operation::Write, Operation::Open, Operation::Vote, Operation::Close, Operation::Decide, Operation::Withdraw, Operation::Remove];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Write => &["updateRound"],
            Operation::Open => &["openRound"],
            Operation::Vote => &["castBallot", "deleteBallot"],
            Operation::Close => &["closeRound"],
            Operation::Decide => &["createDecision"],
            Operation::Withdraw => &["withdrawRound"],
            Operation::Remove => &["deleteRound"],
        }
    }

    fn next_state(state: &RoundStatus, operation: Operation) -> Result<Option<RoundStatus>> {
        Ok(Some(match (operation, *state) {
            (Operation::Write, Draft) => Draft,
            (Operation::Open, Draft) | (Operation::Vote, Open) => Open,
            (Operation::Close, Open) => Closed,
            (Operation::Decide, Closed) => Decided,
            (Operation::Withdraw, Open | Closed) => Withdrawn,
            (Operation::Remove, Draft) => return Ok(None),
            (Operation::Withdraw, Draft) => {
                return Err(Problem::conflict(say!(
                    "Prioriteringen är ett utkast. Ta bort den i stället för att återkalla den.",
                    "The round is a draft. Remove it instead of withdrawing it."
                )));
            }
            (Operation::Withdraw | Operation::Decide, Decided) => {
                return Err(Problem::conflict(say!(
                    "Ett beslut är redan fattat. Är det fel, rätta beslutet.",
                    "A decision is taken already. If it is wrong, correct the decision."
                )));
            }
            (Operation::Remove, _) => {
                return Err(Problem::conflict(say!(
                    "Bara ett utkast kan tas bort. En prioritering som har öppnats återkallas med …/withdraw.",
                    "Only a draft can be removed. A round that has been opened is withdrawn with …/withdraw."
                )));
            }
            (_, Withdrawn) => {
                return Err(Problem::conflict(say!(
                    "Prioriteringen är återkallad. Förbered en ny i stället.",
                    "The round is withdrawn. Prepare a new one instead."
                )));
            }
            (Operation::Write | Operation::Open, _) => {
                return Err(Problem::conflict(say!(
                    "Prioriteringen är redan öppnad, och dess regler är fasta.",
                    "The round is opened already, and its rules are fixed."
                )));
            }
            (Operation::Vote | Operation::Close, Draft) => {
                return Err(Problem::conflict(say!("Prioriteringen är inte öppnad än (…/open).", "The round is not open yet (…/open).")));
            }
            (Operation::Vote | Operation::Close, _) => {
                return Err(Problem::conflict(say!(
                    "Prioriteringen är stängd; röster kan inte längre lämnas eller tas tillbaka.",
                    "The round is closed; ballots can no longer be cast or taken back."
                )));
            }
            (Operation::Decide, _) => {
                return Err(Problem::conflict(say!(
                    "Prioriteringen behöver stängas först (…/close).",
                    "The round must be closed first (…/close)."
                )));
            }
        }))
    }
}

/// The faults of a round that can be found without the database.
#[must_use]
pub fn faults(new: &NewRound) -> Vec<Fault> {
    let mut faults: Vec<_> = text::blank_fault("/question", &new.question).into_iter().collect();
    for (at, criterion) in new.criteria.iter().enumerate() {
        if new.criteria[..at].iter().any(|other| other.key == criterion.key) {
            let key = &criterion.key;
            faults.push(Fault::at_pointer(
                format!("/criteria/{at}/key"),
                "repeated",
                say!("Nyckeln {key} används två gånger.", "The key {key} is used twice."),
            ));
        }
    }
    for (at, candidate) in new.candidates.iter().enumerate() {
        if new.candidates[..at].contains(candidate) {
            faults.push(Fault::at_pointer(
                format!("/candidates/{at}"),
                "repeated",
                say!("Samma insats står två gånger.", "The same intervention stands twice."),
            ));
        }
    }
    faults
}

/// A party's ballot: its scores, or `None` when it abstains.
pub type Cast = (ActorId, Option<Vec<Score>>);

/// The faults of a ballot. Every candidate needs a score on every criterion, within its scale.
#[must_use]
pub fn ballot_faults(round: &NewRound, scores: &[Score]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, score) in scores.iter().enumerate() {
        let criterion = round.criteria.iter().find(|criterion| criterion.key == score.criterion);
        if !round.candidates.contains(&score.intervention_id) {
            faults.push(Fault::at_pointer(
                format!("/scores/{at}/interventionId"),
                "not-found",
                say!("Insatsen är inte med i prioriteringen.", "The intervention is not in this round."),
            ));
        }
        match criterion {
            None => {
                let known = round.criteria.iter().map(|criterion| criterion.key.as_str()).collect::<Vec<_>>().join(", ");
                faults.push(Fault::at_pointer(
                    format!("/scores/{at}/criterion"),
                    "not-in-list",
                    say!("Välj ett av kriterierna {known}.", "Choose one of the criteria {known}."),
                ));
            }
            Some(criterion) if score.score > criterion.scale => {
                let scale = criterion.scale;
                faults.push(Fault::at_pointer(
                    format!("/scores/{at}/score"),
                    "too-large",
                    say!("Poängen ska vara högst {scale}.", "The score must be at most {scale}."),
                ));
            }
            Some(_) => {}
        }
        if scores[..at].iter().any(|other| other.intervention_id == score.intervention_id && other.criterion == score.criterion) {
            faults.push(Fault::at_pointer(
                format!("/scores/{at}"),
                "repeated",
                say!("Samma insats och kriterium står två gånger.", "The same intervention and criterion stand twice."),
            ));
        }
    }
    let needed = round.candidates.len() * round.criteria.len();
    if faults.is_empty() && scores.len() < needed {
        let (given, missing) = (scores.len(), needed - scores.len());
        faults.push(Fault::at_pointer("/scores", "too-few", say!(
            "Sätt poäng på varje insats för varje kriterium: {given} är satta, {missing} saknas. Den som inte kan ta ställning avstår (abstains).",
            "Score every intervention on every criterion: {given} are given, {missing} are missing. Who cannot choose abstains (abstains)."
        )));
    }
    faults
}

/// Computes the joint ranking, the agreement and each party's own ranking. `uncounted` is left empty.
#[must_use]
pub fn compute_result(round: &NewRound, ballots: &[Cast]) -> RoundResult {
    let weights: Vec<_> = round.criteria.iter().map(|criterion| methods::decimal(criterion.weight)).collect();
    let cast: Vec<(ActorId, Vec<Vec<BigRational>>)> =
        ballots.iter().filter_map(|(actor, scores)| scores.as_ref().map(|scores| (*actor, shares(round, scores)))).collect();
    let totals: Vec<_> = cast.iter().map(|(_, shares)| methods::weighted_scores(&weights, shares)).collect();
    let ranks: Vec<_> = totals.iter().map(|totals| methods::doubled_ranks(totals)).collect();
    let borda = methods::borda(round.candidates.len(), &ranks);
    let points = match round.method {
        RankingMethod::WeightedScoring => methods::means(&totals),
        RankingMethod::Borda => borda.clone(),
    };
    // The first of the criteria with the greatest weight, so that the same round always has the same tie-break.
    let weightiest = (0..weights.len()).rev().max_by_key(|at| &weights[*at]).unwrap_or_default();
    let tie_break = match round.tie_break {
        TieBreak::WeightiestCriterion => methods::means(
            &cast.iter().map(|(_, shares)| shares.iter().map(|shares| shares[weightiest].clone()).collect()).collect::<Vec<_>>(),
        ),
        TieBreak::CandidateOrder => Vec::new(),
    };
    let w = methods::kendalls_w(&ranks);
    let unranked = cast.is_empty().then_some(Unranked::NobodyVoted);
    let order = if cast.is_empty() { Vec::new() } else { methods::order(&points, &tie_break) };
    let places = methods::shared_places(&points);
    let placed_by = |at: usize| {
        let equal = |other: &usize| *other != at && points[*other] == points[at];
        let is_shared = (0..points.len()).any(|other| equal(&other));
        let is_still_shared = (0..points.len()).any(|other| equal(&other) && tie_break.get(other) == tie_break.get(at));
        is_shared.then_some(if is_still_shared { TieBreak::CandidateOrder } else { TieBreak::WeightiestCriterion })
    };
    RoundResult {
        method: round.method,
        ranking: order
            .into_iter()
            .zip(1..)
            .map(|(at, place)| RankedCandidate {
                intervention_id: round.candidates[at],
                rank: places[at],
                place,
                placed_by: placed_by(at),
                points: methods::nearest_f64(&points[at]),
                borda_points: methods::nearest_f64(&borda[at]),
            })
            .collect(),
        unranked,
        agreement: Agreement {
            kendalls_w: w.as_ref().ok().map(methods::nearest_f64),
            undefined: w.err().map(|why| why.code().to_owned()),
            voters: as_i32(cast.len()),
            abstained: as_i32(ballots.len() - cast.len()),
        },
        parties: cast.iter().zip(&totals).map(|((actor, _), totals)| party_ranking(*actor, totals, round)).collect(),
        uncounted: Vec::new(),
    }
}

fn party_ranking(actor_id: ActorId, totals: &[BigRational], round: &NewRound) -> PartyRanking {
    let ranks = methods::shared_places(totals);
    // A party that scores all candidates equally has expressed no order.
    let order = if round.candidates.len() > 1 && ranks.iter().all(|rank| *rank == 1) { Vec::new() } else { methods::order(totals, &[]) };
    PartyRanking {
        actor_id,
        ranking: order.iter().map(|at| round.candidates[*at]).collect(),
        ranks: order.iter().map(|at| ranks[*at]).collect(),
    }
}

/// A party's scores as shares of each criterion's scale, from 0 to 1: `[candidate][criterion]`.
fn shares(round: &NewRound, scores: &[Score]) -> Vec<Vec<BigRational>> {
    let share = |candidate: InterventionId, key: &str, scale: i32| {
        let score = scores.iter().find(|score| score.intervention_id == candidate && score.criterion == key);
        BigRational::new(score.map_or(0, |score| score.score).into(), scale.into())
    };
    round
        .candidates
        .iter()
        .map(|candidate| round.criteria.iter().map(|criterion| share(*candidate, &criterion.key, criterion.scale)).collect())
        .collect()
}

fn as_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

//! What a round needs to be opened, and what its ballots say together.

use super::{Agreement, NewRound, PartyRanking, RankedCandidate, RankingMethod, RoundResult, TieBreak};
use crate::{
    interventions::interventions::InterventionId,
    kernel::{Fault, say, text},
    priorities::{ballots::Score, methods},
    registry::actors::ActorId,
};

/// The faults of a round that can be seen in it alone.
#[must_use]
pub fn faults(new: &NewRound) -> Vec<Fault> {
    let mut faults: Vec<_> = text::blank_fault("/question", &new.question).into_iter().collect();
    for (at, criterion) in new.criteria.iter().enumerate() {
        if new.criteria[..at].iter().any(|other| other.key == criterion.key) {
            let key = &criterion.key;
            faults.push(Fault::at(
                format!("/criteria/{at}/key"),
                "repeated",
                say!("Nyckeln {key} används två gånger.", "The key {key} is used twice."),
            ));
        }
    }
    for (at, candidate) in new.candidates.iter().enumerate() {
        if new.candidates[..at].contains(candidate) {
            faults.push(Fault::at(
                format!("/candidates/{at}"),
                "repeated",
                say!("Samma insats står två gånger.", "The same intervention stands twice."),
            ));
        }
    }
    faults
}

/// A party's ballot: its scores, or nothing when it abstains.
pub type Cast = (ActorId, Option<Vec<Score>>);

/// The faults of a ballot: every candidate needs a score on every criterion, within its scale.
#[must_use]
pub fn ballot_faults(round: &NewRound, scores: &[Score]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, score) in scores.iter().enumerate() {
        let criterion = round.criteria.iter().find(|criterion| criterion.key == score.criterion);
        if !round.candidates.contains(&score.intervention_id) {
            faults.push(Fault::at(
                format!("/scores/{at}/interventionId"),
                "not-found",
                say!("Insatsen är inte med i prioriteringen.", "The intervention is not in this round."),
            ));
        }
        match criterion {
            None => {
                let known = round.criteria.iter().map(|criterion| criterion.key.as_str()).collect::<Vec<_>>().join(", ");
                faults.push(Fault::at(
                    format!("/scores/{at}/criterion"),
                    "not-in-list",
                    say!("Välj ett av kriterierna {known}.", "Choose one of the criteria {known}."),
                ));
            }
            Some(criterion) if score.score > criterion.scale => {
                let scale = criterion.scale;
                faults.push(Fault::at(
                    format!("/scores/{at}/score"),
                    "too-large",
                    say!("Poängen ska vara högst {scale}.", "The score must be at most {scale}."),
                ));
            }
            Some(_) => {}
        }
        if scores[..at].iter().any(|other| other.intervention_id == score.intervention_id && other.criterion == score.criterion) {
            faults.push(Fault::at(
                format!("/scores/{at}"),
                "repeated",
                say!("Samma insats och kriterium står två gånger.", "The same intervention and criterion stand twice."),
            ));
        }
    }
    let needed = round.candidates.len() * round.criteria.len();
    if faults.is_empty() && scores.len() < needed {
        let (given, missing) = (scores.len(), needed - scores.len());
        faults.push(Fault::at("/scores", "too-few", say!(
            "Sätt poäng på varje insats för varje kriterium: {given} är satta, {missing} saknas. Den som inte kan ta ställning avstår (abstains).",
            "Score every intervention on every criterion: {given} are given, {missing} are missing. Who cannot choose abstains (abstains)."
        )));
    }
    faults
}

/// The joint ranking, the agreement and each party's own ranking.
#[must_use]
pub fn result(round: &NewRound, ballots: &[Cast]) -> RoundResult {
    let weights: Vec<f64> = round.criteria.iter().map(|criterion| criterion.weight).collect();
    let cast: Vec<(ActorId, Vec<Vec<f64>>)> =
        ballots.iter().filter_map(|(actor, scores)| scores.as_ref().map(|scores| (*actor, shares(round, scores)))).collect();
    let totals: Vec<Vec<f64>> = cast.iter().map(|(_, shares)| methods::weighted(&weights, shares)).collect();
    let ranks: Vec<Vec<f64>> = totals.iter().map(|totals| methods::ranks(totals)).collect();
    let candidates = round.candidates.len();
    let mean = |of: &dyn Fn(usize) -> Vec<f64>| -> Vec<f64> {
        (0..candidates)
            .map(|candidate| {
                let values = of(candidate);
                values.iter().sum::<f64>() / f64::from(number(values.len().max(1)))
            })
            .collect()
    };
    let borda = if ranks.is_empty() { vec![0.0; candidates] } else { methods::borda(&ranks) };
    let points = match round.method {
        RankingMethod::WeightedScoring => mean(&|candidate| totals.iter().map(|totals| totals[candidate]).collect()),
        RankingMethod::Borda => borda.clone(),
    };
    // The first of the weightiest, so that the same round always has the same tie-break.
    let weightiest = (0..weights.len()).rev().max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or_default();
    let tie_break = match round.tie_break {
        TieBreak::WeightiestCriterion => mean(&|candidate| cast.iter().map(|(_, shares)| shares[candidate][weightiest]).collect()),
        TieBreak::CandidateOrder => Vec::new(),
    };
    let w = methods::kendalls_w(&ranks);
    let named = |order: Vec<usize>| -> Vec<InterventionId> { order.into_iter().map(|at| round.candidates[at]).collect() };
    RoundResult {
        method: round.method,
        ranking: methods::order(&points, &tie_break)
            .into_iter()
            .enumerate()
            .map(|(place, at)| RankedCandidate {
                intervention_id: round.candidates[at],
                rank: number(place + 1),
                points: points[at],
                borda_points: borda[at],
            })
            .collect(),
        agreement: Agreement {
            kendalls_w: w.ok(),
            undefined: w.err().map(|why| why.code().to_owned()),
            voters: number(cast.len()),
            abstained: number(ballots.len() - cast.len()),
        },
        parties: cast
            .iter()
            .zip(&totals)
            .map(|((actor, _), totals)| PartyRanking { actor_id: *actor, ranking: named(methods::order(totals, &[])) })
            .collect(),
    }
}

/// A party's scores as shares of each criterion's scale, by candidate.
fn shares(round: &NewRound, scores: &[Score]) -> Vec<Vec<f64>> {
    let share = |candidate: InterventionId, key: &str, scale: i32| {
        let score = scores.iter().find(|score| score.intervention_id == candidate && score.criterion == key);
        score.map_or(0.0, |score| f64::from(score.score) / f64::from(scale))
    };
    round
        .candidates
        .iter()
        .map(|candidate| round.criteria.iter().map(|criterion| share(*candidate, &criterion.key, criterion.scale)).collect())
        .collect()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

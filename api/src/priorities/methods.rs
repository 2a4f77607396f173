//! How ballots become a joint ranking, and how much the parties agree. Pure functions; candidates and voters are known by
//! their place in the lists.

/// Why a measure has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Agreement takes two voters or more.
    FewVoters,
    /// Agreement takes two candidates or more.
    FewCandidates,
    /// Every voter holds all candidates equal.
    AllTied,
}

impl Undefined {
    /// A stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FewVoters => "few_voters",
            Self::FewCandidates => "few_candidates",
            Self::AllTied => "all_tied",
        }
    }
}

/// The ranks of scores, the highest score having rank 1; equal scores share the mean of their ranks.
#[must_use]
pub fn ranks(scores: &[f64]) -> Vec<f64> {
    scores
        .iter()
        .map(|score| {
            let above = count(scores, |other| other > score);
            let equal = count(scores, |other| (other - score).abs() < f64::EPSILON);
            above + f64::midpoint(equal, 1.0)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are never so many that it matters")]
fn count(scores: &[f64], holds: impl Fn(&f64) -> bool) -> f64 {
    scores.iter().filter(|score| holds(score)).count() as f64
}

/// Borda's count: a candidate gets from each voter as many points as there are candidates ranked below it, ties sharing.
#[must_use]
pub fn borda(ballots: &[Vec<f64>]) -> Vec<f64> {
    let candidates = ballots.first().map_or(0, Vec::len);
    (0..candidates).map(|candidate| ballots.iter().map(|ranks| size(candidates) - ranks[candidate]).sum()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are never so many that it matters")]
const fn size(count: usize) -> f64 {
    count as f64
}

/// Kendall's coefficient of concordance W, corrected for ties: 1 when all voters rank alike, 0 when they do not agree at
/// all (Kendall and Babington Smith 1939; correction by Kendall 1948).
///
/// # Errors
/// When it is not defined.
pub fn kendalls_w(ballots: &[Vec<f64>]) -> Result<f64, Undefined> {
    let (m, n) = (size(ballots.len()), size(ballots.first().map_or(0, Vec::len)));
    if ballots.len() < 2 {
        return Err(Undefined::FewVoters);
    }
    if n < 2.0 {
        return Err(Undefined::FewCandidates);
    }
    let sums: Vec<f64> = (0..ballots[0].len()).map(|candidate| ballots.iter().map(|ranks| ranks[candidate]).sum()).collect();
    let mean = m * (n + 1.0) / 2.0;
    let spread: f64 = sums.iter().map(|sum| (sum - mean).powi(2)).sum();
    let ties: f64 = ballots.iter().map(|ranks| tie_correction(ranks)).sum();
    let most = m * m * (n.powi(3) - n) - m * ties;
    if most <= 0.0 { Err(Undefined::AllTied) } else { Ok(12.0 * spread / most) }
}

/// The sum of t³ − t over groups of t equal ranks: each of the t members gives t² − 1.
fn tie_correction(ranks: &[f64]) -> f64 {
    ranks.iter().map(|rank| count(ranks, |other| (other - rank).abs() < f64::EPSILON).powi(2) - 1.0).sum()
}

/// A voter's weighted score of each candidate, from 0 to 100. `scores[candidate][criterion]` is a share of the scale.
#[must_use]
pub fn weighted(weights: &[f64], scores: &[Vec<f64>]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    scores.iter().map(|scores| 100.0 * weights.iter().zip(scores).map(|(weight, score)| weight * score).sum::<f64>() / total).collect()
}

/// The candidates from first to last by points; equal points are decided by `tie_break`, and then by the candidates' order.
#[must_use]
pub fn order(points: &[f64], tie_break: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    let of = |list: &[f64], at: usize| list.get(at).copied().unwrap_or_default();
    order.sort_by(|a, b| of(points, *b).total_cmp(&of(points, *a)).then(of(tie_break, *b).total_cmp(&of(tie_break, *a))).then(a.cmp(b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The 45 ballots of Schulze (2011), as ranks of A to E.
    fn schulze() -> Vec<Vec<f64>> {
        let groups = [(5, "ACBED"), (5, "ADECB"), (8, "BEDAC"), (3, "CABED"), (7, "CAEBD"), (2, "CBADE"), (7, "DCEBA"), (8, "EBADC")];
        let ranks = |order: &str| "ABCDE".chars().map(|name| size(order.find(name).unwrap_or_default() + 1)).collect::<Vec<_>>();
        groups.iter().flat_map(|(times, order)| std::iter::repeat_n(ranks(order), *times)).collect()
    }

    #[test]
    fn the_literatures_ballots_give_its_results() {
        assert_eq!(borda(&schulze()), [98.0, 92.0, 89.0, 69.0, 102.0]);
        let w = kendalls_w(&schulze()).unwrap_or_default();
        assert!((w - 0.032_296_3).abs() < 1e-7, "{w}");
        assert_eq!(order(&borda(&schulze()), &[]), [4, 0, 1, 2, 3]);
    }

    #[test]
    fn what_is_not_defined_says_why() {
        assert_eq!(kendalls_w(&[vec![1.0, 2.0]]), Err(Undefined::FewVoters));
        assert_eq!(kendalls_w(&[vec![1.0], vec![1.0]]), Err(Undefined::FewCandidates));
        assert_eq!(kendalls_w(&[vec![1.5, 1.5], vec![1.5, 1.5]]), Err(Undefined::AllTied));
    }

    #[test]
    fn equal_points_are_decided_by_the_tie_break_and_then_by_order() {
        assert_eq!(order(&[1.0, 1.0, 2.0], &[0.0, 5.0, 0.0]), [2, 1, 0]);
        assert_eq!(order(&[1.0, 1.0], &[3.0, 3.0]), [0, 1]);
    }

    proptest! {
        #[test]
        fn ranks_always_add_up(scores in prop::collection::vec(0_u8..10, 1..9)) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            let n = size(scores.len());
            prop_assert!((ranks(&scores).iter().sum::<f64>() - n * (n + 1.0) / 2.0).abs() < 1e-9);
        }

        #[test]
        fn agreement_lies_between_nothing_and_one(ballots in prop::collection::vec(prop::collection::vec(0_u8..6, 4), 2..8)) {
            let ballots: Vec<_> = ballots.into_iter().map(|scores| ranks(&scores.into_iter().map(f64::from).collect::<Vec<_>>())).collect();
            if let Ok(w) = kendalls_w(&ballots) {
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&w));
            }
        }

        #[test]
        fn voters_who_rank_alike_agree_wholly(scores in prop::collection::vec(0_u16..1000, 2..8), voters in 2_usize..6) {
            let ranking = ranks(&scores.into_iter().map(f64::from).collect::<Vec<_>>());
            if let Ok(w) = kendalls_w(&vec![ranking; voters]) {
                prop_assert!((w - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn a_candidate_that_everybody_scores_higher_never_falls(scores in prop::collection::vec(prop::collection::vec(0_u8..9, 3), 1..6)) {
            let total = |lift: f64| -> f64 { scores.iter().map(|ballot| weighted(&[1.0], &ballot.iter().enumerate().map(|(at, score)| vec![f64::from(*score) + if at == 0 { lift } else { 0.0 }]).collect::<Vec<_>>())[0]).sum() };
            prop_assert!(total(1.0) > total(0.0));
        }
    }
}

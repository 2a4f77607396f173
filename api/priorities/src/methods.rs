//! Ranking methods: the joint ranking of ballots, and the agreement of the parties. Pure functions. Candidates and voters are
//! identified by their index in the lists. All arithmetic is in integers and exact fractions, so that equal results compare as
//! equal.

use std::cmp::Reverse;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};

/// The reason why a measure has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Agreement needs two voters or more.
    FewVoters,
    /// Agreement needs two candidates or more.
    FewCandidates,
    /// Every voter scores all candidates equally.
    AllTied,
}

impl Undefined {
    /// The stable code that a result shows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FewVoters => "few_voters",
            Self::FewCandidates => "few_candidates",
            Self::AllTied => "all_tied",
        }
    }
}

/// A whole number as a fraction.
#[must_use]
pub fn whole(number: impl Into<BigInt>) -> BigRational {
    BigRational::from_integer(number.into())
}

/// The fraction that the number's decimal notation says, so that 0.1 is one tenth.
#[must_use]
pub fn decimal(number: f64) -> BigRational {
    let written = number.to_string();
    let (whole, decimals) = written.split_once('.').unwrap_or((&written, ""));
    let digits: BigInt = format!("{whole}{decimals}").parse().unwrap_or_default();
    BigRational::new(digits, BigInt::from(10).pow(u32::try_from(decimals.len()).unwrap_or_default()))
}

/// The nearest floating-point number, for display only.
#[must_use]
pub fn nearest_f64(number: &BigRational) -> f64 {
    number.to_f64().unwrap_or_default()
}

/// Twice the rank of each score. The highest score has rank 1; equal scores share the mean of their ranks. Such a mean is a
/// multiple of one half, so doubled ranks are integers.
#[must_use]
pub fn doubled_ranks<T: Ord>(scores: &[T]) -> Vec<i64> {
    scores
        .iter()
        .map(|score| {
            let above = count(scores, |other| other > score);
            let equal = count(scores, |other| other == score);
            2 * above + equal + 1
        })
        .collect()
}

/// The place of each score. The highest has place 1; equal scores share the best of their places.
#[must_use]
pub fn shared_places<T: Ord>(scores: &[T]) -> Vec<i32> {
    scores.iter().map(|score| i32::try_from(1 + count(scores, |other| other > score)).unwrap_or(i32::MAX)).collect()
}

fn count<T>(scores: &[T], holds: impl Fn(&T) -> bool) -> i64 {
    as_i64(scores.iter().filter(|score| holds(score)).count())
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Borda points of each candidate: each voter gives it one point for every candidate ranked below it, and ties share.
/// `ballots[voter][candidate]` are doubled ranks.
#[must_use]
pub fn borda(candidates: usize, ballots: &[Vec<i64>]) -> Vec<BigRational> {
    let doubled = |candidate: usize| ballots.iter().map(|ranks| 2 * as_i64(candidates) - ranks[candidate]).sum::<i64>();
    (0..candidates).map(|candidate| BigRational::new(doubled(candidate).into(), 2.into())).collect()
}

/// Kendall's coefficient of concordance W, corrected for ties: 1 when all voters rank alike, 0 when there is no agreement
/// (Kendall and Babington Smith 1939; correction by Kendall 1948). `ballots[voter][candidate]` are doubled ranks.
///
/// # Errors
/// The reason why W is not defined.
pub fn kendalls_w(ballots: &[Vec<i64>]) -> Result<BigRational, Undefined> {
    let candidates = ballots.first().map_or(0, Vec::len);
    if ballots.len() < 2 {
        return Err(Undefined::FewVoters);
    }
    if candidates < 2 {
        return Err(Undefined::FewCandidates);
    }
    let (m, n) = (BigInt::from(ballots.len()), BigInt::from(candidates));
    // Ranks are doubled, so this is twice the mean of the rank sums, and `spread` is four times the sum of squares.
    let mean = &m * (&n + 1);
    let sum = |candidate: usize| ballots.iter().map(|ranks| ranks[candidate]).sum::<i64>();
    let spread: BigInt = (0..candidates).map(|candidate| BigInt::from(sum(candidate)) - &mean).map(|apart| &apart * &apart).sum();
    let ties: i64 = ballots.iter().map(|ranks| tie_correction(ranks)).sum();
    let most = &m * &m * (n.pow(3) - &n) - &m * ties;
    if most.is_zero() { Err(Undefined::AllTied) } else { Ok(BigRational::new(spread * 3, most)) }
}

/// The sum of t³ − t over groups of t equal ranks. Each of the t members contributes t² − 1.
fn tie_correction(ranks: &[i64]) -> i64 {
    ranks.iter().map(|rank| count(ranks, |other| other == rank).pow(2) - 1).sum()
}

/// A voter's weighted score of each candidate, from 0 to 100. `scores[candidate][criterion]` is a share of the scale, from 0 to
/// 1.
#[must_use]
pub fn weighted_scores(weights: &[BigRational], scores: &[Vec<BigRational>]) -> Vec<BigRational> {
    let total: BigRational = weights.iter().sum();
    scores
        .iter()
        .map(|scores| weights.iter().zip(scores).map(|(weight, score)| weight * score).sum::<BigRational>() * whole(100) / &total)
        .collect()
}

/// The mean of each candidate's values over all voters. Empty when there is no voter.
#[must_use]
pub fn means(voters: &[Vec<BigRational>]) -> Vec<BigRational> {
    let candidates = voters.first().map_or(0, Vec::len);
    let sum = |candidate: usize| voters.iter().map(|values| &values[candidate]).sum::<BigRational>();
    (0..candidates).map(|candidate| sum(candidate) / whole(voters.len())).collect()
}

/// The candidates' indexes from first to last by points. Equal points are ordered by `tie_break`, and then by index.
#[must_use]
pub fn order<T: Ord>(points: &[T], tie_break: &[T]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|at| (Reverse(&points[*at]), Reverse(tie_break.get(*at))));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The 45 ballots of Schulze (2011), as doubled ranks of A to E.
    fn schulze() -> Vec<Vec<i64>> {
        let groups = [(5, "ACBED"), (5, "ADECB"), (8, "BEDAC"), (3, "CABED"), (7, "CAEBD"), (2, "CBADE"), (7, "DCEBA"), (8, "EBADC")];
        let ranks = |order: &str| "ABCDE".chars().map(|name| 2 * as_i64(order.find(name).unwrap_or_default() + 1)).collect::<Vec<_>>();
        groups.iter().flat_map(|(times, order)| std::iter::repeat_n(ranks(order), *times)).collect()
    }

    #[test]
    fn ballots_from_the_literature_give_its_results() {
        assert_eq!(borda(5, &schulze()), [98, 92, 89, 69, 102].map(whole));
        let w = kendalls_w(&schulze()).map(|w| nearest_f64(&w)).unwrap_or_default();
        assert!((w - 0.032_296_3).abs() < 1e-7, "{w}");
        assert_eq!(order(&borda(5, &schulze()), &[]), [4, 0, 1, 2, 3]);
    }

    #[test]
    fn kendalls_w_gives_the_reason_when_it_is_not_defined() {
        assert_eq!(kendalls_w(&[vec![2, 4]]), Err(Undefined::FewVoters));
        assert_eq!(kendalls_w(&[vec![2], vec![2]]), Err(Undefined::FewCandidates));
        assert_eq!(kendalls_w(&[vec![3, 3], vec![3, 3]]), Err(Undefined::AllTied));
    }

    #[test]
    fn equal_points_are_decided_by_the_tie_break_and_then_by_order() {
        assert_eq!(order(&[1, 1, 2], &[0, 5, 0]), [2, 1, 0]);
        assert_eq!(order(&[1, 1], &[3, 3]), [0, 1]);
        assert_eq!(shared_places(&[1, 1, 2]), [2, 2, 1]);
    }

    #[test]
    fn decimal_gives_the_written_fraction() {
        let tenth = |tenths: i32| BigRational::new(tenths.into(), 10.into());
        assert_eq!(decimal(0.1) + decimal(0.2), decimal(0.3));
        assert_eq!([decimal(3.0), decimal(0.7), decimal(1e-7)], [whole(3), tenth(7), BigRational::new(1.into(), 10_000_000.into())]);
    }

    proptest! {
        #[test]
        fn ranks_always_add_up(scores in prop::collection::vec(0_u8..10, 1..9)) {
            let n = as_i64(scores.len());
            prop_assert_eq!(doubled_ranks(&scores).iter().sum::<i64>(), n * (n + 1));
        }

        #[test]
        fn agreement_lies_between_zero_and_one(ballots in prop::collection::vec(prop::collection::vec(0_u8..6, 4), 2..8)) {
            let ballots: Vec<_> = ballots.into_iter().map(|scores| doubled_ranks(&scores)).collect();
            if let Ok(w) = kendalls_w(&ballots) {
                prop_assert!((whole(0)..=whole(1)).contains(&w));
            }
        }

        #[test]
        fn equal_rankings_give_full_agreement(scores in prop::collection::vec(0_u16..1000, 2..8), voters in 2_usize..6) {
            if let Ok(w) = kendalls_w(&vec![doubled_ranks(&scores); voters]) {
                prop_assert_eq!(w, whole(1));
            }
        }

        #[test]
        fn a_candidate_that_a_voter_scores_higher_rises(scores in prop::collection::vec(0_u8..9, 3)) {
            let points = |lift: u8| weighted_scores(&[whole(1)], &scores.iter().enumerate().map(|(at, score)| vec![whole(score + if at == 0 { lift } else { 0 })]).collect::<Vec<_>>());
            prop_assert!(points(1)[0] > points(0)[0] && points(1)[1] == points(0)[1]);
        }

        #[test]
        fn points_do_not_depend_on_the_order_of_ballots(ballots in prop::collection::vec(prop::collection::vec((0_i32..6, 1_i32..7), 3), 1..7), turn in 0_usize..7) {
            let voters: Vec<Vec<_>> = ballots.iter().map(|ballot| ballot.iter().map(|(score, scale)| BigRational::new((*score).into(), (*scale).into())).collect()).collect();
            let mut turned = voters.clone();
            turned.rotate_left(turn % voters.len());
            prop_assert_eq!(means(&voters), means(&turned));
        }
    }
}

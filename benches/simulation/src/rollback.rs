//! Is harm found in time, and how often is a harmless candidate rolled back?

use anyhow::Result;
use rand::Rng;
use tidegate_stats::e_process::{Claim, Count, EProcess};
use tidegate_stats::{ConfidenceSequence, Estimate, Sides, normal, planned_information};

use crate::released::{Laplace, Released, difference};
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::traffic::{Counts, Traffic};
use crate::{ALPHA, BASE, FIRST_LOOK, UNITS, WINDOWS};

/// In the order of the verdicts of [`limit`].
const LIMIT_RULES: [&str; 3] = [
    "e-process on exact counts, inside the trust boundary",
    "e-process on daily releases, b = 1",
    "e-process on hourly releases, b = 1",
];
/// A hard limit: one unit in a thousand.
const LIMIT: f64 = 0.001;
/// Units in an hour: 13 events in two weeks at the limit.
const FEW_UNITS: f64 = 40.0;
const SCALE: f64 = 1.0;

/// In the order of the verdicts of [`guardrails`].
const GUARDRAIL_RULES: [&str; 3] = [
    "z-test every hour, each guardrail at 5 %",
    "confidence sequence, each guardrail at 5 %",
    "confidence sequence, 5 % split over the guardrails",
];
const GUARDRAILS: usize = 5;
/// Two percentage points.
const HARM: f64 = 0.02;

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let mut hard = Table::new("Rolled back for a hard limit of 1 in 1,000, 40 units an hour, at 5 %", &LIMIT_RULES);
    let few = Traffic::new(FEW_UNITS)?;
    for (cell, (name, factor)) in [("at the limit", 1.0), ("twice", 2.0), ("three times", 3.0)].into_iter().enumerate()
    {
        let found = runs.tally(cell as u64, |random| limit(random, &few, factor * LIMIT))?;
        hard.push(name, found.each_ref().map(if factor > 1.0 { Tally::power } else { Tally::share }));
    }
    let mut soft = Table::new("Rolled back for any of five guardrails, b = 1", &GUARDRAIL_RULES);
    let many = Traffic::new(UNITS)?;
    let found = |harm: f64, cell: u64| runs.tally(cell, |random| guardrails(random, &many, harm));
    soft.push("no difference in any", found(0.0, 3)?.each_ref().map(Tally::share));
    soft.push("2 points worse in one", found(HARM, 4)?.each_ref().map(Tally::power));
    Ok(vec![hard, soft])
}

/// One arm whose events come at `rate` against a claim that they come at no more than the limit.
fn limit(random: &mut impl Rng, traffic: &Traffic, rate: f64) -> Result<Stops<3>> {
    let noise = Laplace::new(SCALE)?;
    let claim = Claim::RateAtMost { limit: LIMIT };
    let mut exact = EProcess::new(claim, None)?;
    let [mut daily, mut hourly] = [EProcess::new(claim, noise.noise())?, EProcess::new(claim, noise.noise())?];
    let (mut day, mut stops) = (Counts::default(), Stops::none());
    for window in 0..WINDOWS {
        let counts = traffic.draw(random, window, rate)?;
        day += counts;
        let mut noised = |counts: Counts| Count { num: counts.num as f64 + noise.draw(random), ..count(counts) };
        exact.push_rate(count(counts))?;
        hourly.push_rate(noised(counts))?;
        if (window + 1).is_multiple_of(24) {
            daily.push_rate(noised(std::mem::take(&mut day)))?;
        }
        stops.note(window, [&exact, &daily, &hourly].map(|process| process.p_value() <= ALPHA));
    }
    Ok(stops)
}

fn count(counts: Counts) -> Count {
    Count { num: counts.num as f64, den: counts.den, rows: 1 }
}

/// Five outcomes of their own, the first of which may be worse.
fn guardrails(random: &mut impl Rng, traffic: &Traffic, harm: f64) -> Result<Stops<3>> {
    let noise = Laplace::new(SCALE)?;
    let [whole, split] = [rollback(ALPHA)?, rollback(ALPHA / GUARDRAILS as f64)?];
    let z = normal::quantile(1.0 - ALPHA)?;
    let (mut so_far, mut stops) = ([[Released::default(); 2]; GUARDRAILS], Stops::none());
    for window in 0..WINDOWS {
        for (guardrail, arms) in so_far.iter_mut().enumerate() {
            let harm = if guardrail == 0 { harm } else { 0.0 };
            for (arm, rate) in arms.iter_mut().zip([BASE + harm, BASE]) {
                let counts = traffic.draw(random, window, rate)?;
                arm.add(noise.release(random, counts));
            }
        }
        if window + 1 < FIRST_LOOK {
            continue;
        }
        let estimates = so_far.map(|arms| difference(arms, noise.stddev()));
        let any = |worse: &dyn Fn(Estimate) -> bool| estimates.iter().flatten().any(|&estimate| worse(estimate));
        stops.note(
            window,
            [
                any(&|estimate| estimate.z(0.0).is_ok_and(|found| found > z)),
                any(&|estimate| shows_harm(&whole, estimate)),
                any(&|estimate| shows_harm(&split, estimate)),
            ],
        );
    }
    Ok(stops)
}

/// The sequence that rolls back, tightest where harm of two points is found with 80 % power.
pub(crate) fn rollback(alpha: f64) -> Result<ConfidenceSequence> {
    Ok(ConfidenceSequence::new(Sides::One, alpha, planned_information(HARM, alpha, 0.8)?)?)
}

/// Whether the lower bound of the difference lies above 0.
pub(crate) fn shows_harm(sequence: &ConfidenceSequence, estimate: Estimate) -> bool {
    sequence.interval(estimate).is_ok_and(|interval| interval.low > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    #[test]
    fn a_hard_limit_is_guarded_by_exact_counts() {
        let traffic = Traffic::new(FEW_UNITS).unwrap();
        let [exact, daily, hourly] = few(|random| limit(random, &traffic, 3.0 * LIMIT));
        assert!(exact > 0.95 && exact > daily && daily > hourly && hourly < 0.3, "{exact} {daily} {hourly}");
        let wrong = few(|random| limit(random, &traffic, LIMIT));
        assert!(wrong.iter().all(|&wrong| wrong <= about(ALPHA)), "{wrong:?}");
    }

    #[test]
    fn five_guardrails_share_one_alpha() {
        let traffic = Traffic::new(UNITS).unwrap();
        let [naive, _, split] = few(|random| guardrails(random, &traffic, 0.0));
        assert!(naive > 0.5 && split <= about(ALPHA), "{naive} {split}");
    }
}

//! How often does a gate promote what is worse by exactly the margin, and how often what is as good?
//!
//! Everybody looks every hour, the group sequential test every day.

use anyhow::Result;
use rand::Rng;
use tidegate_stats::e_process::{Claim, Count, EProcess};
use tidegate_stats::{ConfidenceSequence, Estimate, Sides, Spending, group_sequential, normal, planned_information};

use crate::released::{Laplace, Released, difference};
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::traffic::Traffic;
use crate::{ALPHA, BASE, FIRST_LOOK, MARGIN, UNITS, WINDOWS};

/// Of the noise in each released count.
const SCALES: [f64; 4] = [0.0, 1.0, 2.0, 5.0];

/// In the order of the verdicts of [`Gate::run`].
const RULES: [&str; 5] = [
    "z-test every hour, noise ignored",
    "asymptotic confidence sequence, noise ignored",
    "asymptotic confidence sequence, noise folded in",
    "group sequential (O'Brien-Fleming, daily), noise folded in",
    "exact e-process, noise folded in",
];

/// What the control's rate is declared not to exceed.
const CONTROL_AT_MOST: f64 = 0.15;

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let (gate, traffic) = (Gate::new()?, Traffic::new(UNITS)?);
    let mut wrong = Table::new("Promoted although worse by exactly the margin", &RULES);
    let mut right = Table::new("Promoted where there is no difference, and the median hour", &RULES);
    for (cell, scale) in SCALES.into_iter().enumerate() {
        let noise = Laplace::new(scale)?;
        let promoted =
            |harm: f64, cell: usize| runs.tally(cell as u64, |random| gate.run(random, &traffic, harm, noise));
        wrong.push(format!("b = {scale}"), promoted(MARGIN, 2 * cell)?.each_ref().map(Tally::share));
        right.push(format!("b = {scale}"), promoted(0.0, 2 * cell + 1)?.each_ref().map(Tally::power));
    }
    Ok(vec![wrong, right])
}

/// Rules that were fixed before the first window.
pub(crate) struct Gate {
    sequence: ConfidenceSequence,
    daily: Vec<f64>,
    z: f64,
}

impl Gate {
    pub(crate) fn new() -> Result<Self> {
        let days = (1..=WINDOWS / 24).map(|day| (24 * day) as f64 / WINDOWS as f64).collect::<Vec<_>>();
        Ok(Self {
            sequence: promotion(ALPHA)?,
            daily: group_sequential::boundaries(&days, Spending::ObrienFleming, Sides::One, ALPHA)?,
            z: normal::quantile(1.0 - ALPHA)?,
        })
    }

    fn run(&self, random: &mut impl Rng, traffic: &Traffic, harm: f64, noise: Laplace) -> Result<Stops<5>> {
        let claim = Claim::DifferenceAtLeast { margin: MARGIN, control_at_most: CONTROL_AT_MOST };
        let mut process = EProcess::new(claim, noise.noise())?;
        let (mut so_far, mut stops) = ([Released::default(); 2], Stops::none());
        for window in 0..WINDOWS {
            let mut exposed = [Count { num: 0.0, den: 0, rows: 1 }; 2];
            for (arm, rate) in [BASE + harm, BASE].into_iter().enumerate() {
                let counts = traffic.draw(random, window, rate)?;
                let released = noise.release(random, counts);
                so_far[arm].add(released);
                exposed[arm] = Count { num: released.num, den: counts.den, rows: 1 };
            }
            process.push_difference(exposed[0], exposed[1])?;
            if window + 1 < FIRST_LOOK {
                continue;
            }
            let (ignored, folded) = (difference(so_far, 0.0), difference(so_far, noise.stddev()));
            stops.note(
                window,
                [
                    below_margin(ignored, self.z),
                    self.excludes_harm(ignored),
                    self.excludes_harm(folded),
                    self.excludes_harm_today(window, folded),
                    process.p_value() <= ALPHA,
                ],
            );
        }
        Ok(stops)
    }

    /// Harm of the margin is excluded at this look and all before.
    pub(crate) fn excludes_harm(&self, estimate: Option<Estimate>) -> bool {
        excludes_harm(&self.sequence, estimate)
    }

    /// The day's boundary is crossed; no verdict at other hours.
    pub(crate) fn excludes_harm_today(&self, window: usize, estimate: Option<Estimate>) -> bool {
        let hour = window + 1;
        hour.is_multiple_of(24) && below_margin(estimate, self.daily[hour / 24 - 1])
    }
}

/// The sequence that promotes, tightest where a gate with 80 % power would stop.
pub(crate) fn promotion(alpha: f64) -> Result<ConfidenceSequence> {
    Ok(ConfidenceSequence::new(Sides::One, alpha, planned_information(MARGIN, alpha, 0.8)?)?)
}

/// Whether the upper bound lies below the margin; nothing known is no evidence.
pub(crate) fn excludes_harm(sequence: &ConfidenceSequence, estimate: Option<Estimate>) -> bool {
    estimate.and_then(|estimate| sequence.interval(estimate).ok()).is_some_and(|interval| interval.high < MARGIN)
}

fn below_margin(estimate: Option<Estimate>, z: f64) -> bool {
    estimate.and_then(|estimate| estimate.z(MARGIN).ok()).is_some_and(|found| found < -z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    fn promoted(harm: f64, scale: f64) -> [f64; 5] {
        let (gate, traffic, noise) = (Gate::new().unwrap(), Traffic::new(UNITS).unwrap(), Laplace::new(scale).unwrap());
        few(|random| gate.run(random, &traffic, harm, noise))
    }

    #[test]
    fn rules_that_fold_noise_in_keep_their_level_and_others_do_not() {
        let [naive, ignored, sequence, daily, exact] = promoted(MARGIN, 5.0);
        assert!(sequence <= about(ALPHA) && daily <= about(ALPHA) && exact <= about(ALPHA));
        assert!(naive > about(ALPHA) && ignored > about(ALPHA), "{naive} {ignored}");
    }

    #[test]
    fn what_is_as_good_is_promoted() {
        let [_, _, sequence, daily, exact] = promoted(0.0, 1.0);
        assert!(sequence > 0.9 && daily > 0.9 && exact > 0.7, "{sequence} {daily} {exact}");
    }
}

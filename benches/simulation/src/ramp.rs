//! What becomes of a comparison when the treatment's share of the traffic grows?
//!
//! Rates move from stage to stage, for both arms alike. Pooled, the treatment's units come mostly from the last stage and
//! the control's from the first, and what separates the stages looks like the treatment's doing (E. Simpson, 1951).

use anyhow::Result;
use rand::Rng;
use tidegate_stats::ConfidenceSequence;

use crate::peeking::{excludes_harm, promotion};
use crate::released::{Laplace, Released, difference};
use crate::rollback::{rollback, shows_harm};
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::traffic::Traffic;
use crate::{ALPHA, BASE, FIRST_LOOK, MARGIN, UNITS};

/// In the order of the verdicts of [`run`].
const RULES: [&str; 2] = ["pooled over the stages, at 5 %", "restarted at each stage, 5 % split over them"];
/// Days of each stage, and the treatment's share of the traffic.
const STAGES: [(usize, f64); 3] = [(4, 0.05), (4, 0.2), (6, 0.5)];
const FALLING: [f64; 3] = [0.12, 0.1, 0.08];
const STEADY: [f64; 3] = [BASE; 3];
const RISING: [f64; 3] = [0.08, 0.1, 0.12];
const SCALE: f64 = 1.0;

/// Which verdict is asked for.
#[derive(Clone, Copy)]
enum Verdict {
    Promote,
    RollBack,
}

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let mut table = Table::new("A ramp of 5, 20 and 50 % over 4, 4 and 6 days, b = 1", &RULES);
    let found = |cell: u64, rates: [f64; 3], harm: f64, verdict: Verdict| {
        runs.tally(cell, |random| run(random, rates, harm, verdict))
    };
    let promoted = found(0, FALLING, MARGIN, Verdict::Promote)?;
    table.push("promoted, worse by the margin, rates falling", promoted.each_ref().map(Tally::share));
    let promoted = found(1, STEADY, MARGIN, Verdict::Promote)?;
    table.push("the same, rates steady", promoted.each_ref().map(Tally::share));
    let rolled_back = found(2, RISING, 0.0, Verdict::RollBack)?;
    table.push("rolled back, no difference, rates rising", rolled_back.each_ref().map(Tally::share));
    let promoted = found(3, FALLING, 0.0, Verdict::Promote)?;
    table.push("promoted, no difference, rates falling", promoted.each_ref().map(Tally::power));
    Ok(vec![table])
}

fn run(random: &mut impl Rng, rates: [f64; 3], harm: f64, verdict: Verdict) -> Result<Stops<2>> {
    let noise = Laplace::new(SCALE)?;
    let sequence = |alpha: f64| match verdict {
        Verdict::Promote => promotion(alpha),
        Verdict::RollBack => rollback(alpha),
    };
    let (whole, split) = (sequence(ALPHA)?, sequence(ALPHA / STAGES.len() as f64)?);
    let stops_at = |sequence: &ConfidenceSequence, arms: [Released; 2]| {
        let estimate = difference(arms, noise.stddev());
        match verdict {
            Verdict::Promote => excludes_harm(sequence, estimate),
            Verdict::RollBack => estimate.is_some_and(|estimate| shows_harm(sequence, estimate)),
        }
    };
    let (mut pooled, mut stops, mut window) = ([Released::default(); 2], Stops::none(), 0);
    for ((days, share), rate) in STAGES.into_iter().zip(rates) {
        let traffic = [Traffic::new(2.0 * UNITS * share)?, Traffic::new(2.0 * UNITS * (1.0 - share))?];
        let mut stage = [Released::default(); 2];
        for hour in 0..24 * days {
            for (arm, rate) in [rate + harm, rate].into_iter().enumerate() {
                let counts = traffic[arm].draw(random, window, rate)?;
                let released = noise.release(random, counts);
                pooled[arm].add(released);
                stage[arm].add(released);
            }
            let looks = hour + 1 >= FIRST_LOOK;
            stops
                .note(window, [window + 1 >= FIRST_LOOK && stops_at(&whole, pooled), looks && stops_at(&split, stage)]);
            window += 1;
        }
    }
    Ok(stops)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    #[test]
    fn stages_are_not_pooled() {
        for (rates, harm, verdict) in [(FALLING, MARGIN, Verdict::Promote), (RISING, 0.0, Verdict::RollBack)] {
            let [pooled, restarted] = few(|random| run(random, rates, harm, verdict));
            assert!(pooled > 0.9 && restarted <= about(ALPHA), "{pooled} {restarted}");
        }
    }
}

//! What does a rule do that promotes when the time is up unless harm was shown?
//!
//! The less traffic, the less is shown, and the more it promotes.

use anyhow::Result;
use rand::Rng;
use tidegate_stats::{Estimate, Proportion, normal};

use crate::peeking::Gate;
use crate::released::{Laplace, Released, difference};
use crate::rollback::{rollback, shows_harm};
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::traffic::{Counts, Traffic};
use crate::{ALPHA, BASE, FIRST_LOOK, WINDOWS};

/// In the order of the verdicts of [`run`].
const RULES: [&str; 4] = [
    "promote after 14 days unless significantly worse",
    "promote after 14 days unless a confidence sequence showed harm",
    "asymptotic confidence sequence against the margin",
    "group sequential against the margin",
];
/// In an hour and arm.
const UNITS: [f64; 5] = [0.1, 1.0, 3.0, 10.0, 30.0];
/// Two percentage points, twice the margin.
const HARM: f64 = 0.02;

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let mut table = Table::new("Promoted although 2 points worse, by units in an hour and arm, exact counts", &RULES);
    for (cell, units) in UNITS.into_iter().enumerate() {
        let (gate, traffic) = (Gate::new()?, Traffic::new(units)?);
        let promoted = runs.tally(cell as u64, |random| run(random, &gate, &traffic))?;
        table.push(format!("{units}"), promoted.each_ref().map(Tally::share));
    }
    Ok(vec![table])
}

fn run(random: &mut impl Rng, gate: &Gate, traffic: &Traffic) -> Result<Stops<4>> {
    let (exact, sequence, z) = (Laplace::new(0.0)?, rollback(ALPHA)?, normal::quantile(1.0 - ALPHA)?);
    let (mut counts, mut so_far) = ([Counts::default(); 2], [Released::default(); 2]);
    let (mut stops, mut harm_shown) = (Stops::none(), false);
    for window in 0..WINDOWS {
        for (arm, rate) in [BASE + HARM, BASE].into_iter().enumerate() {
            let seen = traffic.draw(random, window, rate)?;
            counts[arm] += seen;
            so_far[arm].add(exact.release(random, seen));
        }
        if window + 1 < FIRST_LOOK {
            continue;
        }
        let estimate = difference(so_far, 0.0);
        harm_shown |= estimate.is_some_and(|estimate| shows_harm(&sequence, estimate));
        let time_is_up = window + 1 == WINDOWS;
        stops.note(
            window,
            [
                time_is_up && !significantly_worse(counts, z),
                time_is_up && !harm_shown,
                gate.excludes_harm(estimate),
                gate.excludes_harm_today(window, estimate),
            ],
        );
    }
    Ok(stops)
}

/// One look at the end; an arm that saw nothing is not worse.
fn significantly_worse(arms: [Counts; 2], z: f64) -> bool {
    let rate = |arm: Counts| Proportion::new(arm.num, arm.den).map(Estimate::of_proportion);
    let [treatment, control] = arms.map(rate);
    treatment.and_then(|treatment| treatment.minus(control?)?.z(0.0)).is_ok_and(|found| found > z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    #[test]
    fn only_evidence_promotes_with_little_traffic() {
        let (gate, traffic) = (Gate::new().unwrap(), Traffic::new(1.0).unwrap());
        let [deadline, safe, sequence, daily] = few(|random| run(random, &gate, &traffic));
        assert!(deadline > 0.5 && safe > 0.5, "{deadline} {safe}");
        assert!(sequence <= about(ALPHA) && daily <= about(ALPHA), "{sequence} {daily}");
    }
}

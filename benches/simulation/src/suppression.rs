//! What becomes of a gate whose small cells are withheld?
//!
//! A threshold on events selects by what is to be measured, whichever way its gaps are filled. A threshold on units does
//! not, and what stays in state comes with the next released row.

use anyhow::Result;
use rand::Rng;

use crate::peeking::{excludes_harm, promotion};
use crate::released::{Laplace, Released, difference};
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::traffic::{Counts, Traffic};
use crate::{ALPHA, BASE, FIRST_LOOK, MARGIN, UNITS, WINDOWS};

/// In the order of the arms' sums in [`run`].
const RULES: [&str; 6] = [
    "all released",
    "fewer than 20 events: read as zero",
    "fewer than 20 events: left out of that arm",
    "fewer than 20 events: left out of both arms",
    "fewer than 150 units: left out of both arms, and lost",
    "fewer than 400 units: both arms carried forward",
];
const LEAST_EVENTS: f64 = 20.0;
const LEAST_UNITS: f64 = 150.0;
const LEAST_CARRIED: f64 = 400.0;
const SCALE: f64 = 1.0;

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let mut table = Table::new(format!("Promoted while small cells are withheld, noise of scale b = {SCALE}"), &RULES);
    let traffic = Traffic::new(UNITS)?;
    let promoted = |harm: f64, cell: u64| runs.tally(cell, |random| run(random, &traffic, harm));
    table.push("worse by exactly the margin", promoted(MARGIN, 0)?.each_ref().map(Tally::share));
    table.push("no difference", promoted(0.0, 1)?.each_ref().map(Tally::power));
    Ok(vec![table])
}

fn run(random: &mut impl Rng, traffic: &Traffic, harm: f64) -> Result<Stops<6>> {
    let (sequence, noise) = (promotion(ALPHA)?, Laplace::new(SCALE)?);
    let mut held = [Counts::default(); 2];
    let (mut sums, mut stops) = ([[Released::default(); 2]; 6], Stops::none());
    for window in 0..WINDOWS {
        let counts = [traffic.draw(random, window, BASE + harm)?, traffic.draw(random, window, BASE)?];
        let rows = counts.map(|counts| noise.release(random, counts));
        let visible = rows.map(|row| row.num >= LEAST_EVENTS);
        // A threshold draws its own noise, and the row is noised afresh.
        let mut enough = |of: [Counts; 2], least| of.map(|of| of.den as f64 + noise.draw(random) >= least) == [true; 2];
        let many = enough(counts, LEAST_UNITS);
        for arm in 0..2 {
            let row = rows[arm];
            let seen = if visible[arm] { row } else { Released::default() };
            sums[0][arm].add(row);
            sums[1][arm].add(Released { num: seen.num, ..row });
            sums[2][arm].add(seen);
            sums[3][arm].add(if visible == [true; 2] { row } else { Released::default() });
            sums[4][arm].add(if many { row } else { Released::default() });
            held[arm] += counts[arm];
        }
        if enough(held, LEAST_CARRIED) {
            for arm in 0..2 {
                sums[5][arm].add(noise.release(random, std::mem::take(&mut held[arm])));
            }
        }
        if window + 1 >= FIRST_LOOK {
            stops.note(window, sums.map(|arms| excludes_harm(&sequence, difference(arms, noise.stddev()))));
        }
    }
    Ok(stops)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    #[test]
    fn only_zeros_break_the_level_and_only_what_is_carried_keeps_the_power() {
        let traffic = Traffic::new(UNITS).unwrap();
        let [all, zero, .., carried] = few(|random| run(random, &traffic, MARGIN));
        assert!(all <= about(ALPHA) && carried <= about(ALPHA) && zero > about(ALPHA), "{all} {zero} {carried}");
        let [_, _, _, both, _, carried] = few(|random| run(random, &traffic, 0.0));
        assert!(carried > 0.9 && both < 0.7, "{both} {carried}");
    }
}

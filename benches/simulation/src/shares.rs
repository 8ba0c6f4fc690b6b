//! Is a broken assignment found, and does noise alone look like one?

use anyhow::Result;
use rand::Rng;
use rand_distr::{Binomial, Distribution, Poisson};
use tidegate_stats::sample_ratio::{chi2_p_value, noisy_share};
use tidegate_stats::{ConfidenceSequence, SampleRatio, Sides};

use crate::released::Laplace;
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::{UNITS, WINDOWS};

/// In the order of the verdicts of [`run`].
const RULES: [&str; 4] = [
    "chi-square every hour, noise ignored",
    "Dirichlet mixture, noise ignored",
    "z-test every hour, noise folded in",
    "normal mixture, noise folded in",
];
const SCALES: [f64; 3] = [0.0, 5.0, 20.0];
/// A mismatch stops everything, so that it must be rare by chance.
const LEVEL: f64 = 0.001;
const HALF: f64 = 0.5;
/// Half a point off: 100,000 units show it clearly.
const BROKEN: f64 = 0.49;

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let mut wrong = Table::new("Mismatch reported although every second unit goes to each arm, at 0.1 %", &RULES);
    let mut right = Table::new("Mismatch reported where 49 % go to the treatment, and the median hour", &RULES);
    for (cell, scale) in SCALES.into_iter().enumerate() {
        let noise = Laplace::new(scale)?;
        let found = |share: f64, cell: usize| runs.tally(cell as u64, |random| run(random, share, noise));
        wrong.push(format!("b = {scale}"), found(HALF, 2 * cell)?.each_ref().map(Tally::share));
        right.push(format!("b = {scale}"), found(BROKEN, 2 * cell + 1)?.each_ref().map(Tally::power));
    }
    Ok(vec![wrong, right])
}

fn run(random: &mut impl Rng, share: f64, noise: Laplace) -> Result<Stops<4>> {
    let arrivals = Poisson::new(2.0 * UNITS)?;
    let mixture = SampleRatio::new(&[1.0, 1.0], 100.0)?;
    // Tightest after two days: the variance of a share of `n` units is at most 1 / (4 n).
    let sequence = ConfidenceSequence::new(Sides::Two, LEVEL, 4.0 * 48.0 * 2.0 * UNITS)?;
    let (mut treatment, mut control, mut noise_variance) = (0.0, 0.0, 0.0);
    let mut stops = Stops::none();
    for window in 0..WINDOWS {
        let units = arrivals.sample(random) as u64;
        let treated = Binomial::new(units, share)?.sample(random);
        treatment += treated as f64 + noise.draw(random);
        control += (units - treated) as f64 + noise.draw(random);
        noise_variance += noise.stddev().powi(2);
        let counts = [treatment, control].map(|count: f64| count.max(0.0) as u64);
        let folded = noisy_share(treatment, control, HALF, noise_variance)?;
        let interval = sequence.interval(folded)?;
        stops.note(
            window,
            [
                chi2_p_value(&counts, &[1.0, 1.0])? <= LEVEL,
                mixture.p_value(&counts)? <= LEVEL,
                folded.p_value(HALF)? <= LEVEL,
                !(interval.low..=interval.high).contains(&HALF),
            ],
        );
    }
    Ok(stops)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    #[test]
    fn noise_looks_like_a_mismatch_to_who_ignores_it() {
        let noise = Laplace::new(20.0).unwrap();
        let [chi_square, mixture, _, folded] = few(|random| run(random, HALF, noise));
        assert!(folded <= about(LEVEL) && chi_square > 0.5 && mixture > 0.3, "{chi_square} {mixture} {folded}");
        let [.., found] = few(|random| run(random, BROKEN, Laplace::new(5.0)?));
        assert!(found > 0.8, "{found}");
    }
}

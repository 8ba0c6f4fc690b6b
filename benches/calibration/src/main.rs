//! How often is the drift verdict wrong?
//!
//! Seeded simulations of pairs of samples, printed as the tables of `docs/drift.md`. A level of 0.01 should come out
//! between 0.005 and 0.02, and a drift of twice what matters should be found in 95 of 100 pairs of 10,000 rows and more.
//!
//! ```sh
//! cargo run --release -p tidegate-calibration            # 10,000 pairs per cell; another number as argument
//! ```

#![expect(clippy::print_stdout, reason = "tables are what it is for")]

mod rows;

use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Geometric};
use tidegate_stats::drift::drift;
use tidegate_stats::{DriftTest, Noise, Verdict, noisy_drift};

use rows::{Rows, coarse, sample};

const EXACT_SIZES: [(u64, u64); 8] = [
    (200, 200),
    (1_000, 1_000),
    (10_000, 10_000),
    (100_000, 100_000),
    (1_000_000, 1_000_000),
    (200, 100_000),
    (5_000, 500),
    (1_000_000, 10_000),
];
const NOISY_SIZES: [(u64, u64); 4] =
    [(10_000, 10_000), (100_000, 100_000), (1_000_000, 1_000_000), (1_000_000, 10_000)];
const POWER_SIZES: [(u64, u64); 4] = [(10_000, 10_000), (100_000, 100_000), (1_000_000, 1_000_000), (100_000, 10_000)];
/// One row is one unit, and epsilon is 0.5.
const EPSILON: f64 = 0.5;

/// Any drift matters: then the level is that of two samples of one distribution.
const ANY: DriftTest = DriftTest { alpha: 0.01, delta: 0.0, unresolved: 0.0 };
const MATERIAL: DriftTest = DriftTest { alpha: 0.01, delta: 0.02, unresolved: 0.0 };

fn main() -> Result<()> {
    let all = Rows::all();
    let pairs = std::env::args().nth(1).map_or(Ok(10_000), |pairs| pairs.parse())?;
    let trials = |drifted, test, noisy| all.iter().map(move |rows| Trial::new(rows, drifted, test, noisy));
    table("False alarms, any drift matters", &EXACT_SIZES, pairs, trials(0.0, ANY, false))?;
    table(
        "Alarms at a drift of 0.02, the greatest that does not matter",
        &POWER_SIZES,
        pairs,
        trials(0.02, MATERIAL, false),
    )?;
    table("Alarms at a drift of 0.04, where 0.02 matters", &POWER_SIZES, pairs, trials(0.04, MATERIAL, false))?;
    table("False alarms under noise, any drift matters", &NOISY_SIZES, pairs, trials(0.0, ANY, true))?;
    table("Alarms under noise at 0.04, where 0.02 matters", &POWER_SIZES, pairs, trials(0.04, MATERIAL, true))
}

/// One line per distribution, one column per pair of sizes.
fn table<'a>(title: &str, sizes: &[(u64, u64)], pairs: u64, trials: impl Iterator<Item = Trial<'a>>) -> Result<()> {
    println!("\n{title} ({pairs} pairs)\n");
    let header = sizes.iter().map(|(n, m)| format!(" {} / {} |", short(*n), short(*m))).collect::<String>();
    println!("| reference / current rows |{header}\n|---|{}", "---|".repeat(sizes.len()));
    for trial in trials {
        let pairs = if trial.is_slow() { pairs / 10 } else { pairs };
        let cells = sizes.iter().map(|&(n, m)| Ok(format!(" {:.4} |", trial.alarms(n, m, pairs)?)));
        println!("| {} |{}", trial.rows.name, cells.collect::<Result<String>>()?);
    }
    Ok(())
}

fn short(rows: u64) -> String {
    match rows {
        1_000_000.. => format!("{}M", rows / 1_000_000),
        1_000.. => format!("{}k", rows / 1_000),
        _ => rows.to_string(),
    }
}

/// Pairs of samples, the current ones drifted, and the test they are put to.
struct Trial<'a> {
    rows: &'a Rows,
    /// Bins cut from the distribution itself: what a public bound or an earlier release gives.
    bins: Vec<usize>,
    current: Vec<f64>,
    test: DriftTest,
    noisy: bool,
}

impl<'a> Trial<'a> {
    fn new(rows: &'a Rows, drifted: f64, test: DriftTest, noisy: bool) -> Self {
        let bins = rows.cut(&rows.shares);
        let current = if drifted > 0.0 { rows.drifted(&bins, drifted) } else { rows.shares.clone() };
        Self { rows, bins, current, test, noisy }
    }

    /// True if replicates are drawn over hundreds of bins: a tenth of the pairs must do.
    fn is_slow(&self) -> bool {
        self.noisy && self.bins.len() > 100
    }

    /// The share of pairs that raise an alarm.
    fn alarms(&self, n: u64, m: u64, pairs: u64) -> Result<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(n ^ (m << 1));
        let mut alarms = 0_u64;
        for pair in 0..pairs {
            let verdict =
                if self.noisy { self.noisy(&mut random, n, m, pair)? } else { self.exact(&mut random, n, m)? };
            alarms += u64::from(verdict == Verdict::Drift);
        }
        Ok(alarms as f64 / pairs as f64)
    }

    /// Bins are cut from the reference sample, as the product cuts them.
    fn exact(&self, random: &mut ChaCha8Rng, n: u64, m: u64) -> Result<Verdict> {
        let reference = sample(random, n, &self.rows.shares);
        let bins = self.rows.cut(&reference);
        let current = sample(random, m, &coarse(&self.current, &bins));
        let counts = |counts: &[f64]| counts.iter().map(|&count| count as u64).collect::<Vec<_>>();
        Ok(drift(&counts(&coarse(&reference, &bins)), &counts(&current), self.test)?.verdict)
    }

    /// Bins are public, and every count is noised.
    fn noisy(&self, random: &mut ChaCha8Rng, n: u64, m: u64, seed: u64) -> Result<Verdict> {
        let geometric = Geometric::new(1.0 - (-EPSILON).exp())?;
        let mut noised = |rows: u64, shares: &[f64]| {
            let counts = sample(random, rows, &coarse(shares, &self.bins));
            let noise = |random: &mut ChaCha8Rng| geometric.sample(random) as i64 - geometric.sample(random) as i64;
            counts.iter().map(|&count| count as i64 + noise(random)).collect::<Vec<_>>()
        };
        let (reference, current) = (noised(n, &self.rows.shares), noised(m, &self.current));
        let noise = Noise::Laplace { scale: 1.0 / EPSILON };
        Ok(noisy_drift(&reference, &current, noise, self.test, seed)?.verdict)
    }
}

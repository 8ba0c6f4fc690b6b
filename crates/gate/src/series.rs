//! What do the rows add up to, window after window?
//!
//! ```text
//! window       1      2      3            a window counts when every arm has numbers in it and it is mature
//! control     +++    +++    ---           --- withheld: the window is left out of both arms, and counted as withheld
//! treatment   +++    +++    +++           until it is released: it is neither zero nor dropped
//! ```
//!
//! Where a signal carries its small groups, window 3 of the treatment waits for the control's next row, which counts both.

use std::collections::BTreeSet;

use crate::evidence::{Cell, Evidence};

/// What time the evidence is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// Windows that begin before are another stage's.
    pub(crate) since_us: i64,
    /// Windows that are not mature by then do not count yet.
    pub(crate) as_of_us: i64,
    /// How long windows are.
    pub(crate) window_us: i64,
    /// How long after its end a window is mature.
    pub(crate) maturity_us: i64,
}

impl Period {
    /// When a window may count.
    pub(crate) fn matures_us(self, window_start_us: i64) -> i64 {
        window_start_us.saturating_add(self.window_us).saturating_add(self.maturity_us)
    }

    fn holds(self, window_start_us: i64) -> bool {
        window_start_us >= self.since_us && self.matures_us(window_start_us) <= self.as_of_us
    }

    /// How many windows should have matured.
    pub(crate) fn expected(self) -> u64 {
        let length = self.as_of_us.saturating_sub(self.since_us).saturating_sub(self.maturity_us);
        u64::try_from(length / self.window_us.max(1)).unwrap_or(0)
    }
}

/// Sums of one arm.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sums {
    /// Of the numbers.
    pub(crate) numbers: [f64; 3],
    /// Of the variances of the noise in them.
    pub(crate) noise: [f64; 3],
    /// Of the numbers by bucket.
    pub(crate) buckets: Vec<[f64; 3]>,
}

impl Sums {
    fn new(buckets: usize) -> Self {
        Self { buckets: vec![[0.0; 3]; buckets], ..Self::default() }
    }

    fn add(&mut self, cell: &Cell, numbers: [f64; 3]) {
        for (i, number) in numbers.into_iter().enumerate() {
            self.numbers[i] += number;
            self.noise[i] += cell.noise[i] * cell.noise[i];
            self.buckets[cell.bucket][i] += number;
        }
    }

    /// Whether noise was added to any of the numbers.
    pub(crate) fn is_noisy(&self) -> bool {
        self.noise != [0.0; 3]
    }
}

/// What there is of the windows that were expected.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Coverage {
    /// Windows that count.
    pub(crate) windows: u64,
    /// Cells (arm, window) that are withheld or missing, whole or in parts.
    pub(crate) withheld: f64,
    /// Cells that should be there.
    pub(crate) expected: f64,
}

impl Coverage {
    /// The share that is withheld or missing.
    pub(crate) fn withheld_share(self) -> f64 {
        if self.expected > 0.0 { (self.withheld / self.expected).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Adds up the windows of `arms` one after the other, and shows the sums after each that counts: when it matures, and one
/// for each arm.
pub(crate) fn walk(
    evidence: &Evidence,
    arms: &[usize],
    period: Period,
    mut show: impl FnMut(i64, &[Sums]),
) -> Coverage {
    let mut sums = vec![Sums::new(evidence.buckets); arms.len()];
    let mut coverage = Coverage::default();
    let mut seen = 0;
    // Cells that do not count yet, and of how many windows. They wait only where what one arm lacks comes later.
    let (mut waiting, mut waited) = (Vec::new(), 0);
    for cells in evidence.cells.chunk_by(|a, b| a.window_start_us == b.window_start_us) {
        let start_us = cells[0].window_start_us;
        let counted = cells.iter().filter(|cell| arms.contains(&cell.arm));
        if !period.holds(start_us) || counted.clone().next().is_none() {
            continue;
        }
        seen += 1;
        waited += 1;
        waiting.extend(counted);
        let of = |arm| waiting.iter().copied().filter(move |cell: &&Cell| cell.arm == arm);
        // A bucket that is withheld in one arm is left out of the other, too: they must speak about the same people.
        let withheld = waiting.iter().filter(|cell| cell.numbers.is_none());
        let hidden: BTreeSet<usize> = withheld.map(|cell| cell.bucket).collect();
        let is_whole = |arm| of(arm).any(|cell| !hidden.contains(&cell.bucket));
        if arms.iter().all(|&arm| is_whole(arm)) {
            coverage.withheld += arms.iter().map(|&arm| withheld_share(of(arm), &hidden)).sum::<f64>();
            for (sums, &arm) in sums.iter_mut().zip(arms) {
                for cell in of(arm).filter(|cell| !hidden.contains(&cell.bucket)) {
                    if let Some(numbers) = cell.numbers {
                        sums.add(cell, numbers);
                    }
                }
            }
            coverage.windows += waited;
            show(period.matures_us(start_us), &sums);
        } else if evidence.carries {
            continue;
        } else {
            coverage.withheld += arms.len() as f64;
        }
        waiting.clear();
        waited = 0;
    }
    coverage.withheld += (waited * arms.len() as u64) as f64;
    let expected = period.expected().max(seen);
    coverage.withheld += (expected - seen) as f64 * arms.len() as f64;
    coverage.expected = expected as f64 * arms.len() as f64;
    coverage
}

/// The share of an arm's cells in a window that do not count.
fn withheld_share<'a>(cells: impl Iterator<Item = &'a Cell>, hidden: &BTreeSet<usize>) -> f64 {
    let (all, withheld) = cells.fold((0.0, 0.0), |(all, withheld), cell| {
        (all + 1.0, withheld + if hidden.contains(&cell.bucket) { 1.0 } else { 0.0 })
    });
    withheld / all
}

#[cfg(test)]
mod tests;

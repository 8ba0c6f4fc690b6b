//! How is a world drawn again and again, so that one seed gives one table on any number of cores?
//!
//! Each run has a stream of draws of its own, numbered by question, cell and run; whichever thread takes it sees the same.

use std::thread;

use anyhow::{Result, anyhow};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::table::Cell;

/// The runs of one question.
pub(crate) struct Runs {
    seed: u64,
    question: u64,
    number: u32,
    threads: usize,
}

/// When each of some rules stopped: the hour of its first verdict, if it had one.
#[derive(Clone, Copy)]
pub(crate) struct Stops<const N: usize>([Option<u16>; N]);

/// In how many runs a rule stopped, and when.
pub(crate) struct Tally {
    runs: u32,
    hours: Vec<u16>,
}

impl Runs {
    pub(crate) fn new(seed: u64, question: u64, number: u32) -> Self {
        Self { seed, question, number, threads: thread::available_parallelism().map_or(1, usize::from) }
    }

    /// Judges the worlds of a cell by `N` rules at once, so that they differ by what they do, not by luck.
    pub(crate) fn tally<const N: usize>(
        &self,
        cell: u64,
        run: impl Fn(&mut ChaCha8Rng) -> Result<Stops<N>> + Sync,
    ) -> Result<[Tally; N]> {
        let one = |number: u32| {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            random.set_stream(self.question << 48 | cell << 32 | u64::from(number));
            run(&mut random)
        };
        let every = |first: usize| (first as u32..self.number).step_by(self.threads).map(one).collect();
        let stops = thread::scope(|scope| {
            let threads = (0..self.threads).map(|first| scope.spawn(move || every(first))).collect::<Vec<_>>();
            let parts = threads.into_iter().map(|part| part.join().map_err(|_| anyhow!("a run panicked"))?);
            parts.collect::<Result<Vec<Vec<Stops<N>>>>>()
        })?;
        Ok(std::array::from_fn(|rule| {
            let mut hours = stops.iter().flatten().filter_map(|stops| stops.0[rule]).collect::<Vec<_>>();
            hours.sort_unstable();
            Tally { runs: self.number, hours }
        }))
    }
}

impl<const N: usize> Stops<N> {
    pub(crate) fn none() -> Self {
        Self([None; N])
    }

    /// Takes down who stops at the end of this window, unless it did before.
    pub(crate) fn note(&mut self, window: usize, verdicts: [bool; N]) {
        for (stop, verdict) in self.0.iter_mut().zip(verdicts) {
            if verdict && stop.is_none() {
                *stop = Some(window as u16 + 1);
            }
        }
    }
}

impl Tally {
    /// How often it stopped.
    pub(crate) fn share(&self) -> Cell {
        Cell { hits: self.hours.len() as u32, runs: self.runs, hours: None }
    }

    /// How often it stopped, and after how many hours in the middle of those runs.
    pub(crate) fn power(&self) -> Cell {
        Cell { hours: self.hours.get(self.hours.len() / 2).copied(), ..self.share() }
    }
}

/// The shares of few runs, for tests of what is far from a bound.
#[cfg(test)]
pub(crate) fn few<const N: usize>(run: impl Fn(&mut ChaCha8Rng) -> Result<Stops<N>> + Sync) -> [f64; N] {
    Runs::new(1, 0, tests::FEW).tally(0, run).unwrap().map(|tally| tally.share().share())
}

/// Three standard errors above `alpha` over [`few`] runs.
#[cfg(test)]
pub(crate) fn about(alpha: f64) -> f64 {
    alpha + 3.0 * (alpha * (1.0 - alpha) / f64::from(tests::FEW)).sqrt()
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    pub(super) const FEW: u32 = 200;

    #[test]
    fn one_seed_gives_one_tally_on_any_number_of_threads() {
        let hours = |threads: usize, cell: u64| {
            let runs = Runs { threads, ..Runs::new(7, 1, 50) };
            let run = |random: &mut ChaCha8Rng| {
                let mut stops = Stops::none();
                stops.note(random.random_range(0..300), [true, random.random_bool(0.5)]);
                Ok(stops)
            };
            runs.tally(cell, run).unwrap().map(|tally| tally.hours)
        };
        assert_eq!(hours(1, 0), hours(3, 0));
        assert_ne!(hours(1, 0), hours(1, 1));
        assert_eq!(hours(2, 0)[0].len(), 50);
    }

    #[test]
    fn the_first_verdict_counts() {
        let mut stops = Stops::none();
        stops.note(3, [false, true]);
        stops.note(4, [true, true]);
        assert_eq!(stops.0, [Some(5), Some(4)]);
    }

    #[test]
    fn a_run_that_fails_fails_the_table() {
        let failed = Runs::new(7, 1, 5).tally(0, |_| -> Result<Stops<1>> { Err(anyhow!("no world")) });
        assert!(failed.is_err());
    }
}

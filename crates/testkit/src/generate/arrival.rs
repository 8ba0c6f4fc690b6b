//! In which order do rows arrive?
//!
//! Every row arrives a little after it happened, within the disorder asked for; a few stragglers arrive
//! later than that, and a few rows a second time. Rows are delivered by arrival within a slice, so event
//! time never falls back further than the longest delay.

use std::time::Duration;

use super::config::Config;
use super::load::Load;
use crate::random::Stream;

/// The quickest a row can arrive.
pub(super) const LAG_US_MIN: i64 = 50_000;

/// One row on its way in. The order is that of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delivery {
    pub(super) ingested_us: i64,
    pub(super) row: u64,
    pub(super) event_us: i64,
}

/// How rows are delayed and repeated.
#[derive(Debug)]
pub(super) struct Arrivals {
    disorder_us: u64,
    straggler_delay_us: u64,
    straggler_share: f64,
    /// Distinct rows, and how many of them arrive twice.
    rows: u64,
    duplicates: u64,
    lags: Stream,
    repeats: Stream,
}

impl Arrivals {
    /// Delays and repeats for `rows` distinct rows, of which `duplicates` arrive twice.
    pub(super) fn new(config: &Config, rows: u64, duplicates: u64) -> Self {
        Self {
            disorder_us: micros(config.disorder),
            straggler_delay_us: micros(config.straggler_delay),
            straggler_share: config.straggler_share,
            rows,
            duplicates,
            lags: Stream::new(config.seed, "lag"),
            repeats: Stream::new(config.seed, "repeat"),
        }
    }

    /// The rows of a slice in the order they arrive.
    pub(super) fn of(&self, load: &Load, slice: usize) -> Vec<Delivery> {
        let rows = load.rows_of(slice);
        let repeats = self.duplicates_before(rows.start)..self.duplicates_before(rows.end);
        let (distinct, repeated) = (rows.end - rows.start, repeats.end - repeats.start);
        let mut deliveries = Vec::with_capacity((distinct + repeated) as usize);
        load.for_each(rows.clone(), |row, event_us| {
            deliveries.push(Delivery { ingested_us: event_us + self.lag_us(row), row, event_us });
        });
        for repeat in repeats.clone() {
            // One of each equal share of the rows, so that almost no row arrives a third time.
            let mut random = self.repeats.at(repeat);
            let nth = u128::from(repeat - repeats.start) * u128::from(distinct);
            let within = u128::from(random.below(distinct));
            let first = deliveries[((nth + within) / u128::from(repeated)) as usize];
            let delay_us = LAG_US_MIN + random.below(self.straggler_delay_us.max(1)) as i64;
            deliveries.push(Delivery { ingested_us: first.ingested_us + delay_us, ..first });
        }
        deliveries.sort_unstable();
        deliveries
    }

    /// How long after a row, or a label, happens does it arrive?
    pub(super) fn lag_us(&self, row: u64) -> i64 {
        let mut random = self.lags.at(row);
        let jitter = random.below(self.disorder_us + 1);
        let extra = match random.chance(self.straggler_share) {
            true => self.disorder_us - jitter + random.below(self.straggler_delay_us + 1),
            false => 0,
        };
        LAG_US_MIN + (jitter + extra) as i64
    }

    fn duplicates_before(&self, row: u64) -> u64 {
        (u128::from(row) * u128::from(self.duplicates) / u128::from(self.rows)) as u64
    }
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_rows_can_arrive_twice() {
        let config = Config::default();
        let load = Load::new(&config, 10_000);
        let arrivals = Arrivals::new(&config, 10_000, 10_000);
        let delivered: usize = (0..load.slices()).map(|slice| arrivals.of(&load, slice).len()).sum();
        assert_eq!(delivered, 20_000);
    }

    #[test]
    fn no_disorder_means_event_order() {
        let config = Config { disorder: Duration::ZERO, straggler_share: 0.0, ..Config::default() };
        let load = Load::new(&config, 10_000);
        let deliveries = Arrivals::new(&config, 10_000, 0).of(&load, 3);
        assert!(deliveries.is_sorted_by_key(|delivery| delivery.row));
        assert!(deliveries.iter().all(|d| d.ingested_us - d.event_us == LAG_US_MIN));
    }
}

//! When do decisions happen?
//!
//! Each hour of the period has a weight: a wave over the day, low at night, less on weekends. Rows are
//! shared out by weight, and a row's number gives its event time and back. Event times grow with row
//! numbers; the order of arrival is not decided here.

use std::ops::Range;

use super::config::Config;
use crate::random::Stream;

/// Microseconds in a day.
pub(super) const DAY_US: i64 = 86_400_000_000;

/// The weight of each hour: `100 - 75 * cos(2π (hour - 2) / 24)`, rounded, so least at 2 and most at 14.
const HOURS: [u64; 24] =
    [35, 28, 25, 28, 35, 47, 63, 81, 100, 119, 138, 153, 165, 172, 175, 172, 165, 153, 138, 119, 100, 81, 63, 47];
/// The weight of each day, Monday first.
const WEEKDAYS: [u64; 7] = [100, 104, 104, 102, 92, 38, 32];
/// How finely a day can be sliced into files: each divides the day and either divides 24 or is divided by it.
const SLICES: [u64; 14] = [1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 144, 288, 720, 1440];

/// Which row happens when.
#[derive(Debug)]
pub(super) struct Load {
    start_us: i64,
    /// How long a step is; within one, load is even.
    step_us: u64,
    steps_per_slice: usize,
    slices_per_day: usize,
    /// The first row of each step, and the end of the last.
    first_rows: Vec<u64>,
    /// Where within its share of a step a row falls.
    offsets: Stream,
}

impl Load {
    /// Shares `rows` out over the period of `config`.
    pub(super) fn new(config: &Config, rows: u64) -> Self {
        let slices_per_day = slices_per_day(config, rows);
        let steps_per_day = slices_per_day.max(24);
        let mut below: u128 = 0;
        let mut bounds = vec![0];
        for day in 0..i64::from(config.days) {
            let weekday = WEEKDAYS[((config.start_us / DAY_US + day + 3).rem_euclid(7)) as usize];
            for step in 0..steps_per_day {
                below += u128::from(weekday * HOURS[(step * 24 / steps_per_day) as usize]);
                bounds.push(below);
            }
        }
        let first_rows = bounds.iter().map(|bound| (u128::from(rows) * bound / below) as u64);
        Self {
            start_us: config.start_us,
            step_us: DAY_US as u64 / steps_per_day,
            steps_per_slice: (steps_per_day / slices_per_day) as usize,
            slices_per_day: slices_per_day as usize,
            first_rows: first_rows.collect(),
            offsets: Stream::new(config.seed, "event time"),
        }
    }

    /// How many slices the period is cut into.
    pub(super) fn slices(&self) -> usize {
        (self.first_rows.len() - 1) / self.steps_per_slice
    }

    /// The day of a slice, counted from the epoch, and its place within the day.
    pub(super) fn place(&self, slice: usize) -> (i64, usize) {
        let day = self.start_us / DAY_US + (slice / self.slices_per_day) as i64;
        (day, slice % self.slices_per_day)
    }

    /// The rows whose event time lies in a slice.
    pub(super) fn rows_of(&self, slice: usize) -> Range<u64> {
        let step = slice * self.steps_per_slice;
        self.first_rows[step]..self.first_rows[step + self.steps_per_slice]
    }

    /// The event times of a slice, `[start, end)`.
    pub(super) fn time_of(&self, slice: usize) -> Range<i64> {
        let length = self.step_us as i64 * self.steps_per_slice as i64;
        let start = self.start_us + slice as i64 * length;
        start..start + length
    }

    /// The event time of a row, in microseconds since the epoch.
    pub(super) fn event_us(&self, row: u64) -> i64 {
        self.event_us_in(self.step_of(row), row)
    }

    /// Calls `see` with every row of `rows` and its event time, in order.
    pub(super) fn for_each(&self, rows: Range<u64>, mut see: impl FnMut(u64, i64)) {
        if rows.is_empty() {
            return;
        }
        let mut step = self.step_of(rows.start);
        for row in rows {
            while row >= self.first_rows[step + 1] {
                step += 1;
            }
            see(row, self.event_us_in(step, row));
        }
    }

    fn step_of(&self, row: u64) -> usize {
        self.first_rows.partition_point(|first| *first <= row) - 1
    }

    /// Every row of a step has an equal share of it, and falls anywhere within its share.
    fn event_us_in(&self, step: usize, row: u64) -> i64 {
        let first = self.first_rows[step];
        let rows = self.first_rows[step + 1] - first;
        let within = (row - first) * self.step_us + self.offsets.at(row).below(self.step_us);
        self.start_us + (step as u64 * self.step_us + within / rows) as i64
    }
}

/// The coarsest slicing of a day that keeps the busiest slice of an ordinary day within the file size.
fn slices_per_day(config: &Config, rows: u64) -> u64 {
    let rows_per_day = rows.div_ceil(u64::from(config.days));
    let weight: u64 = HOURS.iter().sum();
    let busiest = |slices: u64| {
        let hours = (24 / slices).max(1) as usize;
        let heaviest = HOURS.chunks(hours).map(|slice| slice.iter().sum::<u64>()).max();
        rows_per_day * heaviest.unwrap_or(weight) / weight / slices.div_ceil(24)
    };
    let fits = |slices: &u64| busiest(*slices) <= config.rows_per_file;
    SLICES.into_iter().find(fits).unwrap_or(SLICES[SLICES.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(rows: u64, rows_per_file: u64) -> Load {
        Load::new(&Config { rows_per_file, ..Config::default() }, rows)
    }

    #[test]
    fn slices_cover_every_row_once_and_in_time_order() {
        for rows_per_file in [1_000_000, 5_000, 200] {
            let load = load(70_000, rows_per_file);
            let (mut row, mut time) = (0, load.start_us);
            for slice in 0..load.slices() {
                assert_eq!(load.rows_of(slice).start, row);
                assert_eq!(load.time_of(slice).start, time);
                let bounds = load.time_of(slice);
                let mut last = bounds.start;
                load.for_each(load.rows_of(slice), |row, event_us| {
                    assert!(bounds.contains(&event_us) && event_us >= last);
                    assert_eq!(event_us, load.event_us(row));
                    last = event_us;
                });
                (row, time) = (load.rows_of(slice).end, bounds.end);
            }
            assert_eq!((row, time), (70_000, load.start_us + 7 * DAY_US));
        }
    }

    #[test]
    fn nights_and_weekends_are_quiet() {
        let load = load(700_000, 5_000);
        let hour = |day: usize, hour: usize| {
            let slices: Vec<u64> = (0..load.slices())
                .filter(|slice| {
                    let from = load.time_of(*slice).start - load.start_us;
                    from / DAY_US == day as i64 && from % DAY_US / 3_600_000_000 == hour as i64
                })
                .map(|slice| load.rows_of(slice).end - load.rows_of(slice).start)
                .collect();
            slices.iter().sum::<u64>()
        };
        assert!(hour(0, 14) > 6 * hour(0, 2), "Monday's noon against its night");
        assert!(hour(0, 14) > 2 * hour(5, 14), "Monday against Saturday");
    }
}

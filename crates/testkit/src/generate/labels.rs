//! What is said about decisions afterwards, and when?
//!
//! Labels are a stream of their own: hours to days behind the decisions they speak of, cut into the same
//! slices, each by the time it was labelled. A few are said anew or taken back later, under the same key
//! with a higher version. What would be said after the last slice is not yet written.

use std::ops::Range;

use arrow::array::RecordBatch;

use super::annotation::{Annotations, Saying};
use super::arrival::Arrivals;
use super::config::Config;
use super::error::Result;
use super::load::{DAY_US, Load};
use super::trace::Traces;
use crate::random::{Stream, mix};

const HOUR_US: i64 = 3_600_000_000;
/// The soonest and the latest a label is given after its decision.
const DELAY_US: Range<i64> = HOUR_US..7 * DAY_US;
/// The latest a label is said anew or taken back.
const SECOND_DELAY_US_MAX: i64 = 3 * DAY_US;
/// The share of labels that are said anew or taken back.
const SECOND_SHARE: f64 = 0.03;

/// Which decisions are labelled.
#[derive(Debug)]
pub(super) struct Labels {
    /// Labels over the whole period, and the decisions they are spread over.
    labels: u64,
    rows: u64,
    delays: Stream,
    words: Stream,
}

impl Labels {
    /// Labels of `config` over `rows` decisions.
    pub(super) fn new(config: &Config, rows: u64) -> Self {
        Self {
            labels: (rows as f64 * config.label_share) as u64,
            rows,
            delays: Stream::new(config.seed, "label delay"),
            words: Stream::new(config.seed, "label"),
        }
    }

    /// The labels given within a slice, in the order they arrive.
    pub(super) fn batch(&self, load: &Load, traces: &Traces, arrivals: &Arrivals, slice: usize) -> Result<RecordBatch> {
        let mut sayings = self.sayings(load, arrivals, slice);
        sayings.sort_unstable();
        let mut annotations = Annotations::new(sayings.len());
        for saying in sayings {
            let row = self.row(saying.label);
            let trace = traces.draw(row, load.event_us(row));
            let tenant = &traces.population().tenants()[trace.tenant].token;
            annotations.push(&saying, &trace, tenant, self.words.at(saying.label));
        }
        annotations.finish()
    }

    /// Looks back as far as a decision can lie behind what is said about it in the slice.
    fn sayings(&self, load: &Load, arrivals: &Arrivals, slice: usize) -> Vec<Saying> {
        let slot = load.time_of(slice);
        let reach = DELAY_US.end + SECOND_DELAY_US_MAX;
        let slices_back = (reach / (slot.end - slot.start)) as usize + 1;
        let mut sayings = Vec::new();
        for earlier in slice.saturating_sub(slices_back)..=slice {
            let (happened, rows) = (load.time_of(earlier), load.rows_of(earlier));
            for label in self.labels_before(rows.start)..self.labels_before(rows.end) {
                let (first, second) = self.delays(label);
                let latest = second.unwrap_or(first);
                if happened.start + first >= slot.end || happened.end + latest <= slot.start {
                    continue;
                }
                let event_us = load.event_us(self.row(label));
                let given = [(1, Some(first)), (2, second)];
                for (version, delay) in given {
                    let Some(labeled_us) = delay.map(|delay| event_us + delay) else {
                        continue;
                    };
                    if slot.contains(&labeled_us) {
                        let ingested_us = labeled_us + arrivals.lag_us(mix(label));
                        sayings.push(Saying { ingested_us, label, version, labeled_us });
                    }
                }
            }
        }
        sayings
    }

    /// How long after its decision a label is given, and given again.
    fn delays(&self, label: u64) -> (i64, Option<i64>) {
        let mut random = self.delays.at(label);
        let first = random.around(9.0 * HOUR_US as f64, 1.2) as i64;
        let first = first.clamp(DELAY_US.start, DELAY_US.end);
        let second = random.chance(SECOND_SHARE).then(|| {
            let later = random.below((SECOND_DELAY_US_MAX - HOUR_US) as u64) as i64;
            first + HOUR_US + later
        });
        (first, second)
    }

    /// Labels on rows before `row`: every label has an equal share of the rows, and one row of it.
    fn labels_before(&self, row: u64) -> u64 {
        (u128::from(row) * u128::from(self.labels)).div_ceil(u128::from(self.rows)) as u64
    }

    /// The first row of a label's share.
    fn row(&self, label: u64) -> u64 {
        (u128::from(label) * u128::from(self.rows) / u128::from(self.labels)) as u64
    }
}

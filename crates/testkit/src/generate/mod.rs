//! What would a fleet of agents have reported?
//!
//! A [`Generator`] makes `decisions` and late `labels` of the canonical schemas from a seed: load that
//! breathes with day and week, a few large tenants and many small ones, an experiment between two
//! bundles, rows out of order, rows delivered twice. A [`Regression`] or a [`Drift`] can be planted to be
//! found again. The same [`Config`] gives the same bytes on any machine with any number of threads.
//!
//! ```text
//! row number --load--> event time --arrival--> order of delivery --trace--> facts --decisions--> batch
//!                                                                       \--labels--> batch, days later
//! ```
//!
//! Nothing here is private or meant to be: ids and tokens are drawn, and `envelope_hash` stands in for a
//! digest without being one.

mod annotation;
mod arrival;
mod catalog;
mod columns;
mod config;
mod decisions;
mod error;
mod flags;
mod format;
mod labels;
mod load;
mod population;
mod trace;
mod verdict;
mod work;
mod write;

use arrow::array::RecordBatch;

pub use config::{Config, Drift, Format, Layout, Regression};
pub use error::{Error, Result};
pub use write::{Progress, Written};

use arrival::Arrivals;
use decisions::Decisions;
use labels::Labels;
use load::Load;
use trace::Traces;

/// Makes decisions and labels chunk by chunk; a chunk is a day, or a slice of one when days are large.
///
/// ```
/// use tidegate_testkit::generate::{Config, Generator};
///
/// let generator = Generator::new(Config { rows: 700, days: 2, ..Config::default() }).unwrap();
/// let rows: usize = (0..generator.chunks()).map(|chunk| generator.decisions(chunk).unwrap().num_rows()).sum();
/// assert_eq!((generator.chunks(), rows), (2, 700));
/// ```
#[derive(Debug)]
pub struct Generator {
    config: Config,
    load: Load,
    arrivals: Arrivals,
    traces: Traces,
    labels: Labels,
}

impl Generator {
    /// Prepares what `config` asks for; rows are drawn later, chunk by chunk.
    ///
    /// # Errors
    /// The first setting that cannot be followed.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        let duplicates = (config.rows as f64 * config.duplicate_share) as u64;
        let distinct = config.rows - duplicates;
        Ok(Self {
            load: Load::new(&config, distinct),
            arrivals: Arrivals::new(&config, distinct, duplicates),
            traces: Traces::new(&config, distinct),
            labels: Labels::new(&config, distinct),
            config,
        })
    }

    /// What was asked for.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Decision rows over all chunks, duplicates among them.
    pub fn rows(&self) -> u64 {
        self.config.rows
    }

    /// How many chunks there are, in the order of event time.
    pub fn chunks(&self) -> usize {
        self.load.slices()
    }

    /// The decisions that happen within a chunk, in the order they arrive.
    ///
    /// # Errors
    /// Arrow refuses the columns, which no configuration should bring about.
    pub fn decisions(&self, chunk: usize) -> Result<RecordBatch> {
        let deliveries = self.arrivals.of(&self.load, chunk);
        let tenants = self.traces.population().tenants();
        let mut decisions = Decisions::new(tenants, deliveries.len());
        for delivery in deliveries {
            let trace = self.traces.draw(delivery.row, delivery.event_us);
            decisions.push(&trace, delivery.ingested_us);
        }
        decisions.finish()
    }

    /// The labels given within the time of a chunk, to decisions of this and earlier chunks.
    ///
    /// # Errors
    /// Arrow refuses the columns, which no configuration should bring about.
    pub fn labels(&self, chunk: usize) -> Result<RecordBatch> {
        self.labels.batch(&self.load, &self.traces, &self.arrivals, chunk)
    }

    /// The day of a chunk, counted from the epoch, and its place within the day.
    fn place(&self, chunk: usize) -> (i64, usize) {
        self.load.place(chunk)
    }
}

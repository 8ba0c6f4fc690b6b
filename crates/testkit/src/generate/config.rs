//! What can be asked of the generator?

use std::time::Duration;

use super::catalog::TASKS;
use super::error::{Error, Result};
use super::load::DAY_US;

/// What to generate.
///
/// ```
/// use tidegate_testkit::generate::{Config, Generator, Regression};
///
/// let config = Config { seed: 7, rows: 1_000, regression: Some(Regression::default()), ..Config::default() };
/// let generator = Generator::new(config).unwrap();
/// assert_eq!(generator.rows(), 1_000);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Decision rows delivered, duplicates among them.
    pub rows: u64,
    /// The first midnight UTC, in microseconds since the epoch. By default 2026-01-05, a Monday.
    pub start_us: i64,
    /// Days of event time from `start_us` on.
    pub days: u32,
    /// Tenants, of Zipf-like size.
    pub tenants: u32,
    /// Users over all tenants, the first of each tenant busier than its last.
    pub users: u32,
    /// Rows arrive up to this much later than the quickest, and so out of event order.
    pub disorder: Duration,
    /// The share of rows that arrive later than `disorder` allows.
    pub straggler_share: f64,
    /// How much later stragglers and second deliveries arrive, at most.
    pub straggler_delay: Duration,
    /// The share of rows that are a second delivery of another row.
    pub duplicate_share: f64,
    /// The share of experiment users who get the candidate.
    pub treatment_share: f64,
    /// The share of users kept out of the experiment.
    pub holdout_share: f64,
    /// Labels for each distinct decision. Labels that fall after the last day are not yet written.
    pub label_share: f64,
    /// The candidate does worse, if set.
    pub regression: Option<Regression>,
    /// The inputs change, if set.
    pub drift: Option<Drift>,
    /// A day is cut into slices so that no decisions file holds many more rows than this.
    pub rows_per_file: u64,
    /// The folders files are put in.
    pub layout: Layout,
    /// What files are written as.
    pub format: Format,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            rows: 1_000_000,
            start_us: 1_767_571_200_000_000,
            days: 7,
            tenants: 40,
            users: 20_000,
            disorder: Duration::from_secs(10),
            straggler_share: 0.000_5,
            straggler_delay: Duration::from_secs(5 * 60),
            duplicate_share: 0.002,
            treatment_share: 0.5,
            holdout_share: 0.02,
            label_share: 0.05,
            regression: None,
            drift: None,
            rows_per_file: 500_000,
            layout: Layout::ByDay,
            format: Format::Parquet,
        }
    }
}

/// How much worse the candidate does: shares moved away from `accepted` in the treatment arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression {
    /// Moved to `edited`; 0.06 is six percentage points.
    pub edited: f64,
    /// Moved to `rejected`.
    pub rejected: f64,
}

impl Default for Regression {
    fn default() -> Self {
        Self { edited: 0.06, rejected: 0.01 }
    }
}

/// How the inputs change from a day on, in every arm alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The first day of the change, counted from 0.
    pub from_day: u32,
    /// What input tokens are multiplied with.
    pub input_tokens_factor: f64,
    /// The share of decisions that move to [`Drift::TASK_CLASS`] from all tasks alike.
    pub task_shift: f64,
}

impl Drift {
    /// The task that grows.
    pub const TASK_CLASS: &str = "contract_review";
}

impl Default for Drift {
    fn default() -> Self {
        Self { from_day: 4, input_tokens_factor: 1.5, task_shift: 0.15 }
    }
}

/// Which folders files are put in. Columns named in a folder are not in its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `decisions/date=<day>/part-0000.parquet`: file name order is event-time order.
    ByDay,
    /// `decisions/tenant_id=<token>/date=<day>/part-0000.parquet`.
    Hive,
}

/// What files are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Parquet, zstd, data page v1.
    Parquet,
    /// One JSON object a line; nulls are left out.
    Ndjson,
    /// Comma-separated with a header; nested columns are left out.
    Csv,
    /// The Arrow IPC file format.
    ArrowIpc,
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting that cannot be followed, with its bounds.
    pub(super) fn check(&self) -> Result<()> {
        at_least("rows", self.rows, 1)?;
        at_least("days", self.days.into(), 1)?;
        at_least("tenants", self.tenants.into(), 1)?;
        at_least("users", self.users.into(), self.tenants.into())?;
        within("rows_per_file", self.rows_per_file as f64, 1.0, 10_000_000.0)?;
        if self.start_us % DAY_US != 0 {
            return Err(Error::StartNotMidnight { start_us: self.start_us });
        }
        within("disorder", self.disorder.as_secs_f64(), 0.0, 86_400.0)?;
        within("straggler_delay", self.straggler_delay.as_secs_f64(), 0.0, 86_400.0)?;
        within("straggler_share", self.straggler_share, 0.0, 1.0)?;
        within("duplicate_share", self.duplicate_share, 0.0, 0.5)?;
        within("treatment_share", self.treatment_share, 0.0, 1.0)?;
        within("holdout_share", self.holdout_share, 0.0, 1.0)?;
        within("label_share", self.label_share, 0.0, 1.0)?;
        if let Some(drift) = self.drift {
            within("drift.input_tokens_factor", drift.input_tokens_factor, 0.01, 100.0)?;
            within("drift.task_shift", drift.task_shift, 0.0, 1.0)?;
        }
        if let Some(regression) = self.regression {
            check_regression(regression)?;
        }
        Ok(())
    }
}

fn check_regression(regression: Regression) -> Result<()> {
    within("regression.edited", regression.edited, 0.0, 1.0)?;
    within("regression.rejected", regression.rejected, 0.0, 1.0)?;
    let taken = regression.edited + regression.rejected;
    for task in &TASKS {
        let accepted = f64::from(task.outcomes_permille[0]) / 1000.0;
        if taken > accepted {
            return Err(Error::RegressionTooLarge { task_class: task.name, accepted, taken });
        }
    }
    Ok(())
}

fn at_least(name: &'static str, value: u64, least: u64) -> Result<()> {
    if value < least { Err(Error::TooFew { name, value, least }) } else { Ok(()) }
}

fn within(name: &'static str, value: f64, least: f64, most: f64) -> Result<()> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(Error::OutOfRange { name, value, least, most }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &Config, expected: &str) {
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_default_is_sound() {
        Config::default().check().unwrap();
    }

    #[test]
    fn a_bad_setting_is_named_with_its_bounds() {
        let sound = Config::default;
        check(&Config { rows: 0, ..sound() }, "rows is 0, and must be at least 1");
        check(&Config { users: 3, ..sound() }, "users is 3, and must be at least 40");
        check(&Config { duplicate_share: 0.7, ..sound() }, "duplicate_share is 0.7, and must lie between 0 and 0.5");
        check(&Config { start_us: 1, ..sound() }, "start_us is 1, and must be a midnight UTC");
        let regression = Some(Regression { edited: 0.9, rejected: 0.0 });
        check(
            &Config { regression, ..sound() },
            "regression takes 0.9 from the accepted share of invoice_coding, which is 0.78",
        );
        let undefined = Config { label_share: f64::NAN, ..sound() };
        assert!(undefined.check().is_err());
    }
}

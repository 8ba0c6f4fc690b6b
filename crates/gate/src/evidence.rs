//! What was released about each arm, bucket and window?
//!
//! Every row is checked before anything is decided: a cell that cannot be counted is an error, a cell without numbers is
//! withheld, and neither is a zero.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::error::{Error, Result};
use crate::file::{Check, Kind, Trust};
use crate::words;

/// Which columns a check reads; others are not looked at. `window_start` is always one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Whether rows have a column `arm`.
    pub arm: bool,
    /// Whether rows have a column `bucket`.
    pub bucket: bool,
    /// The numbers of a row. Each may have a column `<name>_noise_stddev` beside it.
    pub numbers: &'static [&'static str],
    /// Whether the numbers are counts, of which the second holds the others.
    pub counts: bool,
}

const RATIO: Shape = Shape { arm: true, bucket: true, numbers: &["num", "den"], counts: false };
const PROPORTION: Shape = Shape { counts: true, ..RATIO };
const PAIRED: Shape = Shape { arm: false, bucket: true, numbers: &["gained", "pairs", "lost"], counts: true };
const UNITS: Shape = Shape { arm: true, bucket: false, numbers: &["units"], counts: true };
const CROSSED: Shape = Shape { arm: false, bucket: false, numbers: &["crossed", "units"], counts: true };
const LABELS: Shape = Shape { arm: true, bucket: false, numbers: &["labelled", "decided"], counts: true };

impl Shape {
    /// The columns that must be there.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        let keys = [(self.arm, "arm"), (self.bucket, "bucket"), (true, "window_start")];
        keys.into_iter().filter(|(is_read, _)| *is_read).map(|(_, name)| name).chain(self.numbers.iter().copied())
    }

    /// Refuses a relation that lacks one of them.
    ///
    /// # Errors
    /// [`Error::MissingColumns`], all of them at once.
    pub fn require<S: AsRef<str>>(self, found: &[S]) -> Result<()> {
        let is_missing = |column: &&'static str| !found.iter().any(|name| name.as_ref() == *column);
        let missing: Vec<&str> = self.columns().filter(is_missing).collect();
        let wanted = self.columns().collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::MissingColumns { missing, wanted }) }
    }
}

impl Check {
    /// The columns of its evidence.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self.kind {
            Kind::Proportion => PROPORTION,
            Kind::Ratio => RATIO,
            Kind::Paired => PAIRED,
        }
    }
}

impl Trust {
    /// The columns of its evidence, if it reads any.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        match self {
            Self::SampleRatio { .. } => Some(UNITS),
            Self::OneExposure { .. } => Some(CROSSED),
            Self::EqualLabelDelay { .. } => Some(LABELS),
            Self::SchemaUnchanged | Self::OpenLedger => None,
        }
    }
}

/// A row as it was read: any cell may be null, any number may be nonsense.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Column `arm`, where there is one.
    pub arm: Option<String>,
    /// Column `bucket` as text, where there is one.
    pub bucket: Option<String>,
    /// Column `window_start`, microseconds UTC.
    pub window_start_us: Option<i64>,
    /// The numbers, in the order of [`Shape::numbers`]. Null is withheld.
    pub numbers: [Option<f64>; 3],
    /// Standard deviations of the noise in them; 0 where they are exact.
    pub noise: [f64; 3],
}

/// A row that was checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// Index into [`Evidence::arms`]; 0 where rows have no arm.
    pub(crate) arm: usize,
    /// Index into the buckets.
    pub(crate) bucket: usize,
    pub(crate) window_start_us: i64,
    /// None where it is withheld.
    pub(crate) numbers: Option<[f64; 3]>,
    pub(crate) noise: [f64; 3],
}

/// Rows of which each is possible and none is given twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    pub(crate) arms: Vec<String>,
    pub(crate) buckets: usize,
    /// Sorted by window.
    pub(crate) cells: Vec<Cell>,
    /// What an arm has no row for in one window is counted in its next row.
    pub(crate) carries: bool,
}

impl Evidence {
    /// Takes rows as they were read.
    ///
    /// # Errors
    /// [`Error::NullCell`], [`Error::NotACount`], [`Error::NumAboveDen`], [`Error::RepeatedCell`].
    pub fn from_rows(shape: Shape, rows: impl IntoIterator<Item = Row>) -> Result<Self> {
        let (mut arms, mut buckets) = (Names::default(), Names::default());
        let mut cells = Vec::new();
        let mut seen = HashSet::new();
        for (row, read) in rows.into_iter().enumerate() {
            let null = |column| Error::NullCell { row, column };
            let arm = if shape.arm { read.arm.ok_or(null("arm"))? } else { String::new() };
            let bucket = if shape.bucket { read.bucket.ok_or(null("bucket"))? } else { String::new() };
            let window_start_us = read.window_start_us.ok_or(null("window_start"))?;
            let numbers = numbers(shape, row, read.numbers, read.noise)?;
            let (arm, bucket) = (arms.index(arm), buckets.index(bucket));
            if !seen.insert((arm, bucket, window_start_us)) {
                return Err(Error::RepeatedCell {
                    arm: arms.names[arm].clone(),
                    bucket: buckets.names[bucket].clone(),
                    window: words::instant(window_start_us),
                });
            }
            cells.push(Cell { arm, bucket, window_start_us, numbers, noise: read.noise });
        }
        cells.sort_by_key(|cell| (cell.window_start_us, cell.arm, cell.bucket));
        Ok(Self { arms: arms.names, buckets: buckets.names.len(), cells, carries: false })
    }

    /// The same of a signal whose groups below the threshold are counted in their next window.
    #[must_use]
    pub fn carried(self) -> Self {
        Self { carries: true, ..self }
    }

    /// The first window there is.
    pub(crate) fn first_us(&self) -> Option<i64> {
        self.cells.first().map(|cell| cell.window_start_us)
    }

    /// The start of the last window there is.
    #[must_use]
    pub fn last_us(&self) -> Option<i64> {
        self.cells.last().map(|cell| cell.window_start_us)
    }

    /// The starts of the first and the last window of an arm; of all rows where it has none of its own.
    pub(crate) fn span_us(&self, arm: &str) -> Option<(i64, i64)> {
        let arm = self.arms.iter().position(|name| name == arm);
        let own = || self.cells.iter().filter(|cell| arm.is_none_or(|arm| cell.arm == arm));
        Some((own().next()?.window_start_us, own().next_back()?.window_start_us))
    }

    /// The index of an arm.
    ///
    /// # Errors
    /// [`Error::MissingArm`] when it has no row.
    pub(crate) fn arm(&self, name: &str) -> Result<usize> {
        let found = self.arms.iter().position(|arm| arm == name);
        found.ok_or_else(|| {
            let seen: BTreeSet<String> = self.arms.iter().cloned().collect();
            Error::MissingArm { arm: name.to_owned(), seen: seen.into_iter().collect() }
        })
    }
}

/// Names in the order of their first appearance.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    indices: BTreeMap<String, usize>,
}

impl Names {
    fn index(&mut self, name: String) -> usize {
        if let Some(&index) = self.indices.get(&name) {
            return index;
        }
        self.names.push(name.clone());
        *self.indices.entry(name).or_insert(self.names.len() - 1)
    }
}

/// The numbers of a row, none where one of them is withheld.
fn numbers(shape: Shape, row: usize, read: [Option<f64>; 3], noise: [f64; 3]) -> Result<Option<[f64; 3]>> {
    let mut numbers = [0.0; 3];
    for (i, &column) in shape.numbers.iter().enumerate() {
        let Some(number) = read[i] else { return Ok(None) };
        let is_exact = noise[i] == 0.0;
        let is_count = number >= 0.0 && number.fract() == 0.0;
        let is_right = number.is_finite() && noise[i].is_finite() && noise[i] >= 0.0;
        if !is_right || shape.counts && is_exact && !is_count {
            return Err(Error::NotACount { row, column, found: number.to_string() });
        }
        numbers[i] = number;
    }
    let whole = shape.counts.then(|| shape.numbers.get(1)).flatten();
    if let Some(&whole) = whole.filter(|_| noise == [0.0; 3]) {
        let part = numbers[0] + numbers[2];
        if part > numbers[1] {
            return Err(Error::PartAboveWhole { row, part: shape.numbers[0], whole });
        }
    }
    Ok(Some(numbers))
}

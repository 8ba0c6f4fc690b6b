//! What was released about each arm, bucket and window?
//!
//! Every cell is checked before anything is decided; a cell that cannot be counted is an error, not a zero.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::words;

/// The columns a gate reads from a released signal; others are not looked at.
pub const COLUMNS: [&str; 5] = ["arm", "bucket", "window_start", "num", "den"];

/// Exact counts of one arm, bucket and window.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Value of the column `arm`.
    pub arm: String,
    /// Value of the column `bucket`, as text.
    pub bucket: String,
    /// Start of the window, microseconds UTC.
    pub window_start_us: i64,
    /// Events that hit.
    pub num: u64,
    /// All events.
    pub den: u64,
}

/// A released row as it was read: any cell may be null, any count may be nonsense.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Column `arm`.
    pub arm: Option<String>,
    /// Column `bucket`, as text.
    pub bucket: Option<String>,
    /// Column `window_start`, microseconds UTC.
    pub window_start_us: Option<i64>,
    /// Column `num`.
    pub num: Option<Count>,
    /// Column `den`.
    pub den: Option<Count>,
}

/// A number in a column of counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    /// From an integer column.
    Integer(i64),
    /// From a column of floats; whole numbers up to 2^53 are counts.
    Float(f64),
}

impl Count {
    fn exact(self) -> Option<u64> {
        const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Integer(count) => u64::try_from(count).ok(),
            // NaN fails the range.
            Self::Float(count) => {
                ((0.0..=LARGEST_EXACT).contains(&count) && count.fract() == 0.0).then_some(count as u64)
            }
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Integer(count) => count.to_string(),
            Self::Float(count) => count.to_string(),
        }
    }
}

/// Cells of which each is possible and none is given twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    cells: Vec<Cell>,
}

impl Evidence {
    /// Takes cells that were already counted.
    ///
    /// # Errors
    /// [`Error::NumAboveDen`], [`Error::RepeatedCell`].
    pub fn new(cells: Vec<Cell>) -> Result<Self> {
        let mut seen = HashSet::with_capacity(cells.len());
        for cell in &cells {
            let window = || words::instant(cell.window_start_us);
            if cell.num > cell.den {
                let (arm, bucket) = (cell.arm.clone(), cell.bucket.clone());
                return Err(Error::NumAboveDen { arm, bucket, window: window(), num: cell.num, den: cell.den });
            }
            if !seen.insert((&cell.arm, &cell.bucket, cell.window_start_us)) {
                let (arm, bucket) = (cell.arm.clone(), cell.bucket.clone());
                return Err(Error::RepeatedCell { arm, bucket, window: window() });
            }
        }
        Ok(Self { cells })
    }

    /// Takes rows as they were read.
    ///
    /// # Errors
    /// [`Error::NullCell`], [`Error::NotACount`], and those of [`Evidence::new`].
    pub fn from_rows(rows: impl IntoIterator<Item = Row>) -> Result<Self> {
        let cells = rows.into_iter().enumerate().map(|(row, read)| cell(row, read)).collect::<Result<_>>()?;
        Self::new(cells)
    }

    /// The cells, in the order given.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }
}

/// Refuses a signal that lacks one of [`COLUMNS`].
///
/// # Errors
/// [`Error::MissingColumns`], all of them at once.
pub fn require_columns<S: AsRef<str>>(found: &[S]) -> Result<()> {
    let missing: Vec<&str> =
        COLUMNS.into_iter().filter(|column| !found.iter().any(|name| name.as_ref() == *column)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingColumns { missing }) }
}

fn cell(row: usize, read: Row) -> Result<Cell> {
    let null = |column| Error::NullCell { row, column };
    let count = |column, count: Option<Count>| {
        let count = count.ok_or(null(column))?;
        count.exact().ok_or_else(|| Error::NotACount { row, column, found: count.shown() })
    };
    Ok(Cell {
        arm: read.arm.ok_or(null("arm"))?,
        bucket: read.bucket.ok_or(null("bucket"))?,
        window_start_us: read.window_start_us.ok_or(null("window_start"))?,
        num: count("num", read.num)?,
        den: count("den", read.den)?,
    })
}

#[cfg(test)]
mod tests;

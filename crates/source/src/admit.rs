//! What is done with rows before anybody sees them?
//!
//! A stream's owner may have columns left out or made tokens of, and rows refused that break a promise. That happens
//! here, as soon as a file is decoded: neither its readers nor what is set aside hold anything that was to be dropped.

use std::fmt;

use arrow::array::RecordBatch;
use tidegate_contract::Tally;

use crate::SourceFile;

/// What the owner of a stream wants of its rows.
///
/// The answer depends on the rows alone, and not on how they are cut into batches: rows are read again, and must be what
/// they were.
pub trait Admit: fmt::Debug + Send + Sync {
    /// The columns it must see, whichever are asked for.
    fn reads(&self) -> &[String];

    /// Takes the next rows of a file. Rows that Tidegate landed itself (`landed`) were admitted when they came, and are only
    /// counted.
    ///
    /// # Errors
    /// When reading must stop, in words without a value of the data.
    fn admit(&self, rows: &RecordBatch, landed: bool) -> Result<Admitted, String>;
}

/// Rows that were admitted.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The rows that stand, with the columns they came with, by name and type.
    pub rows: RecordBatch,
    /// The places of those that do not, rising, and why, in words without a value of the data.
    pub refused: Vec<(usize, String)>,
    /// How good all of them were.
    pub quality: Option<Tally>,
}

/// Makes a stream's rows of files that hold something else, as a mapping says.
pub trait Adapt: fmt::Debug + Send + Sync {
    /// Makes rows of the whole content of a file that is no table.
    ///
    /// # Errors
    /// When the content is not what the format says, in words without a value of the data.
    fn content(&self, bytes: &[u8], file: &SourceFile) -> Result<Adapted, String>;

    /// Makes rows of the rows of a table.
    ///
    /// # Errors
    /// When its columns are not those that the mapping reads, in words without a value of the data.
    fn table(&self, rows: &RecordBatch, file: &SourceFile) -> Result<Adapted, String>;
}

/// Rows of a stream that were made of something else.
#[derive(Debug, Clone)]
pub struct Adapted {
    /// Those that could be made.
    pub rows: RecordBatch,
    /// Why others could not, one reason for each, in words without a value of the data.
    pub refused: Vec<String>,
}

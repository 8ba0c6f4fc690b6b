//! What is handed on when a file is read, and what is set aside?

use std::fmt;

use arrow::array::RecordBatch;
use tidegate_contract::Tally;

use crate::budget::Hold;

/// One step of reading a file.
#[derive(Debug, PartialEq)]
pub enum Item {
    /// The next rows, good and rejected.
    Rows(Delivery),
    /// The rest of the file is given up. Nothing follows; rows that were delivered before stand.
    FileRejected(Rejection),
}

/// The next rows of a file.
///
/// # Guarantee
/// `rows_read == batch.num_rows() + rejected.len()`: no row is lost between reading and accounting.
///
/// Its bytes count as in flight until it is dropped, or taken apart; see [`Source::with_budget`](crate::Source::with_budget).
#[derive(Debug, PartialEq)]
pub struct Delivery {
    /// The good rows, in file order, with exactly the requested columns.
    pub batch: RecordBatch,
    /// How many rows of the file this step consumed, the rejected ones included.
    pub rows_read: u64,
    /// The bad rows, in file order.
    pub rejected: Vec<Rejection>,
    /// How good all of these rows were, where somebody asks.
    pub quality: Option<Tally>,
    pub(crate) hold: Hold,
}

/// A row or a file that was set aside, and why.
///
/// # Guarantee
/// Nothing here is taken from the values of the data: `detail` names columns, types and counts only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The [`id`](crate::SourceFile::id) of the file.
    pub file: String,
    /// Which row of the file, counted from 0; `None` for the whole rest of the file.
    pub row: Option<u64>,
    /// What kind of problem it is.
    pub reason: Reason,
    /// The problem in words, without any value of the data.
    pub detail: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(row) = self.row {
            write!(f, " row {row}")?;
        }
        write!(f, ": {}: {}", self.reason, self.detail)
    }
}

/// The kind of problem that sets a row or a file aside. The names are stable: quarantine files carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The file is gone, or it may not be opened or read.
    FileUnreadable,
    /// The bytes of the file are not what its format says.
    FileCorrupt,
    /// A column of the file has a type that does not fit the stream without loss.
    SchemaMismatch,
    /// The row is not valid JSON or has the wrong number of fields.
    RowMalformed,
    /// A value of the row does not fit the type of its column.
    TypeMismatch,
    /// The row does not say when it happened.
    EventTimeMissing,
    /// The row breaks a promise of its stream's contract.
    ContractBroken,
    /// The contract says that nothing is read on.
    Stopped,
    /// A mapping could not make a row of it.
    RowUnmapped,
}

impl Reason {
    /// The stable name, for example `row_malformed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileUnreadable => "file_unreadable",
            Self::FileCorrupt => "file_corrupt",
            Self::SchemaMismatch => "schema_mismatch",
            Self::RowMalformed => "row_malformed",
            Self::TypeMismatch => "type_mismatch",
            Self::EventTimeMissing => "event_time_missing",
            Self::ContractBroken => "contract_broken",
            Self::Stopped => "stopped",
            Self::RowUnmapped => "row_unmapped",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

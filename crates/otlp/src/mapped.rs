//! What comes out of a request?

use std::fmt;

use arrow::array::RecordBatch;

use crate::table::Stream;
use crate::tally::Tally;

/// The rows of one request, **before redaction**.
///
/// Columns such as `user_token` and `annotator_token` still hold what the producer sent: raw user ids. The rows can be
/// reached only through [`unredacted`](Self::unredacted), whose name is to be read where it is called: what it gives goes
/// to redaction next, and nowhere else. Its `Debug` shows counts only.
#[must_use = "these rows were taken in and stand nowhere else"]
pub struct Mapped {
    rows: Unredacted,
    tally: Tally,
}

/// Rows with raw user ids in them.
///
/// `decisions` lacks the column `envelope_hash`: it is taken over what is kept, so redaction comes first and then
/// [`seal_envelope`](tidegate_contract::seal_envelope).
pub struct Unredacted {
    /// Rows of `decisions`, without `envelope_hash`.
    pub decisions: RecordBatch,
    /// Rows of `decision_steps`.
    pub steps: RecordBatch,
    /// Rows of `labels`.
    pub labels: RecordBatch,
    /// Content for the evidence store; empty unless it was asked for.
    pub content: Vec<Content>,
}

/// What somebody said, for the evidence store and for no column.
pub struct Content {
    /// The stream of the row that it belongs to.
    pub stream: Stream,
    /// The number of that row in its batch.
    pub row: usize,
    /// The attribute it stood under.
    pub key: String,
    /// The text; a list or object as JSON.
    pub text: String,
}

impl Mapped {
    pub(crate) fn new(rows: Unredacted, tally: Tally) -> Self {
        Self { rows, tally }
    }

    /// What became of everything that was sent. It holds no value of any row.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The rows, with raw user ids in them.
    pub fn unredacted(self) -> Unredacted {
        self.rows
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("rows", &self.rows).field("tally", &self.tally).finish()
    }
}

impl fmt::Debug for Unredacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unredacted")
            .field("decisions", &self.decisions.num_rows())
            .field("steps", &self.steps.num_rows())
            .field("labels", &self.labels.num_rows())
            .field("content", &self.content.len())
            .finish()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("stream", &self.stream)
            .field("row", &self.row)
            .field("key", &self.key)
            .field("bytes", &self.text.len())
            .finish()
    }
}

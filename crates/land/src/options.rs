//! How large are files, how long do rows wait for one, and how much may wait?

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What becomes of columns that the stream does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extra {
    /// The rows are refused.
    #[default]
    Refuse,
    /// The columns are left out.
    Drop,
}

/// How rows are landed.
#[derive(Clone)]
pub struct Options {
    /// A file is finished when it has about so many bytes, encoded. At most a quarter of `queue_bytes`.
    pub file_bytes: usize,
    /// A file is finished so long after its first rows arrived. This is how long an acknowledgement takes when little
    /// arrives.
    pub flush_after: Duration,
    /// How many bytes may be in flight: rows that wait, and files that are not landed yet.
    pub queue_bytes: usize,
    /// How long rows wait for their turn before [`Error::Busy`](crate::Error::Busy) is answered.
    pub patience: Duration,
    /// What whoever is refused is told to wait.
    pub retry_after: Duration,
    /// Rows in a row group.
    pub row_group_rows: usize,
    /// How many producers may send at once. One that has been silent for ten seconds does not count.
    pub producers: usize,
    /// What becomes of columns that the stream does not have.
    pub extra: Extra,
    /// What is written in every file's metadata.
    pub metadata: BTreeMap<String, String>,
    /// What time it is, for the folder of the day.
    pub clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            flush_after: Duration::from_secs(1),
            queue_bytes: 256 << 20,
            patience: Duration::from_secs(1),
            retry_after: Duration::from_secs(1),
            row_group_rows: 1 << 20,
            producers: 1024,
            extra: Extra::Refuse,
            metadata: BTreeMap::new(),
            clock: Arc::new(SystemTime::now),
        }
    }
}

impl Options {
    /// When a file is finished: early enough that the next one can grow while it is landed.
    pub(crate) fn full_at(&self) -> usize {
        self.file_bytes.min(self.queue_bytes / 4)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("file_bytes", &self.file_bytes)
            .field("flush_after", &self.flush_after)
            .field("queue_bytes", &self.queue_bytes)
            .field("patience", &self.patience)
            .field("retry_after", &self.retry_after)
            .field("row_group_rows", &self.row_group_rows)
            .field("producers", &self.producers)
            .field("extra", &self.extra)
            .finish_non_exhaustive()
    }
}

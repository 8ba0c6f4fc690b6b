//! How much was landed, and how much waits?

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of one landing since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Rows landed.
    pub rows: u64,
    /// Bytes of the files landed.
    pub bytes: u64,
    /// Files landed that have rows or numbers of arrivals.
    pub files: u64,
    /// Arrivals landed.
    pub arrivals: u64,
    /// Arrivals that had been landed before.
    pub duplicates: u64,
    /// Arrivals refused because too much was waiting.
    pub busy: u64,
    /// Arrivals that failed after they were taken.
    pub failed: u64,
    /// Arrivals in flight now.
    pub waiting: u64,
    /// Bytes in flight now.
    pub waiting_bytes: u64,
}

/// The same, while it changes.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) rows: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) files: AtomicU64,
    pub(crate) arrivals: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self, waiting_bytes: u64) -> Metrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            rows: read(&self.rows),
            bytes: read(&self.bytes),
            files: read(&self.files),
            arrivals: read(&self.arrivals),
            duplicates: read(&self.duplicates),
            busy: read(&self.busy),
            failed: read(&self.failed),
            waiting: read(&self.waiting),
            waiting_bytes,
        }
    }
}

/// Counts.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

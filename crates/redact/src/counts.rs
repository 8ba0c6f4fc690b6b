//! What was done to how many values?
//!
//! Numbers and the names of columns alone: they go to logs and metrics.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Detected;

/// What was done to the rows of a batch, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows that came.
    pub rows: u64,
    /// Rows without a tenant: they may be set aside as [`Redacted::refused`](crate::Redacted::refused).
    pub rows_without_tenant: u64,
    /// Rows of tenants that are not known, where keys are given by hand.
    pub rows_of_unknown_tenants: u64,
    /// Rows of tenants whose key is destroyed: they are written nowhere.
    pub rows_of_destroyed_tenants: u64,
    /// Rows of users whose key is destroyed: they are written nowhere.
    pub rows_of_erased_users: u64,
    /// What was done to the values of each column, where anything was.
    pub columns: BTreeMap<String, ColumnCounts>,
}

/// What was done to the values of one column. Nulls are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ColumnCounts {
    /// Values that were left out.
    pub dropped: u64,
    /// Values of which the SHA-256 was written.
    pub hashed: u64,
    /// Values of which a token was written.
    pub tokenized: u64,
    /// Values that were taken out for the evidence store.
    pub evidence: u64,
    /// What the detectors found and blotted out. A value that a dictionary holds once is counted once.
    pub detected: Detected,
}

impl Counts {
    /// Adds the counts of another batch.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.rows_without_tenant += other.rows_without_tenant;
        self.rows_of_unknown_tenants += other.rows_of_unknown_tenants;
        self.rows_of_destroyed_tenants += other.rows_of_destroyed_tenants;
        self.rows_of_erased_users += other.rows_of_erased_users;
        for (column, counts) in &other.columns {
            self.column(column, counts);
        }
    }

    pub(crate) fn column(&mut self, column: &str, counts: &ColumnCounts) {
        if *counts == ColumnCounts::default() {
            return;
        }
        let mine = self.columns.entry(column.to_owned()).or_default();
        mine.dropped += counts.dropped;
        mine.hashed += counts.hashed;
        mine.tokenized += counts.tokenized;
        mine.evidence += counts.evidence;
        mine.detected.add(&counts.detected);
    }
}

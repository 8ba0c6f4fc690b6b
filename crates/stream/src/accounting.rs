//! What became of every row that was read?

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Rows by what became of them, for one signal in one epoch.
///
/// # Guarantee
/// `read = aggregated + filtered + late + rejected + duplicate`. An epoch that cannot prove it fails
/// before its commit record is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowAccount {
    /// Rows taken from the source.
    pub read: u64,
    /// Rows that entered the aggregation.
    pub aggregated: u64,
    /// Rows that the query's filters left out.
    pub filtered: u64,
    /// Rows too late for their window.
    pub late: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// Rows delivered before.
    pub duplicate: u64,
}

/// Rows of one stream by what became of them before any signal saw them.
///
/// # Guarantee
/// `read = delivered + rejected + duplicate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamAccount {
    /// Rows taken from the source.
    pub read: u64,
    /// Rows handed to the signals.
    pub delivered: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// Rows delivered before.
    pub duplicate: u64,
}

impl StreamAccount {
    /// True when no row is missing and none is counted twice.
    pub fn balances(&self) -> bool {
        self.read == self.delivered + self.rejected + self.duplicate
    }
}

impl RowAccount {
    /// True when no row is missing and none is counted twice.
    pub fn balances(&self) -> bool {
        self.read == self.aggregated + self.filtered + self.late + self.rejected + self.duplicate
    }
}

impl AddAssign for StreamAccount {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.delivered += other.delivered;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
    }
}

impl AddAssign for RowAccount {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.aggregated += other.aggregated;
        self.filtered += other.filtered;
        self.late += other.late;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_balances_only_when_every_row_went_somewhere() {
        let mut account = RowAccount { read: 10, aggregated: 6, filtered: 3, rejected: 1, ..RowAccount::default() };
        assert!(account.balances());
        account.read += 1;
        assert!(!account.balances());
    }
}

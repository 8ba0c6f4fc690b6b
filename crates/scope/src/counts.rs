//! What became of the rows, in numbers?

use std::ops::AddAssign;

use tidegate_contract::{LearningScope, RiskClass};

/// Rows counted; those of several batches of one [`Scoper`](crate::Scoper) add up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Rows seen, refused ones among them.
    pub rows: u64,
    /// Rows refused.
    pub refused: u64,
    /// Rows kept whose class the rules raised above the delivered one, or above `low` where none was.
    pub raised: u64,
    /// Rows kept of each class, in the order of [`RiskClass::ALL`].
    pub classes: [u64; RiskClass::ALL.len()],
    /// Rows kept of each scope, in the order of [`LearningScope::ALL`].
    pub scopes: [u64; LearningScope::ALL.len()],
    /// Rows that each rule matched, refused ones among them, in the order of [`Rules::names`](crate::Rules::names).
    pub matched: Vec<u64>,
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Counts) {
        self.rows += other.rows;
        self.refused += other.refused;
        self.raised += other.raised;
        add(&mut self.classes, &other.classes);
        add(&mut self.scopes, &other.scopes);
        if self.matched.len() < other.matched.len() {
            self.matched.resize(other.matched.len(), 0);
        }
        add(&mut self.matched, &other.matched);
    }
}

fn add(totals: &mut [u64], others: &[u64]) {
    for (total, other) in totals.iter_mut().zip(others) {
        *total += other;
    }
}

//! Which rows of a batch break which rule, found once for all who ask?
//!
//! What stands and how good the data is are two questions about the same violations.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::BooleanBuffer;

use crate::gaps::Gap;
use crate::shape::{Shaped, shape};
use crate::violations::violations;
use crate::{Checked, DataContract, Tally};

/// A batch held against a contract, for what stands and for what is counted.
///
/// A rule that is not asked about is not looked at: whoever finds that reading is to stop need not count.
#[derive(Debug)]
pub struct Held<'a> {
    contract: &'a Arc<DataContract>,
    findings: Findings<'a>,
}

impl<'a> Held<'a> {
    /// Holds a batch against a contract. Its columns are taken by name.
    #[must_use]
    pub fn new(contract: &'a Arc<DataContract>, batch: &RecordBatch) -> Self {
        Self { contract, findings: Findings::new(contract, batch) }
    }

    /// Which rows keep the contract: as [`check`](crate::check()) says.
    #[must_use]
    pub fn check(&self) -> Checked {
        Checked::of(&self.findings)
    }

    /// What the rules count in the rows: as a new tally that was updated once.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::new(Arc::clone(self.contract));
        tally.count(&self.findings);
        tally
    }
}

/// The violations of a batch, each found when it is first asked for.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) contract: &'a DataContract,
    pub(crate) rows: usize,
    /// One array for each column of the contract.
    pub(crate) arrays: Vec<ArrayRef>,
    pub(crate) gaps: Vec<Gap>,
    /// For each rule the rows that break it.
    broken: Vec<OnceCell<Option<BooleanBuffer>>>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(contract: &'a DataContract, batch: &RecordBatch) -> Self {
        let Shaped { arrays, gaps } = shape(contract, batch);
        let broken = contract.rules.iter().map(|_| OnceCell::new()).collect();
        Self { contract, rows: batch.num_rows(), arrays, gaps, broken }
    }

    /// Where the column of that name stands in the contract.
    pub(crate) fn place(&self, column: &str) -> Option<usize> {
        self.contract.columns.iter().position(|known| known.name == column)
    }

    /// The rows that break the rule of that number; `None` if none does.
    pub(crate) fn broken(&self, rule: usize) -> Option<&BooleanBuffer> {
        let found = self.broken[rule].get_or_init(|| {
            let rule = &self.contract.rules[rule];
            let column = self.place(rule.column.as_ref()?)?;
            violations(&rule.metric, &self.arrays[column])
        });
        found.as_ref()
    }
}

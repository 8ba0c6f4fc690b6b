//! Which rows of a batch keep the contract, and why do the others not?
//!
//! What is said of a refused row is its column and the rule: never a value, because rows here may hold what nobody may
//! see.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{filter, filter_record_batch, not};
use arrow::datatypes::{Field, Schema};

use crate::gaps::Gap;
use crate::held::Findings;
use crate::violations::violations;
use crate::{DataContract, Violation};

/// Which rule of which column was broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    /// The column.
    pub column: String,
    /// The rule's name: `required`, `pattern`, `length`, `range`, or that of a quality rule.
    pub rule: String,
}

/// `outcome: invalidValues`
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.column, self.rule)
    }
}

/// A batch held against a contract.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Which rows keep it.
    pub stands: BooleanArray,
    /// What the batch lacks as a whole, and what it has too much.
    pub gaps: Vec<Gap>,
    /// The columns that were dropped from the batch, with the rule that some of their values broke.
    pub dropped: Vec<Reason>,
    /// The rule that stops reading, if one was broken: then nothing of the batch is to be taken.
    pub stop: Option<Reason>,
    reasons: Vec<Reason>,
    /// For each row 0, or the number of its reason, from 1; empty if every row stands.
    codes: Vec<u32>,
    columns: Vec<ArrayRef>,
    schema: Schema,
}

/// Holds a batch against a contract.
///
/// Columns are taken by name. A missing optional column is filled with null, a column that the contract does not have
/// is left out, and numbers of a narrower type are widened; text stays in the layout it came in. A required column that is
/// missing refuses every row, and is told once in [`Checked::gaps`].
#[must_use]
pub fn check(contract: &DataContract, batch: &RecordBatch) -> Checked {
    Checked::of(&Findings::new(contract, batch))
}

impl Checked {
    /// What the violations of a batch come to.
    pub(crate) fn of(findings: &Findings<'_>) -> Self {
        let mut checked = Self {
            stands: BooleanArray::new(BooleanBuffer::new_set(findings.rows), None),
            gaps: findings.gaps.clone(),
            dropped: Vec::new(),
            stop: None,
            reasons: Vec::new(),
            codes: Vec::new(),
            columns: findings.arrays.clone(),
            schema: Schema::empty(),
        };
        for number in 0..findings.contract.rules.len() {
            checked.hold(findings, number);
        }
        checked.settle(findings.contract);
        checked
    }

    fn hold(&mut self, findings: &Findings<'_>, number: usize) {
        let rule = &findings.contract.rules[number];
        let (Some(on_violation), Some(name)) = (rule.on_violation, &rule.column) else { return };
        let Some(place) = findings.place(name) else { return };
        // Of a column that was dropped every value is null.
        let of_null = self.is_dropped(name).then(|| violations(&rule.metric, &self.columns[place]));
        let broken = of_null.as_ref().map_or_else(|| findings.broken(number), Option::as_ref);
        let Some(broken) = broken else { return };
        let reason = Reason { column: name.clone(), rule: rule.name.clone() };
        match on_violation {
            Violation::DropColumn => {
                self.columns[place] = new_null_array(&findings.contract.columns[place].data_type, self.stands.len());
                self.dropped.push(reason);
            }
            Violation::QuarantineRow => self.refuse(reason, broken),
            Violation::Stop => self.stop = self.stop.take().or(Some(reason)),
        }
    }

    fn is_dropped(&self, column: &str) -> bool {
        self.dropped.iter().any(|dropped| dropped.column == column)
    }

    /// The first reason of a row is the one that is told.
    fn refuse(&mut self, reason: Reason, broken: &BooleanBuffer) {
        self.codes.resize(broken.len(), 0);
        self.reasons.push(reason);
        let code = u32::try_from(self.reasons.len()).unwrap_or(u32::MAX);
        for row in broken.set_indices() {
            if self.codes[row] == 0 {
                self.codes[row] = code;
            }
        }
    }

    fn settle(&mut self, contract: &DataContract) {
        if !self.codes.is_empty() {
            let stands = BooleanBuffer::collect_bool(self.codes.len(), |row| self.codes[row] == 0);
            self.stands = BooleanArray::new(stands, None);
        }
        let fields = contract.columns.iter().zip(&self.columns).map(|(column, array)| {
            let field = column.field();
            // Text stays in the layout it came in.
            Field::new(field.name(), array.data_type().clone(), field.is_nullable())
                .with_metadata(field.metadata().clone())
        });
        self.schema = Schema::new(fields.collect::<Vec<_>>());
    }

    /// The rows that stand, with the contract's columns in its order; none at all if reading is to stop.
    #[must_use]
    pub fn rows(&self) -> RecordBatch {
        let schema = self.schema.clone().into();
        if self.stop.is_some() || self.stands.true_count() == 0 {
            return RecordBatch::new_empty(schema);
        }
        let stand = |array: &ArrayRef| match self.codes.is_empty() {
            true => Arc::clone(array),
            false => filter(array, &self.stands).expect("one answer for each row"),
        };
        let columns = self.columns.iter().map(stand).collect();
        RecordBatch::try_new(schema, columns).expect("columns of their own types, and null only where it is allowed")
    }

    /// The rows of `batch`, which is the one that was checked, that were refused: as they were delivered.
    ///
    /// # Panics
    /// If it has another number of rows.
    #[must_use]
    pub fn refused_of(&self, batch: &RecordBatch) -> RecordBatch {
        let refused = not(&self.stands).expect("answers can be turned round");
        filter_record_batch(batch, &refused).expect("one answer for each row of the batch that was checked")
    }

    /// Why a row was refused; `None` if it stands.
    #[must_use]
    pub fn reason(&self, row: usize) -> Option<&Reason> {
        let code = usize::try_from(*self.codes.get(row)?).ok()?;
        self.reasons.get(code.checked_sub(1)?)
    }

    /// The refused rows in their order, each with its reason.
    pub fn refused(&self) -> impl Iterator<Item = (usize, &Reason)> {
        (0..self.codes.len()).filter_map(|row| Some((row, self.reason(row)?)))
    }

    /// How many rows were refused for each reason, in the order of the contract's rules.
    #[must_use]
    pub fn counts(&self) -> Vec<(&Reason, usize)> {
        let mut counts = vec![0; self.reasons.len() + 1];
        self.codes.iter().for_each(|code| counts[*code as usize] += 1);
        self.reasons.iter().zip(counts.into_iter().skip(1)).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests;

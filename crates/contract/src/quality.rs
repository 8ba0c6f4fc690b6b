//! How good is the data of an epoch?
//!
//! A [`Tally`] counts what the contract's rules ask for, batch by batch; tallies of several batches, files or machines
//! merge into that of all. What came of it is one row for each rule, which are written to `dq_results`.
//!
//! # Guarantee
//! Merging is associative and commutative, the tally of nothing is its identity, and how rows are cut into batches does
//! not matter. Held by `tests/it/laws.rs`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::held::Findings;
use crate::keys::{Keys, add_keys, forget_beyond, union};
use crate::{DataContract, Error, Metric, Result, Rule, Severity, Unit};

/// So many keys are told apart for each rule about duplicates, in at most about 200 MiB.
pub const MAX_KEYS: usize = 1 << 22;

/// What the rules of a contract count in some rows.
///
/// # Memory
/// A rule about duplicates keeps 128 bits for each key it has seen (SipHash of the key's values: of a thousand million
/// keys two are taken for one with a chance of 1 in 10^20). When it has seen more than [`Tally::with_max_keys`] allows
/// it forgets them and its answer is that it does not know: never a guess. Every other rule is one number.
#[derive(Debug, Clone)]
pub struct Tally {
    contract: Arc<DataContract>,
    max_keys: usize,
    rows: u64,
    counts: Vec<Count>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Count {
    /// Rows that were counted.
    Rows(u64),
    /// Rows that have a key, and the keys; none if there were too many.
    Keys { rows: u64, keys: Option<Keys> },
}

/// What came of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleResult<'a> {
    /// The contract's name.
    pub contract: &'a str,
    /// Its version.
    pub version: String,
    /// The rule.
    pub rule: &'a Rule,
    /// What was counted, in the rule's unit; `None` if it is not known: no rows, or too many keys.
    pub observed: Option<f64>,
    /// Whether the threshold holds; `None` if that is not known, which is never a pass.
    pub passed: Option<bool>,
    /// The rows that were looked at.
    pub rows: u64,
}

impl Tally {
    /// A tally of no rows.
    #[must_use]
    pub fn new(contract: Arc<DataContract>) -> Self {
        Self::with_max_keys(contract, MAX_KEYS)
    }

    /// A tally of no rows, which tells so many keys apart for each rule about duplicates.
    #[must_use]
    pub fn with_max_keys(contract: Arc<DataContract>, max_keys: usize) -> Self {
        let count = |rule: &Rule| match rule.metric {
            Metric::DuplicateValues(_) => Count::Keys { rows: 0, keys: Some(Keys::default()) },
            _ => Count::Rows(0),
        };
        let counts = contract.rules.iter().map(count).collect();
        Self { contract, max_keys, rows: 0, counts }
    }

    /// Counts the rows of a batch, as they are delivered.
    pub fn update(&mut self, batch: &RecordBatch) {
        let contract = Arc::clone(&self.contract);
        self.count(&Findings::new(&contract, batch));
    }

    /// Counts what was found in a batch that was held against the same contract.
    pub(crate) fn count(&mut self, findings: &Findings<'_>) {
        self.rows += findings.rows as u64;
        for (number, (rule, count)) in self.contract.rules.iter().zip(&mut self.counts).enumerate() {
            match (&rule.metric, count) {
                (Metric::DuplicateValues(columns), Count::Keys { rows, keys }) => {
                    let places = columns.iter().filter_map(|column| findings.place(column));
                    let columns = places.map(|place| Arc::clone(&findings.arrays[place])).collect::<Vec<_>>();
                    *rows += add_keys(&columns, self.max_keys, keys);
                }
                (_, Count::Rows(rows)) => {
                    *rows += findings.broken(number).map_or(0, |broken| broken.count_set_bits() as u64);
                }
                _ => {}
            }
        }
    }

    /// Adds what another tally has counted.
    ///
    /// # Errors
    /// TG713 if it is of another contract or another version.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        if !is_same(&self.contract, &other.contract) {
            return Err(Error::OtherTally { left: self.contract.label(), right: other.contract.label() });
        }
        self.rows += other.rows;
        self.max_keys = self.max_keys.min(other.max_keys);
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            match (mine, theirs) {
                (Count::Rows(mine), Count::Rows(theirs)) => *mine += theirs,
                (Count::Keys { rows, keys }, Count::Keys { rows: more, keys: others }) => {
                    *rows += more;
                    *keys = keys.take().zip(others).map(|(mine, theirs)| union(mine, theirs));
                    forget_beyond(self.max_keys, keys);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The rows counted so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// What came of each rule, in the contract's order.
    #[must_use]
    pub fn results(&self) -> Vec<RuleResult<'_>> {
        let version = self.contract.version.to_string();
        let result = |(rule, count)| {
            let observed = self.observed(rule, count);
            RuleResult {
                contract: &self.contract.name,
                version: version.clone(),
                rule,
                observed,
                passed: observed.map(|observed| rule.threshold.holds(observed)),
                rows: self.rows,
            }
        };
        self.contract.rules.iter().zip(&self.counts).map(result).collect()
    }

    /// In the rule's unit. Of no rows nothing is known but how many there are.
    fn observed(&self, rule: &Rule, count: &Count) -> Option<f64> {
        if rule.metric == Metric::RowCount {
            return Some(self.rows as f64);
        }
        let counted = match count {
            Count::Rows(rows) => *rows,
            Count::Keys { rows, keys } => rows - keys.as_ref()?.len() as u64,
        };
        match (self.rows, rule.unit) {
            (0, _) => None,
            (_, Unit::Rows) => Some(counted as f64),
            (rows, Unit::Percent) => Some(counted as f64 * 100.0 / rows as f64),
        }
    }

    /// The results as rows of [`dq_results`].
    #[must_use]
    pub fn result_rows(&self) -> RecordBatch {
        let results = self.results();
        let text = |word: &dyn Fn(&RuleResult<'_>) -> String| -> ArrayRef {
            Arc::new(results.iter().map(|result| Some(word(result))).collect::<StringArray>())
        };
        let column = results.iter().map(|result| result.rule.column.as_deref());
        let columns: Vec<ArrayRef> = vec![
            text(&|result| result.contract.to_owned()),
            text(&|result| result.version.clone()),
            text(&|result| result.rule.name.clone()),
            Arc::new(column.collect::<StringArray>()),
            text(&|result| result.rule.metric.as_str().to_owned()),
            text(&|result| result.rule.severity.as_str().to_owned()),
            Arc::new(results.iter().map(|result| result.observed).collect::<Float64Array>()),
            text(&|result| result.rule.unit.as_str().to_owned()),
            text(&|result| result.rule.threshold.to_string()),
            Arc::new(results.iter().map(|result| result.passed).collect::<BooleanArray>()),
            Arc::new(results.iter().map(|result| i64::try_from(result.rows).ok()).collect::<Int64Array>()),
        ];
        RecordBatch::try_new(dq_results(), columns).expect("a value of each column for each rule")
    }

    /// Whether a rule of severity `error` does not hold, or it is not known whether it does.
    #[must_use]
    pub fn is_worrying(&self) -> bool {
        self.results().iter().any(|result| result.rule.severity == Severity::Error && result.passed != Some(true))
    }
}

impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.contract, &other.contract) && self.rows == other.rows && self.counts == other.counts
    }
}

/// The columns of `dq_results`: one row for each rule and epoch. Whoever writes them adds which epoch.
#[must_use]
pub fn dq_results() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("contract", false),
        text("version", false),
        text("rule", false),
        text("column", true),
        text("metric", false),
        text("severity", false),
        Field::new("observed", DataType::Float64, true),
        text("unit", false),
        text("threshold", false),
        Field::new("passed", DataType::Boolean, true),
        Field::new("rows", DataType::Int64, false),
    ]))
}

fn is_same(left: &Arc<DataContract>, right: &Arc<DataContract>) -> bool {
    let counted = |contract: &DataContract| {
        let rules = contract.rules.iter().map(|rule| (rule.name.clone(), rule.column.clone(), rule.metric.clone()));
        rules.collect::<Vec<_>>()
    };
    Arc::ptr_eq(left, right)
        || (left.id == right.id && left.version == right.version && counted(left) == counted(right))
}

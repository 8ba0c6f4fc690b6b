//! Which rules raise the risk of a row, and how far may each class be learnt from?
//!
//! All rules that match a row count, and the highest class of them holds, so their order does not matter. Rules see the
//! row as it was delivered, never what another rule made of it.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use tidegate_contract::{LearningScope, RiskClass};
use tidegate_document::Source;

use crate::column::wrong;
use crate::condition::Condition;
use crate::error::Result;

mod parse;

/// What `risk.toml` says, checked. The default is the absence of the file: no rule, and the usual scope of each class.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    rules: Vec<Rule>,
    /// The widest scope of each class, in the order of [`RiskClass::ALL`]; never wider for more risk.
    scopes: [LearningScope; RiskClass::ALL.len()],
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    name: String,
    class: RiskClass,
    score: Option<f64>,
    condition: Condition,
}

/// What the rules say of each row.
pub(crate) struct Risk {
    pub(crate) classes: Vec<RiskClass>,
    /// The greatest of the delivered score and those of the rules that match.
    pub(crate) scores: Vec<Option<f64>>,
    pub(crate) matched: Vec<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        use LearningScope::{Global, Local, None};
        Self { rules: Vec::new(), scopes: [Global, Global, Local, None] }
    }
}

impl Rules {
    /// Reads the text of a file that errors call `name`.
    ///
    /// # Errors
    /// TG800 to TG804 and TG809, each with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        parse::rules(&Source { file: name, text })
    }

    /// The rules' names in the order of the file; a rule without one is called by its number, as in `rule 3`.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The widest scope that rows of `class` may have.
    pub fn widest(&self, class: RiskClass) -> LearningScope {
        self.scopes[class as usize]
    }

    pub(crate) fn judge(&self, batch: &RecordBatch) -> Result<Risk> {
        let mut classes = vec![RiskClass::Low; batch.num_rows()];
        let mut scores = delivered_scores(batch)?;
        let mut matched = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let rows = rule.condition.matches(batch, &rule.reader())?;
            for row in rows.set_indices() {
                classes[row] = classes[row].max(rule.class);
                scores[row] = greater(scores[row], rule.score);
            }
            matched.push(rows.count_set_bits() as u64);
        }
        Ok(Risk { classes, scores, matched })
    }
}

impl Rule {
    fn reader(&self) -> String {
        format!("rule `{}`", self.name)
    }
}

/// The greater of two scores; a number that is none yields to one that is.
fn greater(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (one, other) => one.or(other),
    }
}

fn delivered_scores(batch: &RecordBatch) -> Result<Vec<Option<f64>>> {
    let Some(column) = batch.column_by_name("risk_score") else {
        return Ok(vec![None; batch.num_rows()]);
    };
    let found = column.data_type();
    if !(found.is_numeric() || *found == DataType::Null) {
        return Err(wrong("risk_score", "the scoper", "numbers", found));
    }
    let column = cast(column, &DataType::Float64)?;
    Ok(column.as_primitive::<Float64Type>().iter().collect())
}

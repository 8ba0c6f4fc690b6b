//! What stands in `released.dq_results`? How good the rows of each epoch were, by the rules of its stream's contract.
//!
//! Of a stream that protects somebody only the verdicts are told: how many rows break a rule may be how many rows one of
//! them has.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use tidegate_algebra::utc_day;
use tidegate_contract::Tally;
use tidegate_ledger::Store;
use tidegate_signal::DQ_RESULTS;

use crate::error::Result;
use crate::history::History;
use crate::own::{OwnSignal, rows_of};
use crate::publish::Due;

const SIGNAL: OwnSignal = OwnSignal { name: DQ_RESULTS, version: "1.0.0" };

/// What came of one rule of a contract in one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// The contract's name.
    pub contract: String,
    /// Its version.
    pub version: String,
    /// The rule's name.
    pub rule: String,
    /// The column it is about; the stream as a whole if absent.
    pub column: Option<String>,
    /// What was counted.
    pub metric: String,
    /// How bad it is when the threshold does not hold.
    pub severity: String,
    /// What was counted, in `unit`. Absent when it is not known, and where a stream protects somebody.
    pub observed: Option<f64>,
    /// Rows, or percent of them.
    pub unit: String,
    /// What `observed` is compared with.
    pub threshold: String,
    /// Whether it holds; absent if that is not known, which is never a pass.
    pub passed: Option<bool>,
    /// The rows that were looked at. Absent where a stream protects somebody.
    pub rows: Option<u64>,
}

/// The outcomes of an epoch, as the log keeps them.
pub(crate) fn outcomes(tally: &Tally, is_protected: bool) -> Vec<RuleOutcome> {
    let outcome = |result: tidegate_contract::RuleResult<'_>| RuleOutcome {
        contract: result.contract.to_owned(),
        version: result.version.clone(),
        rule: result.rule.name.clone(),
        column: result.rule.column.clone(),
        metric: result.rule.metric.as_str().to_owned(),
        severity: result.rule.severity.as_str().to_owned(),
        observed: result.observed.filter(|_| !is_protected),
        unit: result.rule.unit.as_str().to_owned(),
        threshold: result.rule.threshold.to_string(),
        passed: result.passed,
        rows: Some(result.rows).filter(|_| !is_protected),
    };
    tally.results().into_iter().map(outcome).collect()
}

/// Outcomes, and the epoch they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochQuality {
    /// The log record of the epoch.
    pub record: u64,
    /// When it was committed, in microseconds since 1970.
    pub checked_at_us: i64,
    /// The stream that was read.
    pub stream: String,
    /// One for each rule.
    pub outcomes: Vec<RuleOutcome>,
}

/// The columns of its files.
///
/// # Errors
/// Only when Arrow cannot build them.
pub fn dq_results_schema() -> Result<SchemaRef> {
    SIGNAL.schema(&rows(&[])?)
}

/// Stages the days that have epochs which are not released.
pub(crate) async fn stage(store: &Store, history: &History, record: u64) -> Result<Due> {
    let mut days: BTreeMap<i32, Vec<&EpochQuality>> = BTreeMap::new();
    for epoch in &history.quality {
        days.entry(utc_day(epoch.checked_at_us)).or_default().push(epoch);
    }
    let days = days.into_iter().map(|(day, epochs)| Ok((day, rows(&epochs)?))).collect::<Result<_>>()?;
    SIGNAL.stage(store, history, record, days).await
}

fn rows(epochs: &[&EpochQuality]) -> Result<RecordBatch> {
    let all = || epochs.iter().flat_map(|epoch| epoch.outcomes.iter().map(move |outcome| (*epoch, outcome)));
    let text = |of: fn(&RuleOutcome) -> Option<&str>| -> ArrayRef {
        Arc::new(all().map(|(_, outcome)| of(outcome)).collect::<StringArray>())
    };
    let instants = all().map(|(epoch, _)| epoch.checked_at_us).collect::<Vec<_>>();
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let streams = all().map(|(epoch, _)| Some(epoch.stream.as_str())).collect::<StringArray>();
    rows_of(vec![
        ("checked_at", false, Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"))),
        ("epoch", false, Arc::new(all().map(|(epoch, _)| Some(whole(epoch.record))).collect::<Int64Array>())),
        ("stream", false, Arc::new(streams)),
        ("contract", false, text(|outcome| Some(&outcome.contract))),
        ("version", false, text(|outcome| Some(&outcome.version))),
        ("rule", false, text(|outcome| Some(&outcome.rule))),
        ("column", true, text(|outcome| outcome.column.as_deref())),
        ("metric", false, text(|outcome| Some(&outcome.metric))),
        ("severity", false, text(|outcome| Some(&outcome.severity))),
        ("observed", true, Arc::new(all().map(|(_, outcome)| outcome.observed).collect::<Float64Array>())),
        ("unit", false, text(|outcome| Some(&outcome.unit))),
        ("threshold", false, text(|outcome| Some(&outcome.threshold))),
        ("passed", true, Arc::new(all().map(|(_, outcome)| outcome.passed).collect::<BooleanArray>())),
        ("rows", true, Arc::new(all().map(|(_, outcome)| outcome.rows.map(whole)).collect::<Int64Array>())),
    ])
}

//! `anomaly_t(x [, alpha]) OVER (PARTITION BY k ORDER BY w ROWS BETWEEN 8 PRECEDING AND 1 PRECEDING)`: does this row lie
//! where the rows of its frame predict it?
//!
//! The frame is the history, and a frame that ends before the current row does not show it. So the evaluator counts its
//! calls: it is called once per row, in order, with the columns of the whole partition. The current row is never part of
//! its own history, even where the frame holds it.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, StringArray, StructArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use tidegate_stats::detect::{History, Prediction};

use super::parameters::{Call, number};
use crate::failed;

static CALL: Call = Call { name: "anomaly_t", columns: &["x"], constants: &["alpha"] };

/// As often as three sigma of a normal distribution that is known.
const ALPHA: f64 = 0.0027;

/// `{t, p, k, mean, sd, verdict}`, by Student's t for the next value ([`History::predict`]).
///
/// Verdicts are `normal`, `anomaly`, `missing` (x is null, NaN or infinite, and so are values that count for no history),
/// `insufficient` (fewer than two values before), `uninformative` (all values before were one and the same, and this is
/// another: nothing says how far is too far).
pub(super) fn anomaly_t() -> WindowUDF {
    WindowUDF::from(Anomaly { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Anomaly {
    signature: Signature,
}

impl WindowUDFImpl for Anomaly {
    fn name(&self) -> &str {
        CALL.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        CALL.coerce(arguments)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Struct(fields()), true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let [alpha] = CALL.constants(args.input_exprs(), [ALPHA])?;
        Ok(Box::new(Evaluator { alpha, row: 0, seen: 0..0, before: History::default() }))
    }
}

fn fields() -> Fields {
    let double = |name| Field::new(name, DataType::Float64, true);
    [
        double("t"),
        double("p"),
        Field::new("k", DataType::UInt64, false),
        double("mean"),
        double("sd"),
        Field::new("verdict", DataType::Utf8, false),
    ]
    .into_iter()
    .collect()
}

#[derive(Debug)]
struct Evaluator {
    alpha: f64,
    /// The current row: how often `evaluate` was called before.
    row: usize,
    /// The rows of the last frame before its row, and what they hold.
    seen: Range<usize>,
    before: History,
}

impl PartitionEvaluator for Evaluator {
    fn uses_window_frame(&self) -> bool {
        true
    }

    // Not `supports_bounded_execution`: then rows before the frame would be dropped, and calls could not be counted.

    fn evaluate(&mut self, values: &[ArrayRef], frame: &Range<usize>) -> Result<ScalarValue> {
        let [x] = CALL.columns(values)?;
        let row = self.row;
        self.row += 1;
        let history = self.history(x, frame, row);
        let (t, p, verdict) = match number(x, row) {
            None => (None, None, "missing"),
            Some(x) => match history.predict(x, self.alpha).map_err(|cause| failed(CALL.name, &cause))? {
                Prediction::Insufficient => (None, None, "insufficient"),
                Prediction::Uninformative => (None, None, "uninformative"),
                Prediction::Same => (None, None, "normal"),
                Prediction::Told { t, p, outside } => (Some(t), Some(p), if outside { "anomaly" } else { "normal" }),
            },
        };
        let double = |value: Option<f64>| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let arrays = vec![
            double(t),
            double(p),
            Arc::new(UInt64Array::from(vec![history.count()])),
            double(history.mean()),
            double(history.sd()),
            Arc::new(StringArray::from(vec![verdict])),
        ];
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), arrays, None)?)))
    }
}

impl Evaluator {
    /// The frame without the current row. What lies before that row is kept from call to call and only added to where
    /// the frame did not move on: values are never taken back, which would lose digits.
    fn history(&mut self, x: &Float64Array, frame: &Range<usize>, row: usize) -> History {
        let before = frame.start.min(row)..frame.end.min(row);
        if self.seen.start != before.start || self.seen.end > before.end {
            self.before = History::default();
            self.seen = before.start..before.start;
        }
        let numbers = |rows: Range<usize>| rows.filter_map(|i| number(x, i));
        numbers(self.seen.end..before.end).for_each(|value| self.before.push(value));
        self.seen = before;
        let mut history = self.before;
        numbers(frame.start.max(row + 1)..frame.end).for_each(|value| history.push(value));
        history
    }
}

#[cfg(test)]
mod tests;

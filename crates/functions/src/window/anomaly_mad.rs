//! `anomaly_mad(x [, deviations]) OVER (PARTITION BY k ORDER BY w ROWS BETWEEN 30 PRECEDING AND 1 PRECEDING)`: does this row
//! lie far from the median of its frame?
//!
//! For whoever fears that an outlier among the rows before hides the next one: neither median nor MAD are moved by it.
//! The price are false alarms where rows are few, which [`anomaly_t`](super::anomaly) does not have. As there, the evaluator
//! counts its calls, and the current row is never part of its own history.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, StringArray, StructArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

use super::parameters::{Call, number};

static CALL: Call = Call { name: "anomaly_mad", columns: &["x"], constants: &["deviations"] };

/// As far as three sigma of a normal distribution.
const DEVIATIONS: f64 = 3.0;
/// The standard deviation of a normal distribution over its median absolute deviation.
const SCALE: f64 = 1.482_602_218_505_602;

/// `{deviations, k, median, mad, verdict}`, where `deviations = (x - median) / (1.4826 mad)` and
/// `mad = median |x_i - median|` over the `k` values of the frame (F. R. Hampel, JASA 69 (1974), 383-393).
///
/// Verdicts are those of `anomaly_t`: `normal`, `anomaly`, `missing`, `insufficient` (fewer than two values before) and
/// `uninformative` (half of the values before were one and the same, and this is another).
pub(super) fn anomaly_mad() -> WindowUDF {
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
        let [most] = CALL.constants(args.input_exprs(), [DEVIATIONS])?;
        if !(most > 0.0 && most.is_finite()) {
            return exec_err!("anomaly_mad: deviations is {most}, it must be above 0 and finite");
        }
        Ok(Box::new(Evaluator { most, row: 0, values: Vec::new() }))
    }
}

fn fields() -> Fields {
    let double = |name| Field::new(name, DataType::Float64, true);
    [
        double("deviations"),
        Field::new("k", DataType::UInt64, false),
        double("median"),
        double("mad"),
        Field::new("verdict", DataType::Utf8, false),
    ]
    .into_iter()
    .collect()
}

#[derive(Debug)]
struct Evaluator {
    /// How many deviations are normal.
    most: f64,
    /// The current row: how often `evaluate` was called before.
    row: usize,
    /// Room for the values of a frame.
    values: Vec<f64>,
}

impl PartitionEvaluator for Evaluator {
    fn uses_window_frame(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], frame: &Range<usize>) -> Result<ScalarValue> {
        let [x] = CALL.columns(values)?;
        let row = self.row;
        self.row += 1;
        self.values.clear();
        self.values.extend(frame.clone().filter(|&at| at != row).filter_map(|at| number(x, at)));
        let Judged { deviations, k, median, mad, verdict } = judge(&mut self.values, number(x, row), self.most);
        let double = |value: Option<f64>| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let arrays = vec![
            double(deviations),
            Arc::new(UInt64Array::from(vec![k])),
            double(median),
            double(mad),
            Arc::new(StringArray::from(vec![verdict])),
        ];
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), arrays, None)?)))
    }
}

/// What is said of a row.
struct Judged {
    deviations: Option<f64>,
    k: u64,
    median: Option<f64>,
    mad: Option<f64>,
    verdict: &'static str,
}

/// Judges `x` by the values before it, of which so many deviations are normal. It leaves them in disorder.
fn judge(values: &mut [f64], x: Option<f64>, most: f64) -> Judged {
    let k = values.len() as u64;
    let median = median(values);
    let mad = median.and_then(|median| {
        values.iter_mut().for_each(|value| *value = (*value - median).abs());
        self::median(values)
    });
    let (deviations, verdict) = match (x, median, mad) {
        (None, _, _) => (None, "missing"),
        (Some(x), Some(median), Some(mad)) if k > 1 => verdict((x - median) / (SCALE * mad), x == median, most),
        _ => (None, "insufficient"),
    };
    Judged { deviations, k, median, mad, verdict }
}

/// Of a value that lies so far off; it `is_median` where the values before may not say how far that is.
fn verdict(deviations: f64, is_median: bool, most: f64) -> (Option<f64>, &'static str) {
    if !deviations.is_finite() {
        return (None, if is_median { "normal" } else { "uninformative" });
    }
    (Some(deviations), if deviations.abs() > most { "anomaly" } else { "normal" })
}

/// The value in the middle, or the mean of the two; none of no value.
fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !is_even {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests;

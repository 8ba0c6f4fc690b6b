//! Detectors over a series: `edetect_rate`, `edetect_p`, `cusum`, `page_hinkley`, `adwin`, each
//! `OVER (PARTITION BY ... ORDER BY w)`.
//!
//! They go through the partition in its order and answer every row with `{statistic, verdict}`: `quiet`, `alarm`, after
//! which they begin anew, or `missing` where a value is null, NaN or infinite. A missing row neither resets a detector
//! nor moves it. A frame has no effect: how far they look back is their own business.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Float64Builder, StringBuilder, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use tidegate_stats::detect::{Adwin, Answer, Cusum, EDetector, PageHinkley, rate_e_values};

use super::parameters::{Call, number};
use crate::failed;

/// All of them.
pub(super) fn functions() -> Vec<WindowUDF> {
    let kinds = [Kind::Rate, Kind::P, Kind::Cusum, Kind::PageHinkley, Kind::Adwin];
    let signature = || Signature::user_defined(Volatility::Immutable);
    kinds.map(|kind| WindowUDF::from(Series { kind, signature: signature() })).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Rate,
    P,
    Cusum,
    PageHinkley,
    Adwin,
}

impl Kind {
    fn call(self) -> &'static Call {
        match self {
            Self::Rate => &Call { name: "edetect_rate", columns: &["hits", "n", "p0"], constants: &["arl"] },
            Self::P => &Call { name: "edetect_p", columns: &["p"], constants: &["arl"] },
            Self::Cusum => &Call { name: "cusum", columns: &["x", "mean", "sd"], constants: &["k", "h"] },
            Self::PageHinkley => {
                &Call { name: "page_hinkley", columns: &["x"], constants: &["delta", "lambda", "min_rows"] }
            }
            Self::Adwin => &Call { name: "adwin", columns: &["x"], constants: &["delta"] },
        }
    }

    /// The statistic's name: what the detector compares.
    fn statistic(self) -> &'static str {
        match self {
            Self::Rate | Self::P => "e",
            Self::Cusum => "sum",
            Self::PageHinkley => "distance",
            Self::Adwin => "mean",
        }
    }

    fn fields(self) -> Fields {
        [Field::new(self.statistic(), DataType::Float64, true), Field::new("verdict", DataType::Utf8, false)]
            .into_iter()
            .collect()
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Series {
    kind: Kind,
    signature: Signature,
}

impl WindowUDFImpl for Series {
    fn name(&self) -> &str {
        self.kind.call().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.kind.call().coerce(arguments)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Struct(self.kind.fields()), true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let (call, given) = (self.kind.call(), args.input_exprs());
        let refused = |cause: tidegate_stats::Error| failed(call.name, &cause);
        let detector = match self.kind {
            Kind::Rate | Kind::P => {
                let [arl] = call.constants(given, [1000.0])?;
                Detector::E(EDetector::new(arl).map_err(refused)?)
            }
            Kind::Cusum => {
                let [slack, limit] = call.constants(given, [0.5, 5.0])?;
                Detector::Cusum(Cusum::new(slack, limit).map_err(refused)?)
            }
            Kind::PageHinkley => {
                let [delta, lambda, least] = call.constants(given, [0.005, 50.0, 30.0])?;
                Detector::PageHinkley(PageHinkley::new(delta, lambda, whole("min_rows", least)?).map_err(refused)?)
            }
            Kind::Adwin => {
                let [delta] = call.constants(given, [0.002])?;
                Detector::Adwin(Adwin::new(delta).map_err(refused)?)
            }
        };
        Ok(Box::new(Evaluator { kind: self.kind, detector }))
    }
}

#[derive(Debug)]
enum Detector {
    E(EDetector),
    Cusum(Cusum),
    PageHinkley(PageHinkley),
    Adwin(Adwin),
}

#[derive(Debug)]
struct Evaluator {
    kind: Kind,
    detector: Detector,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        match self.kind.call().columns.len() {
            1 => self.answers(self.kind.call().columns::<1>(values)?, rows),
            _ => self.answers(self.kind.call().columns::<3>(values)?, rows),
        }
    }
}

impl Evaluator {
    fn answers<const N: usize>(&mut self, columns: [&Float64Array; N], rows: usize) -> Result<ArrayRef> {
        let mut statistics = Float64Builder::with_capacity(rows);
        let mut verdicts = StringBuilder::with_capacity(rows, rows * "missing".len());
        for row in 0..rows {
            let mut values = [0.0; N];
            let mut whole = true;
            for (value, column) in values.iter_mut().zip(columns) {
                match number(column, row) {
                    Some(number) => *value = number,
                    None => whole = false,
                }
            }
            let answer = if whole { self.push(&values)? } else { None };
            statistics.append_option(answer.map(|answer| answer.statistic));
            verdicts.append_value(match answer {
                None => "missing",
                Some(Answer { alarm: true, .. }) => "alarm",
                Some(_) => "quiet",
            });
        }
        let arrays: Vec<ArrayRef> = vec![Arc::new(statistics.finish()), Arc::new(verdicts.finish())];
        Ok(Arc::new(StructArray::try_new(self.kind.fields(), arrays, None)?))
    }

    /// Nothing for a window that holds nothing.
    fn push(&mut self, values: &[f64]) -> Result<Option<Answer>> {
        let name = self.kind.call().name;
        let refused = |cause: tidegate_stats::Error| failed(name, &cause);
        let answer = match (&mut self.detector, values) {
            (Detector::E(_), &[_, 0.0, _]) => return Ok(None),
            (Detector::E(detector), &[hits, n, p0]) => {
                let e_values = rate_e_values(whole("hits", hits)?, whole("n", n)?, p0).map_err(refused)?;
                detector.push(&e_values)
            }
            (Detector::E(detector), &[p, ..]) => detector.push_p(p).map_err(refused)?,
            (Detector::Cusum(detector), &[x, mean, sd]) => detector.push(x, mean, sd).map_err(refused)?,
            (Detector::PageHinkley(detector), &[x, ..]) => detector.push(x),
            (Detector::Adwin(detector), &[x, ..]) => detector.push(x),
            _ => return exec_err!("{name} was given other columns than it asked for"),
        };
        Ok(Some(answer))
    }
}

/// A count, given as a number.
fn whole(name: &str, value: f64) -> Result<u64> {
    if value < 0.0 || value.fract() != 0.0 || value > (1_u64 << 53) as f64 {
        return exec_err!("{name} is {value}, it must be a whole number from 0 to 2^53");
    }
    Ok(value as u64)
}

#[cfg(test)]
mod tests;

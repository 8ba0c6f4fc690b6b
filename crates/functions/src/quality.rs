//! How complete, how varied and how fresh is what arrived? From counts and times that a signal released.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::kernels::arity::{binary, try_binary};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// - `null_rate(nulls, rows)`: the share of rows without a value, from 0 to 1; more nulls than rows are refused.
/// - `distinct_ratio(distinct, rows)`: distinct values per row, from 0 to 1; an estimate above the rows counts as 1.
/// - `freshness(event_ts, ingest_ts)`: seconds from the event to its arrival, below 0 if it is dated after that.
///
/// Null if an argument is, and the shares if there are no rows.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    let quality = |measure| Quality { measure, signature: Signature::user_defined(Volatility::Immutable) };
    [Measure::NullRate, Measure::DistinctRatio, Measure::Freshness].map(quality).map(ScalarUDF::from).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Measure {
    NullRate,
    DistinctRatio,
    Freshness,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quality {
    measure: Measure,
    signature: Signature,
}

impl Quality {
    fn usage(&self) -> &'static str {
        match self.measure {
            Measure::NullRate => "null_rate(nulls, rows)",
            Measure::DistinctRatio => "distinct_ratio(distinct, rows)",
            Measure::Freshness => "freshness(event_ts, ingest_ts)",
        }
    }
}

impl ScalarUDFImpl for Quality {
    fn name(&self) -> &str {
        match self.measure {
            Measure::NullRate => "null_rate",
            Measure::DistinctRatio => "distinct_ratio",
            Measure::Freshness => "freshness",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if arguments.len() != 2 {
            return plan_err!("{} takes two arguments", self.usage());
        }
        let coerced = arguments.iter().map(|argument| match (self.measure, argument) {
            (
                Measure::Freshness,
                DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 | DataType::Null,
            ) => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
            // From zone to zone an instant stays; without a zone it would become local time.
            (Measure::Freshness, DataType::Timestamp(_, Some(_))) => {
                Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
            }
            (Measure::Freshness, other) => {
                plan_err!("{} takes timestamps, not {other}: write CAST(... AS TIMESTAMP)", self.usage())
            }
            (_, other) if other.is_numeric() || other.is_null() => Ok(DataType::Float64),
            (_, other) => plan_err!("{} takes counts, not {other}", self.usage()),
        });
        coerced.collect()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = <[ArrayRef; 2]>::try_from(ColumnarValue::values_to_arrays(&args.args)?)
            .or_else(|_| exec_err!("{} takes two arguments", self.usage()))?;
        let answers: Float64Array = match self.measure {
            Measure::Freshness => {
                let (event, ingest) =
                    (left.as_primitive::<TimestampMicrosecondType>(), right.as_primitive::<TimestampMicrosecondType>());
                binary(event, ingest, |event, ingest| ingest.saturating_sub(event) as f64 / 1e6)?
            }
            Measure::NullRate => self.share(&left, &right, |nulls, rows| (nulls <= rows).then(|| nulls / rows))?,
            Measure::DistinctRatio => self.share(&left, &right, |distinct, rows| Some((distinct / rows).min(1.0)))?,
        };
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }
}

impl Quality {
    /// `of(part, rows)`, null where there are no rows; an error where it has no answer.
    fn share(&self, part: &ArrayRef, rows: &ArrayRef, of: impl Fn(f64, f64) -> Option<f64>) -> Result<Float64Array> {
        let (part, rows) = (part.as_primitive::<Float64Type>(), rows.as_primitive::<Float64Type>());
        let some = Float64Array::from_iter(rows.iter().map(|rows| rows.filter(|&rows| rows != 0.0)));
        let share = |part: f64, rows: f64| match of(part, rows) {
            Some(share) if part >= 0.0 && rows > 0.0 => Ok(share),
            _ => Err(ArrowError::ComputeError(format!(
                "{} was given {part} of {rows} rows: counts are 0 and up, and a part is no more than the whole",
                self.usage()
            ))),
        };
        Ok(try_binary(part, &some, share)?)
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{answer, failure};

    #[tokio::test]
    async fn shares_of_rows() {
        let sql = "SELECT null_rate(a, b), distinct_ratio(a, b) FROM (VALUES (1, 4), (0, 0), (NULL, 3), (3, NULL)) AS t(a, b)";
        assert_eq!(answer(sql).await, ["0.25 0.25", " ", " ", " "]);
        assert_eq!(answer("SELECT distinct_ratio(10.4, 10)").await, ["1.0"]);
        let error = failure("SELECT null_rate(5, 4)").await;
        assert!(error.contains("null_rate(nulls, rows) was given 5 of 4 rows"), "{error}");
        assert!(failure("SELECT distinct_ratio(-1, 4)").await.contains("counts are 0 and up"));
        assert!(failure("SELECT null_rate('a', 4)").await.contains("takes counts, not Utf8"));
    }

    #[tokio::test]
    async fn seconds_since_the_event() {
        let cases = [
            ("TIMESTAMP '2026-01-01 00:00:00', TIMESTAMP '2026-01-01 00:01:30.5'", "90.5"),
            ("TIMESTAMP '2026-01-01 00:00:01', TIMESTAMP '2026-01-01 00:00:00'", "-1.0"),
            ("TIMESTAMPTZ '2026-01-01T02:00:00+02:00', TIMESTAMP '2026-01-01 00:00:05'", "5.0"),
            ("DATE '2026-01-01', TIMESTAMP '2026-01-02 00:00:00'", "86400.0"),
            ("NULL, TIMESTAMP '2026-01-02 00:00:00'", ""),
        ];
        for (times, expected) in cases {
            assert_eq!(answer(&format!("SELECT freshness({times})")).await, [expected], "{times}");
        }
        assert!(failure("SELECT freshness(1, 2)").await.contains("takes timestamps, not Int64"));
    }
}

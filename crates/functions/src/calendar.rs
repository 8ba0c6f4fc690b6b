//! At which place of the day and of the week does a moment lie? Such places make windows comparable:
//! `PARTITION BY hour_of_week(window_start)`.
//!
//! Days and hours are those of UTC; weeks begin on Monday. `hour_of_week = 24 * day_of_week + hour_of_day`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// Seconds from 1970-01-01, a Thursday, to the Monday after.
const FIRST_MONDAY: i64 = 4 * DAY;

/// `hour_of_day(ts)` in 0..=23, `day_of_week(ts)` in 0..=6 from Monday, `hour_of_week(ts)` in 0..=167 from Monday 00:00.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    let functions = [
        Place::new("hour_of_day", DAY, HOUR),
        Place::new("day_of_week", WEEK, DAY),
        Place::new("hour_of_week", WEEK, HOUR),
    ];
    functions.map(ScalarUDF::from).into()
}

/// Which `step` of its `cycle` a moment lies in, both in seconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    name: &'static str,
    cycle: i64,
    step: i64,
    signature: Signature,
}

impl Place {
    fn new(name: &'static str, cycle: i64, step: i64) -> Self {
        Self { name, cycle, step, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn of<T: ArrowTimestampType>(&self, moments: &PrimitiveArray<T>, per_second: i64) -> Int32Array {
        // Below a cycle of 604,800 seconds the place fits by far.
        moments.unary(|moment| {
            let second = moment.div_euclid(per_second).rem_euclid(WEEK);
            ((second - FIRST_MONDAY).rem_euclid(self.cycle) / self.step) as i32
        })
    }
}

impl ScalarUDFImpl for Place {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [argument] = arguments else {
            return plan_err!("{} takes one argument, a timestamp or a date", self.name);
        };
        Ok(vec![match argument {
            DataType::Timestamp(..) => argument.clone(),
            DataType::Date32 | DataType::Date64 | DataType::Null => DataType::Timestamp(TimeUnit::Second, None),
            other => {
                return plan_err!(
                    "{} takes a timestamp or a date, not {other}: write CAST(... AS TIMESTAMP)",
                    self.name
                );
            }
        }])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [moments] = <[ArrayRef; 1]>::try_from(ColumnarValue::values_to_arrays(&args.args)?)
            .or_else(|_| exec_err!("{} takes one argument", self.name))?;
        let places = match moments.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => self.of(moments.as_primitive::<TimestampSecondType>(), 1),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                self.of(moments.as_primitive::<TimestampMillisecondType>(), 1_000)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.of(moments.as_primitive::<TimestampMicrosecondType>(), 1_000_000)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.of(moments.as_primitive::<TimestampNanosecondType>(), 1_000_000_000)
            }
            other => return exec_err!("{} takes a timestamp, not {other}", self.name),
        };
        Ok(ColumnarValue::Array(Arc::new(places)))
    }
}

#[cfg(test)]
mod tests {
    use crate::check::answer;

    #[tokio::test]
    async fn places_of_known_moments() {
        // 2026-01-05 was a Monday.
        let cases = [
            ("TIMESTAMP '2026-01-05 00:00:00'", "0 0 0"),
            ("TIMESTAMP '2026-01-04 23:59:59.999'", "23 6 167"),
            ("TIMESTAMP '2026-01-07 13:30:00'", "13 2 61"),
            // Before 1970 too; 1969-12-29 was a Monday.
            ("TIMESTAMP '1969-12-29 01:00:00'", "1 0 1"),
            ("TIMESTAMP '1969-12-28 23:59:59.5'", "23 6 167"),
            // A zone says how an instant is shown; its place is that of UTC.
            ("TIMESTAMPTZ '2026-01-05T00:30:00+02:00'", "22 6 166"),
            ("DATE '2026-01-06'", "0 1 24"),
            ("NULL", "  "),
        ];
        for (moment, expected) in cases {
            let sql = format!("SELECT hour_of_day({moment}), day_of_week({moment}), hour_of_week({moment})");
            assert_eq!(answer(&sql).await, [expected], "{moment}");
        }
    }

    #[tokio::test]
    async fn what_is_no_time_is_refused() {
        let error = crate::check::failure("SELECT hour_of_week(3)").await;
        assert!(error.contains("takes a timestamp or a date"), "{error}");
    }
}

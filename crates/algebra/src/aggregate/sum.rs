//! `SUM` and `AVG`, exact and order-free.
//!
//! Both keep the same state, a count of values and their exact total, and differ in what is read
//! off it. Result types are those of DataFusion's own functions, except that decimals of fewer than 19
//! digits give the same digits as a `Decimal128`. `AVG` of integers divides the exact integer sum. An
//! overflowing result is an error at release, never a wrapped value.
//!
//! Moving window frames take rows back, which an exact sum cannot do with NaN and the infinities.
//! They occur in ad hoc queries only, where the frame fixes the order, and are left to the built-ins.

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature};
use std::sync::Arc;

use super::rows::for_each_value;
use super::single::{Grouped, SingleGroup, refuse_distinct};
use super::total::{DecimalTotal, FloatTotal, IntegerTotal, Statistic, Total, state_type};
use crate::error::Error;

/// `SUM(x)`.
pub(crate) fn sum() -> AggregateUDF {
    ExactTotal::new(sum_udaf(), Statistic::Sum).into()
}

/// `AVG(x)`, also as `MEAN(x)`.
pub(crate) fn avg() -> AggregateUDF {
    ExactTotal::new(avg_udaf(), Statistic::Mean).into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactTotal {
    builtin: Arc<AggregateUDF>,
    statistic: Statistic,
    signature: Signature,
}

impl ExactTotal {
    fn new(builtin: Arc<AggregateUDF>, statistic: Statistic) -> Self {
        // The built-in SUM widens integers to 64 bits and floats to doubles; so do we.
        Self { builtin, statistic, signature: sum_udaf().signature().clone() }
    }
}

/// Runs `$body` with `$total` bound to the accumulator for values of `$input`.
macro_rules! with_total {
    ($input:expr, |$total:ident| $body:expr) => {
        match $input {
            DataType::Int64 | DataType::Duration(_) => {
                let $total = IntegerTotal::<Int64Type>::default();
                $body
            }
            DataType::UInt64 => {
                let $total = IntegerTotal::<UInt64Type>::default();
                $body
            }
            DataType::Float64 => {
                let $total = FloatTotal::default();
                $body
            }
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
                let $total = DecimalTotal::new(*scale);
                $body
            }
            other => plan_err!("no exact sum over {other}"),
        }
    };
}

impl AggregateUDFImpl for ExactTotal {
    fn name(&self) -> &str {
        self.builtin.name()
    }

    fn aliases(&self) -> &[String] {
        self.builtin.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        use Statistic::{Mean, Sum};
        Ok(match (&arguments[0], self.statistic) {
            (DataType::Int64, Sum) => DataType::Int64,
            (DataType::UInt64, Sum) => DataType::UInt64,
            (DataType::Int64 | DataType::UInt64 | DataType::Float64, _) => DataType::Float64,
            (DataType::Duration(unit), _) => DataType::Duration(*unit),
            (decimal @ (DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..)), statistic) => {
                let (precision, scale) = match decimal {
                    DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => (*p, *s),
                    _ => unreachable!("matched above"),
                };
                match statistic {
                    Sum => DataType::Decimal128(38.min(precision + 10), scale),
                    Mean => DataType::Decimal128(38.min(precision + 4), 38.min(scale + 4)),
                }
            }
            (other, _) => return plan_err!("{} does not add up {other} values", self.name().to_uppercase()),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let total = state_type(args.input_fields[0].data_type())?;
        Ok(vec![
            Arc::new(Field::new(format!("{}[count]", args.name), DataType::Int64, false)),
            Arc::new(Field::new(format!("{}[total]", args.name), total, false)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(&args)?;
        let output = args.return_field.data_type().clone();
        with_total!(args.expr_fields[0].data_type(), |total| {
            Ok(SingleGroup::boxed(Totals::new(self.statistic, output, total)))
        })
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        refuse_distinct(&args)?;
        let output = args.return_field.data_type().clone();
        with_total!(args.expr_fields[0].data_type(), |total| {
            Ok(Box::new(Totals::new(self.statistic, output, total)) as Box<dyn GroupsAccumulator>)
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if self.statistic == Statistic::Sum || !args.expr_fields[0].data_type().is_integer() {
            return self.builtin.create_sliding_accumulator(args);
        }
        let floats = [Arc::new(args.expr_fields[0].as_ref().clone().with_data_type(DataType::Float64))];
        let means = self.builtin.create_sliding_accumulator(AccumulatorArgs { expr_fields: &floats, ..args })?;
        Ok(Box::new(OfFloats(means)))
    }
}

/// An accumulator of floats, over integers.
#[derive(Debug)]
struct OfFloats(Box<dyn Accumulator>);

impl Accumulator for OfFloats {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(&[cast(&values[0], &DataType::Float64)?])
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(&[cast(&values[0], &DataType::Float64)?])
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.size()
    }
}

struct Totals<T> {
    statistic: Statistic,
    output: DataType,
    counts: Vec<i64>,
    total: T,
}

impl<T: Total> Totals<T> {
    fn new(statistic: Statistic, output: DataType, total: T) -> Self {
        Self { statistic, output, counts: Vec::new(), total }
    }
}

impl<T: Total> Grouped for Totals<T> {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.total.resize(groups);
    }

    fn fresh(&self) -> Self {
        Self::new(self.statistic, self.output.clone(), self.total.fresh())
    }
}

impl<T: Total> GroupsAccumulator for Totals<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.resize(total_groups);
        for_each_value(&values[0], groups, filter, |group, _| self.counts[group] += 1);
        self.total.add(&values[0], groups, filter)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.resize(total_groups);
        let counts = states[0].as_primitive::<Int64Type>();
        for (row, &group) in groups.iter().enumerate() {
            let count = self.counts[group].checked_add(counts.value(row));
            self.counts[group] = count.ok_or(Error::CorruptState { what: "count" })?;
        }
        self.total.merge(&states[1], groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let counts = emit_to.take_needed(&mut self.counts);
        let total = self.total.take(emit_to);
        Ok(vec![Arc::new(Int64Array::from(counts)), total.into_state()?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let counts = emit_to.take_needed(&mut self.counts);
        self.total.take(emit_to).finish(self.statistic, &counts, &self.output)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.rows_as_state(values, filter)
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>() + self.total.size()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Decimal128Array, DurationMillisecondArray, Float64Array, UInt64Array};
    use datafusion::arrow::datatypes::{DurationMillisecondType, TimeUnit};

    use super::super::check::{Input, every_way, one_group};
    use super::*;

    type Integers = IntegerTotal<Int64Type>;
    type Naturals = IntegerTotal<UInt64Type>;

    /// `SUM` and `AVG` of one group of `values`.
    fn check<T: Total>(total: impl Fn() -> T + Copy, values: &ArrayRef) -> [Result<ArrayRef>; 2] {
        [ExactTotal::new(sum_udaf(), Statistic::Sum), ExactTotal::new(avg_udaf(), Statistic::Mean)].map(|function| {
            let output = function.return_type(&[values.data_type().clone()])?;
            one_group(|| Totals::new(function.statistic, output.clone(), total()), Arc::clone(values))
        })
    }

    fn integers(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn decimals(values: &[i128], precision: u8, scale: i8) -> ArrayRef {
        Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap())
    }

    fn floats(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn assert_overflow(answer: &Result<ArrayRef>, function: &str) {
        let error = answer.as_ref().unwrap_err();
        let datafusion::error::DataFusionError::External(inner) = error else { panic!("{error}") };
        let inner = inner.downcast_ref::<Error>();
        assert!(matches!(inner, Some(Error::Overflow { function: found, .. }) if *found == function), "{error}");
    }

    #[test]
    fn groups_filters_and_nulls_are_kept_apart() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4), Some(5), None]));
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(false), None, Some(true)]);
        let check = |statistic, output: DataType, filter| {
            let input = Input { values: Arc::clone(&values), groups: &[0, 0, 2, 2, 3, 4], filter, total_groups: 6 };
            every_way(|| Totals::new(statistic, output.clone(), Integers::default()), &input).unwrap()
        };
        let sums = check(Statistic::Sum, DataType::Int64, None);
        let expected = Int64Array::from(vec![Some(1), None, Some(7), Some(5), None, None]);
        assert_eq!(sums.as_primitive::<Int64Type>(), &expected);
        let sums = check(Statistic::Sum, DataType::Int64, Some(&filter));
        let expected = Int64Array::from(vec![Some(1), None, Some(3), None, None, None]);
        assert_eq!(sums.as_primitive::<Int64Type>(), &expected);
        let means = check(Statistic::Mean, DataType::Float64, None);
        let expected = Float64Array::from(vec![Some(1.0), None, Some(3.5), Some(5.0), None, None]);
        assert_eq!(means.as_ref(), &expected as &dyn datafusion::arrow::array::Array);
    }

    #[test]
    fn nothing_adds_up_to_null() {
        for [sum, mean] in [
            check(Integers::default, &integers(&[])),
            check(FloatTotal::default, &floats(&[])),
            check(|| DecimalTotal::new(4), &decimals(&[], 18, 4)),
            check(Integers::default, &(Arc::new(Int64Array::from(vec![None, None])) as ArrayRef)),
        ] {
            assert_eq!((sum.unwrap().null_count(), mean.unwrap().null_count()), (1, 1));
        }
    }

    #[test]
    fn integers_overflow_only_in_the_end() {
        let [sum, mean] = check(Integers::default, &integers(&[i64::MAX, i64::MAX, -7, i64::MIN, i64::MIN]));
        assert_eq!(sum.unwrap().as_primitive::<Int64Type>().value(0), -9);
        assert_eq!(&mean.unwrap(), &floats(&[-9.0 / 5.0]));
        let [sum, mean] = check(Integers::default, &integers(&[i64::MAX, 1]));
        assert_overflow(&sum, "SUM");
        assert_eq!(&mean.unwrap(), &floats(&[2_f64.powi(62)]));
        assert_overflow(&check(Integers::default, &integers(&[i64::MIN, -1]))[0], "SUM");

        let naturals = |values: &[u64]| Arc::new(UInt64Array::from(values.to_vec())) as ArrayRef;
        let [sum, _] = check(Naturals::default, &naturals(&[u64::MAX - 1, 1]));
        assert_eq!(&sum.unwrap(), &naturals(&[u64::MAX]));
        let [sum, mean] = check(Naturals::default, &naturals(&[u64::MAX, u64::MAX]));
        assert_overflow(&sum, "SUM");
        assert_eq!(&mean.unwrap(), &floats(&[2_f64.powi(64)]));
    }

    #[test]
    fn the_mean_of_large_integers_is_not_rounded_before_it_is_taken() {
        let large = 1_i64 << 53;
        // As floats, both would be 2^53 and so would their mean.
        let [_, mean] = check(Integers::default, &integers(&[large + 1, large + 3]));
        assert_eq!(&mean.unwrap(), &floats(&[(large + 2) as f64]));
        let [_, mean] = check(Integers::default, &integers(&[i64::MAX, -i64::MAX, 1]));
        assert_eq!(&mean.unwrap(), &floats(&[1.0 / 3.0]));
    }

    #[test]
    fn decimals_overflow_only_in_the_end() {
        let nines = 10_i128.pow(38) - 1;
        let [sum, mean] = check(|| DecimalTotal::new(0), &decimals(&[nines, nines, -nines, -nines, 12], 38, 0));
        assert_eq!(&sum.unwrap(), &decimals(&[12], 38, 0));
        assert_eq!(&mean.unwrap(), &decimals(&[24_000], 38, 4));
        let [sum, mean] = check(|| DecimalTotal::new(0), &decimals(&[nines, 1], 38, 0));
        assert_overflow(&sum, "SUM");
        assert_overflow(&mean, "AVG");
        assert_overflow(&check(|| DecimalTotal::new(0), &decimals(&[-nines, -1], 38, 0))[0], "SUM");
        let [sum, mean] = check(|| DecimalTotal::new(2), &decimals(&[1, 1, -5, 100], 5, 2));
        assert_eq!(&sum.unwrap(), &decimals(&[97], 15, 2));
        assert_eq!(&mean.unwrap(), &decimals(&[242_500], 9, 6));
    }

    #[test]
    fn floats_add_up_exactly() {
        let [sum, mean] = check(FloatTotal::default, &floats(&[1e16, 1.0, -1e16, 1.0]));
        assert_eq!((sum.unwrap(), mean.unwrap()), (floats(&[2.0]), floats(&[0.5])));
        let [sum, _] = check(FloatTotal::default, &floats(&[f64::MAX, f64::MAX, -f64::MAX]));
        assert_eq!(&sum.unwrap(), &floats(&[f64::MAX]));
        let [sum, _] = check(FloatTotal::default, &floats(&[f64::MAX, f64::MAX]));
        assert_eq!(&sum.unwrap(), &floats(&[f64::INFINITY]));
        let [sum, mean] = check(FloatTotal::default, &floats(&[f64::INFINITY, 1.0, f64::NEG_INFINITY]));
        assert_eq!((sum.unwrap(), mean.unwrap()), (floats(&[f64::NAN]), floats(&[f64::NAN])));
        let [sum, _] = check(FloatTotal::default, &floats(&[-f64::NAN, 1.0]));
        assert_eq!(&sum.unwrap(), &floats(&[f64::NAN]));
    }

    #[test]
    fn durations_keep_their_unit() {
        let durations = |values: &[i64]| Arc::new(DurationMillisecondArray::from(values.to_vec())) as ArrayRef;
        let [sum, mean] = check(Integers::default, &durations(&[5, -1, 7]));
        let sum = sum.unwrap();
        assert_eq!(sum.data_type(), &DataType::Duration(TimeUnit::Millisecond));
        assert_eq!(sum.as_primitive::<DurationMillisecondType>().value(0), 11);
        assert_eq!(&mean.unwrap(), &durations(&[3]));
        assert_overflow(&check(Integers::default, &durations(&[i64::MAX, 1]))[0], "SUM");
    }

    #[test]
    fn sums_that_no_state_holds_are_corrupt() {
        let states = |count: i64, total: i128| -> Vec<ArrayRef> {
            let totals = Decimal128Array::from(vec![total, total]).with_precision_and_scale(38, 0).unwrap();
            vec![Arc::new(Int64Array::from(vec![count, count])), Arc::new(totals)]
        };
        let merged = |states: &[ArrayRef]| {
            Totals::new(Statistic::Sum, DataType::Int64, Integers::default()).merge_batch(states, &[0, 0], 1)
        };
        assert!(merged(&states(1, 5)).is_ok());
        assert!(merged(&states(1, i128::MAX)).is_err());
        assert!(merged(&states(i64::MAX, 1)).is_err());
    }
}

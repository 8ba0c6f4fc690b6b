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
pub(super) fn sum() -> AggregateUDF {
    ExactTotal::new(sum_udaf(), Statistic::Sum).into()
}

/// `AVG(x)`, also as `MEAN(x)`.
pub(super) fn avg() -> AggregateUDF {
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

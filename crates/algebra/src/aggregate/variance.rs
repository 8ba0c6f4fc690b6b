//! `VAR_POP`, `VAR_SAMP`, `STDDEV_POP` and `STDDEV_SAMP`, exact and order-free.
//!
//! State is the count, the exact sum and the exact sum of squares; the variance is one rational
//! number, rounded once ([`crate::exact::VarianceSums`]). Without that, the last digits would follow
//! the order of rows.

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryBuilder, BooleanArray, Float64Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, UInt64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use std::sync::Arc;

use super::rows::for_each_value;
use super::single::{Grouped, SingleGroup, refuse_distinct};
use crate::error::Error;
use crate::exact::VarianceSums;

/// The four functions under DataFusion's names and aliases.
pub(super) fn functions() -> Vec<AggregateUDF> {
    use Spread::{StandardDeviation, Variance};
    let functions = [
        ExactSpread::new(var_samp_udaf(), Variance, 1),
        ExactSpread::new(var_pop_udaf(), Variance, 0),
        ExactSpread::new(stddev_udaf(), StandardDeviation, 1),
        ExactSpread::new(stddev_pop_udaf(), StandardDeviation, 0),
    ];
    functions.map(AggregateUDF::from).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Spread {
    Variance,
    StandardDeviation,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactSpread {
    builtin: Arc<AggregateUDF>,
    spread: Spread,
    /// What is taken off the count: 1 for a sample, 0 for a population.
    ddof: u64,
    signature: Signature,
}

impl ExactSpread {
    fn new(builtin: Arc<AggregateUDF>, spread: Spread, ddof: u64) -> Self {
        let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
        Self { builtin, spread, ddof, signature }
    }

    fn sums(&self) -> SpreadSums {
        SpreadSums { spread: self.spread, ddof: self.ddof, sums: VarianceSums::new() }
    }
}

impl AggregateUDFImpl for ExactSpread {
    fn name(&self) -> &str {
        self.builtin.name()
    }

    fn aliases(&self) -> &[String] {
        self.builtin.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, data_type| Arc::new(Field::new(format!("{}[{part}]", args.name), data_type, false));
        Ok(vec![field("count", DataType::UInt64), field("total", DataType::Binary), field("squares", DataType::Binary)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(&args)?;
        Ok(SingleGroup::boxed(self.sums()))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        refuse_distinct(&args)?;
        Ok(Box::new(self.sums()))
    }

    // Moving frames take rows back; they occur in ad hoc queries only, where the frame fixes the order.
    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.builtin.create_sliding_accumulator(args)
    }
}

struct SpreadSums {
    spread: Spread,
    ddof: u64,
    sums: VarianceSums,
}

impl SpreadSums {
    fn take(&mut self, emit_to: EmitTo) -> VarianceSums {
        match emit_to {
            EmitTo::All => std::mem::take(&mut self.sums),
            EmitTo::First(groups) => self.sums.split_off_front(groups),
        }
    }
}

impl Grouped for SpreadSums {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups);
    }

    fn fresh(&self) -> Self {
        Self { spread: self.spread, ddof: self.ddof, sums: VarianceSums::new() }
    }
}

impl GroupsAccumulator for SpreadSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.resize(total_groups);
        let values = values[0].as_primitive::<Float64Type>();
        let raw = values.values();
        for_each_value(values, groups, filter, |group, row| self.sums.add(group, raw[row]));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.resize(total_groups);
        let counts = states[0].as_primitive::<UInt64Type>();
        let (totals, squares) = (states[1].as_binary::<i32>(), states[2].as_binary::<i32>());
        for (row, &group) in groups.iter().enumerate() {
            let merged = self.sums.merge(group, counts.value(row), totals.value(row), squares.value(row));
            merged.map_err(Error::from)?;
        }
        Ok(())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = self.take(emit_to);
        let counts = (0..sums.len()).map(|group| sums.count(group)).collect::<UInt64Array>();
        let column = |encode: &dyn Fn(usize, &mut Vec<u8>)| {
            let mut column = BinaryBuilder::new();
            let mut bytes = Vec::new();
            for group in 0..sums.len() {
                bytes.clear();
                encode(group, &mut bytes);
                column.append_value(&bytes);
            }
            Arc::new(column.finish()) as ArrayRef
        };
        let totals = column(&|group, bytes| sums.encode_sum(group, bytes));
        let squares = column(&|group, bytes| sums.encode_squares(group, bytes));
        Ok(vec![Arc::new(counts), totals, squares])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.take(emit_to);
        let value = |group| match self.spread {
            Spread::Variance => sums.variance(group, self.ddof),
            Spread::StandardDeviation => sums.stddev(group, self.ddof),
        };
        Ok(Arc::new((0..sums.len()).map(value).collect::<Float64Array>()))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.rows_as_state(values, filter)
    }

    fn size(&self) -> usize {
        self.sums.size()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Input, every_way, one_group};
    use super::*;

    fn spread(spread: Spread, ddof: u64) -> impl Fn() -> SpreadSums {
        move || SpreadSums { spread, ddof, sums: VarianceSums::new() }
    }

    fn check(kind: Spread, ddof: u64, values: &[f64], expected: Option<f64>) {
        let found = one_group(spread(kind, ddof), Arc::new(Float64Array::from(values.to_vec()))).unwrap();
        let expected = Float64Array::from(vec![expected]);
        assert_eq!(found.as_ref(), &expected as &dyn datafusion::arrow::array::Array, "{kind:?} {ddof} of {values:?}");
    }

    #[test]
    fn spreads_are_exact() {
        use Spread::{StandardDeviation, Variance};
        check(Variance, 0, &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], Some(4.0));
        check(StandardDeviation, 0, &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], Some(2.0));
        check(Variance, 1, &[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0], Some(1.0));
        check(StandardDeviation, 1, &[1.0, f64::NAN], Some(f64::NAN));
        check(Variance, 0, &[f64::NEG_INFINITY, 0.0], Some(f64::NAN));
        check(Variance, 0, &[f64::MAX, -f64::MAX], Some(f64::INFINITY));
    }

    #[test]
    fn too_few_values_have_no_spread() {
        for kind in [Spread::Variance, Spread::StandardDeviation] {
            check(kind, 0, &[], None);
            check(kind, 1, &[5.0], None);
            check(kind, 0, &[5.0], Some(0.0));
            check(kind, 1, &[5.0, 5.0], Some(0.0));
        }
    }

    #[test]
    fn nulls_filters_and_empty_groups_are_left_out() {
        let values = Float64Array::from(vec![Some(1.0), None, Some(3.0), Some(8.0), None]);
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), None, Some(false)]);
        let input =
            Input { values: Arc::new(values), groups: &[0, 0, 0, 0, 2], filter: Some(&filter), total_groups: 4 };
        let found = every_way(spread(Spread::Variance, 0), &input).unwrap();
        assert_eq!(found.as_primitive::<Float64Type>(), &Float64Array::from(vec![Some(1.0), None, None, None]));
    }
}

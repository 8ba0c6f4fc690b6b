//! `MIN` and `MAX`: the built-in functions, with a total order for floats.
//!
//! DataFusion's grouped `MIN` and `MAX` let a NaN overwrite, and be overwritten by, whatever came
//! before, so their answer depends on the order of rows. Ours order floats as PostgreSQL and DuckDB
//! do: NaN is greater than every number, and -0.0 less than 0.0. All other types are delegated.

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature};
use std::cmp::Ordering;
use std::sync::Arc;

use super::rows::for_each_value;
use super::single::{Grouped, SingleGroup};

/// `MIN(x)`.
pub(super) fn min() -> AggregateUDF {
    AggregateUDF::new_from_impl(Extreme { builtin: min_udaf(), wanted: Ordering::Less })
}

/// `MAX(x)`.
pub(super) fn max() -> AggregateUDF {
    AggregateUDF::new_from_impl(Extreme { builtin: max_udaf(), wanted: Ordering::Greater })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    builtin: Arc<AggregateUDF>,
    wanted: Ordering,
}

impl Extreme {
    fn of_floats(&self, args: &AccumulatorArgs) -> Option<FloatExtremes> {
        let output = args.return_field.data_type();
        output.is_floating().then(|| FloatExtremes { wanted: self.wanted, output: output.clone(), keys: Vec::new() })
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.builtin.name()
    }

    fn signature(&self) -> &Signature {
        self.builtin.signature()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.builtin.coerce_types(arguments)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.builtin.return_type(arguments)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.builtin.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match self.of_floats(&args) {
            Some(extremes) => Ok(SingleGroup::boxed(extremes)),
            None => self.builtin.accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        args.return_field.data_type().is_floating() || self.builtin.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match self.of_floats(&args) {
            Some(extremes) => Ok(Box::new(extremes)),
            None => self.builtin.create_groups_accumulator(args),
        }
    }

    // Moving frames take rows back; they occur in ad hoc queries only, where the frame fixes the order.
    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.builtin.create_sliding_accumulator(args)
    }
}

/// The least or greatest float of each group; halves and singles are widened without loss.
///
/// Kept as integer keys of the same order, so that a row costs one integer comparison.
struct FloatExtremes {
    wanted: Ordering,
    output: DataType,
    keys: Vec<i64>,
}

/// The key of a float in the total order of `MIN` and `MAX`: every NaN is one value above infinity.
fn key_of(value: f64) -> i64 {
    let value = if value.is_nan() { f64::NAN } else { value };
    flip(value.to_bits().cast_signed())
}

/// The float of a key.
fn value_of(key: i64) -> f64 {
    f64::from_bits(flip(key).cast_unsigned())
}

/// Turns the bits of a float into its key and back: negative floats grow with their bits.
fn flip(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

impl FloatExtremes {
    /// The key of a group without values. No float has it: it would be a NaN of another payload.
    fn nothing(&self) -> i64 {
        if self.wanted == Ordering::Less { i64::MAX } else { i64::MIN }
    }
}

impl Grouped for FloatExtremes {
    fn resize(&mut self, groups: usize) {
        self.keys.resize(groups, self.nothing());
    }

    fn fresh(&self) -> Self {
        Self { wanted: self.wanted, output: self.output.clone(), keys: Vec::new() }
    }
}

impl GroupsAccumulator for FloatExtremes {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.resize(total_groups);
        let values = cast(&values[0], &DataType::Float64)?;
        let values = values.as_primitive::<Float64Type>();
        let raw = values.values();
        let keys = &mut self.keys;
        match self.wanted {
            Ordering::Less => for_each_value(values, groups, filter, |group, row| {
                keys[group] = keys[group].min(key_of(raw[row]));
            }),
            _ => for_each_value(values, groups, filter, |group, row| {
                keys[group] = keys[group].max(key_of(raw[row]));
            }),
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.update_batch(states, groups, None, total_groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let nothing = self.nothing();
        let keys = emit_to.take_needed(&mut self.keys);
        let values = keys.into_iter().map(|key| (key != nothing).then(|| value_of(key)));
        Ok(cast(&values.collect::<Float64Array>(), &self.output)?)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.rows_as_state(values, filter)
    }

    fn size(&self) -> usize {
        self.keys.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Float32Array};
    use datafusion::arrow::datatypes::Float32Type;

    use super::super::check::{Input, every_way, one_group};
    use super::*;

    fn extremes(wanted: Ordering, output: DataType) -> impl Fn() -> FloatExtremes {
        move || FloatExtremes { wanted, output: output.clone(), keys: Vec::new() }
    }

    /// The bits of `MIN` and `MAX`, which are the same for every rotation of `values` and its reverse.
    fn check(values: &[f64], expected: [f64; 2]) {
        for (wanted, expected) in [Ordering::Less, Ordering::Greater].into_iter().zip(expected) {
            let mut order = values.to_vec();
            for _ in 0..2 * values.len() {
                order.rotate_left(1);
                order.reverse();
                let found = one_group(extremes(wanted, DataType::Float64), Arc::new(Float64Array::from(order.clone())));
                let found = found.unwrap().as_primitive::<Float64Type>().value(0);
                assert_eq!(found.to_bits(), expected.to_bits(), "{wanted:?} of {order:?} is {found}");
            }
        }
    }

    #[test]
    fn nan_is_the_greatest_in_whatever_order() {
        check(&[1.0, f64::NAN, -3.0, f64::INFINITY], [-3.0, f64::NAN]);
        check(&[-f64::NAN, f64::NEG_INFINITY, 2.0], [f64::NEG_INFINITY, f64::NAN]);
        check(&[f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)], [f64::NAN, f64::NAN]);
        check(&[5e-324, -5e-324, 1e308], [-5e-324, 1e308]);
    }

    #[test]
    fn negative_zero_is_less_than_zero() {
        check(&[0.0, -0.0], [-0.0, 0.0]);
        check(&[-0.0, -0.0, 0.0, 1.0], [-0.0, 1.0]);
    }

    #[test]
    fn nulls_filters_and_empty_groups_are_left_out() {
        let values = Float64Array::from(vec![Some(3.0), None, Some(1.0), Some(f64::NAN), Some(2.0), None]);
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(false), None, Some(true), Some(true)]);
        let check = |filter, expected: Vec<Option<f64>>| {
            let input =
                Input { values: Arc::new(values.clone()), groups: &[0, 0, 0, 0, 2, 3], filter, total_groups: 5 };
            let found = every_way(extremes(Ordering::Less, DataType::Float64), &input).unwrap();
            assert_eq!(found.as_primitive::<Float64Type>(), &Float64Array::from(expected));
        };
        check(None, vec![Some(1.0), None, Some(2.0), None, None]);
        check(Some(&filter), vec![Some(3.0), None, Some(2.0), None, None]);
    }

    #[test]
    fn singles_stay_singles() {
        let values = Float32Array::from(vec![f32::NAN, 0.1, f32::MAX]);
        let found = one_group(extremes(Ordering::Less, DataType::Float32), Arc::new(values)).unwrap();
        assert_eq!(found.as_primitive::<Float32Type>().value(0).to_bits(), 0.1_f32.to_bits());
        let nothing =
            one_group(extremes(Ordering::Greater, DataType::Float32), Arc::new(Float32Array::from(vec![None])));
        assert_eq!(nothing.unwrap().null_count(), 1);
    }
}

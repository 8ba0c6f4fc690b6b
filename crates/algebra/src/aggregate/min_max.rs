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
        output.is_floating().then(|| FloatExtremes { wanted: self.wanted, output: output.clone(), values: Vec::new() })
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
struct FloatExtremes {
    wanted: Ordering,
    output: DataType,
    values: Vec<Option<f64>>,
}

/// The total order of `MIN` and `MAX`: every NaN is one value above infinity.
fn order(left: f64, right: f64) -> Ordering {
    left.is_nan().cmp(&right.is_nan()).then_with(|| left.total_cmp(&right))
}

impl Grouped for FloatExtremes {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, None);
    }

    fn fresh(&self) -> Self {
        Self { wanted: self.wanted, output: self.output.clone(), values: Vec::new() }
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
        for_each_value(values, groups, filter, |group, row| {
            let new = if raw[row].is_nan() { f64::NAN } else { raw[row] };
            let current = &mut self.values[group];
            if current.is_none_or(|current| order(new, current) == self.wanted) {
                *current = Some(new);
            }
        });
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.update_batch(states, groups, None, total_groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let values = Float64Array::from(emit_to.take_needed(&mut self.values));
        Ok(cast(&values, &self.output)?)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.rows_as_state(values, filter)
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<Option<f64>>()
    }
}

//! What does a sum keep per group, for each kind of number?
//!
//! Every total is exact, so that the order of rows and the cuts between batches cannot change it:
//! integers and durations in `i128`, decimals in 256 bits, floats in a superaccumulator
//! ([`crate::exact`]). Rounding and overflow happen once, when the total is finished.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryBuilder, BooleanArray, Decimal128Array, Decimal256Array,
    Float64Array, PrimitiveArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Float64Type, Int64Type, UInt64Type, i256,
};
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::EmitTo;

use super::rows::for_each_value;
use crate::error::Error;
use crate::exact::ExactSums;

/// What is read off a finished total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Statistic {
    Sum,
    Mean,
}

/// An exact sum per group.
pub(super) trait Total: Send + Sync + Sized + 'static {
    /// A total of the same kind without groups.
    fn fresh(&self) -> Self;
    fn resize(&mut self, groups: usize);
    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) -> Result<()>;
    fn merge(&mut self, state: &ArrayRef, groups: &[usize]) -> Result<()>;
    /// Removes the emitted groups and returns them.
    fn take(&mut self, emit_to: EmitTo) -> Self;
    fn into_state(self) -> Result<ArrayRef>;
    /// The statistic of each group as `output`; a group of no values is null.
    fn finish(self, statistic: Statistic, counts: &[i64], output: &DataType) -> Result<ArrayRef>;
    fn size(&self) -> usize;
}

/// The state type of the total over values of `input`.
pub(super) fn state_type(input: &DataType) -> Result<DataType> {
    match input {
        DataType::Int64 | DataType::UInt64 | DataType::Duration(_) => Ok(DataType::Decimal128(38, 0)),
        DataType::Float64 => Ok(DataType::Binary),
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            Ok(DataType::Decimal256(76, *scale))
        }
        other => exec_err!("no exact sum over {other}"),
    }
}

fn overflow(statistic: Statistic, output: &DataType) -> DataFusionError {
    let function = match statistic {
        Statistic::Sum => "SUM",
        Statistic::Mean => "AVG",
    };
    Error::Overflow { function, output: output.clone() }.into()
}

/// Totals of 64-bit integers: `i128` holds 2^64 of them without overflow.
pub(super) struct IntegerTotal<T> {
    sums: Vec<i128>,
    input: std::marker::PhantomData<T>,
}

impl<T> Default for IntegerTotal<T> {
    fn default() -> Self {
        Self { sums: Vec::new(), input: std::marker::PhantomData }
    }
}

/// The integer types that an [`IntegerTotal`] adds up.
pub(super) trait Integer: ArrowPrimitiveType<Native: Into<i128> + TryFrom<i128>> + Send + Sync {}
impl Integer for Int64Type {}
impl Integer for UInt64Type {}

impl<T: Integer> Total for IntegerTotal<T> {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) -> Result<()> {
        // Durations are 64-bit integers in another unit; this cast copies nothing.
        let values =
            if values.data_type() == &T::DATA_TYPE { Arc::clone(values) } else { cast(values, &T::DATA_TYPE)? };
        let values = values.as_primitive::<T>();
        let raw = values.values();
        for_each_value(values, groups, filter, |group, row| self.sums[group] += raw[row].into());
        Ok(())
    }

    fn merge(&mut self, state: &ArrayRef, groups: &[usize]) -> Result<()> {
        let state = state.as_primitive::<Decimal128Type>();
        for (row, &group) in groups.iter().enumerate() {
            let sum = self.sums[group].checked_add(state.value(row));
            self.sums[group] = sum.ok_or(Error::CorruptState { what: "exact sum" })?;
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Self {
        Self { sums: emit_to.take_needed(&mut self.sums), ..Self::default() }
    }

    fn into_state(self) -> Result<ArrayRef> {
        Ok(Arc::new(Decimal128Array::from(self.sums).with_precision_and_scale(38, 0)?))
    }

    fn finish(self, statistic: Statistic, counts: &[i64], output: &DataType) -> Result<ArrayRef> {
        let groups = self.sums.into_iter().zip(counts);
        if *output == DataType::Float64 {
            let mean = |(sum, &count): (i128, &i64)| (count > 0).then(|| sum as f64 / count as f64);
            return Ok(Arc::new(groups.map(mean).collect::<Float64Array>()));
        }
        let values = groups
            .map(|(sum, &count)| match (count, statistic) {
                (0, _) => Ok(None),
                (_, Statistic::Sum) => Ok(Some(sum)),
                (_, Statistic::Mean) => Ok(Some(sum / i128::from(count))),
            })
            .map(|value| {
                let narrow = |value| T::Native::try_from(value).map_err(|_| overflow(statistic, output));
                value.and_then(|value| value.map(narrow).transpose())
            })
            .collect::<Result<PrimitiveArray<T>>>()?;
        Ok(cast(&values, output)?)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>()
    }
}

/// Totals of decimals of up to 38 digits in 256 bits.
pub(super) struct DecimalTotal {
    sums: Vec<i256>,
    scale: i8,
}

impl DecimalTotal {
    pub(super) fn new(scale: i8) -> Self {
        Self { sums: Vec::new(), scale }
    }
}

impl Total for DecimalTotal {
    fn fresh(&self) -> Self {
        Self::new(self.scale)
    }

    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, i256::ZERO);
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) -> Result<()> {
        let values = cast(values, &DataType::Decimal256(76, self.scale))?;
        let values = values.as_primitive::<Decimal256Type>();
        for_each_value(values, groups, filter, |group, row| {
            // 2^128 values of 38 digits fit: wrapping is out of reach.
            self.sums[group] = self.sums[group].wrapping_add(values.value(row));
        });
        Ok(())
    }

    fn merge(&mut self, state: &ArrayRef, groups: &[usize]) -> Result<()> {
        let state = state.as_primitive::<Decimal256Type>();
        for (row, &group) in groups.iter().enumerate() {
            self.sums[group] = self.sums[group].wrapping_add(state.value(row));
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Self {
        Self { sums: emit_to.take_needed(&mut self.sums), scale: self.scale }
    }

    fn into_state(self) -> Result<ArrayRef> {
        let scale = self.scale;
        Ok(Arc::new(Decimal256Array::from(self.sums).with_precision_and_scale(76, scale)?))
    }

    fn finish(self, statistic: Statistic, counts: &[i64], output: &DataType) -> Result<ArrayRef> {
        let DataType::Decimal128(precision, scale) = *output else {
            return exec_err!("a decimal total cannot be read as {output}");
        };
        let widen = i256::from_i128(10_i128.pow((scale - self.scale).unsigned_abs().into()));
        let limit = 10_i128.pow(precision.into());
        let values = self
            .sums
            .into_iter()
            .zip(counts)
            .map(|(sum, &count)| {
                if count == 0 {
                    return Ok(None);
                }
                let value = match statistic {
                    Statistic::Sum => Some(sum),
                    Statistic::Mean => sum.checked_mul(widen).map(|sum| sum / i256::from_i128(count.into())),
                };
                let value = value.and_then(i256::to_i128).filter(|value| value.unsigned_abs() < limit.unsigned_abs());
                value.map(Some).ok_or_else(|| overflow(statistic, output))
            })
            .collect::<Result<Decimal128Array>>()?;
        Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i256>()
    }
}

/// Totals of floats, kept exactly and rounded once.
#[derive(Default)]
pub(super) struct FloatTotal {
    sums: ExactSums,
}

impl Total for FloatTotal {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups);
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) -> Result<()> {
        let values = values.as_primitive::<Float64Type>();
        let raw = values.values();
        for_each_value(values, groups, filter, |group, row| self.sums.add(group, raw[row]));
        Ok(())
    }

    fn merge(&mut self, state: &ArrayRef, groups: &[usize]) -> Result<()> {
        merge_exact(&mut self.sums, state, groups)
    }

    fn take(&mut self, emit_to: EmitTo) -> Self {
        Self { sums: take_exact(&mut self.sums, emit_to) }
    }

    fn into_state(self) -> Result<ArrayRef> {
        Ok(encode_exact(&self.sums))
    }

    fn finish(self, statistic: Statistic, counts: &[i64], _output: &DataType) -> Result<ArrayRef> {
        let value = |(group, &count): (usize, &i64)| {
            let sum = self.sums.round(group);
            (count > 0).then_some(match statistic {
                Statistic::Sum => sum,
                Statistic::Mean => sum / count as f64,
            })
        };
        Ok(Arc::new(counts.iter().enumerate().map(value).collect::<Float64Array>()))
    }

    fn size(&self) -> usize {
        self.sums.size()
    }
}

pub(super) fn merge_exact(sums: &mut ExactSums, state: &ArrayRef, groups: &[usize]) -> Result<()> {
    let state = state.as_binary::<i32>();
    for (row, &group) in groups.iter().enumerate() {
        sums.merge(group, state.value(row)).map_err(Error::from)?;
    }
    Ok(())
}

pub(super) fn encode_exact(sums: &ExactSums) -> ArrayRef {
    let mut column = BinaryBuilder::with_capacity(sums.len(), sums.len() * 16);
    let mut bytes = Vec::with_capacity(32);
    for group in 0..sums.len() {
        bytes.clear();
        sums.encode(group, &mut bytes);
        column.append_value(&bytes);
    }
    Arc::new(column.finish())
}

pub(super) fn take_exact(sums: &mut ExactSums, emit_to: EmitTo) -> ExactSums {
    match emit_to {
        EmitTo::All => std::mem::take(sums),
        EmitTo::First(groups) => sums.split_off_front(groups),
    }
}

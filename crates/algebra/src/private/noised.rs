//! How do noised numbers become rows? Those of the panes of a window are added up, and then statistics are made of them.
//!
//! What was noised is linear: counts, sums, cells of a histogram, nodes of a tree. So a window of several panes is the sum
//! of what was drawn for each of them, once, and its noise is as many times as large in variance. A pane in which a group
//! was withheld is not in the sum; how many are stands beside it.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, FixedSizeListArray, Float64Array, Int64Array, ListArray, RecordBatch,
    StructArray, UInt64Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{concat_batches, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use tidegate_privacy::Calibration;

use super::bound::one_key;
use super::cells::Cells;
use super::measure::{Statistic, extent};
use super::scale::Scale;
use super::spec::{MeasureSpec, PrivateSpec};
use crate::cut::{Cut, find};
use crate::error::{Error, Result};
use crate::node::ReleaseExec;
use crate::release::{Panes, Released};
use crate::state::PartialState;

/// The layout of noised state.
pub(crate) const NOISED_FORMAT: &str = "noised numbers by pane";

/// The columns of noised state: keys, the number of units where groups are chosen by it, and every number.
pub(crate) fn noised_schema(partial: &AggregateExec, spec: &PrivateSpec) -> Result<SchemaRef> {
    let keys = partial.group_expr().expr().len().saturating_sub(1);
    let schema = partial.schema();
    let keys = schema.fields().iter().take(keys).enumerate();
    let mut fields =
        keys.map(|(at, key)| Field::new(format!("key{at}"), key.data_type().clone(), true)).collect::<Vec<_>>();
    if spec.selects() {
        fields.push(Field::new("units", DataType::Int64, false));
    }
    let widths = spec.widths()?.into_iter().enumerate();
    fields.extend(widths.map(|(at, width)| Field::new(format!("noised{at}"), number_type(width), false)));
    Ok(Arc::new(Schema::new(fields)))
}

fn number_type(width: Option<usize>) -> DataType {
    match width {
        None => DataType::Int64,
        Some(cells) => DataType::FixedSizeList(cell(), cells as i32),
    }
}

fn cell() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Int64, false))
}

/// Noised numbers as columns of state.
pub(super) fn columns_of(
    spec: &PrivateSpec,
    units: Vec<Option<i64>>,
    measures: Vec<Vec<i64>>,
) -> Result<Vec<ArrayRef>> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    if spec.selects() {
        columns.push(Arc::new(units.into_iter().map(Option::unwrap_or_default).collect::<Int64Array>()));
    }
    for (numbers, width) in measures.into_iter().zip(spec.widths()?) {
        let numbers = Arc::new(Int64Array::from(numbers));
        columns.push(match width {
            None => numbers,
            Some(cells) => Arc::new(FixedSizeListArray::try_new(cell(), cells as i32, numbers, None)?),
        });
    }
    Ok(columns)
}

impl Cut {
    /// What was noised, of the wanted windows. It stands as it is; of a window all panes are closed.
    pub(crate) async fn release_noised(
        &self,
        states: Vec<PartialState>,
        spec: &PrivateSpec,
        panes: &Panes,
    ) -> Result<Released> {
        let barrier = find(&self.above, |node| node.downcast_ref::<ReleaseExec>().is_some())?;
        let schema = barrier.first().map(|barrier| barrier.schema()).ok_or(Error::NotPrivate)?;
        let (states, pending) = self.shown(states, panes)?;
        let rows = concat_batches(&self.layout.schema, &self.layout.rows_of(&states, &self.layout.schema)?)?;
        let groups = Groups::of(&rows, spec)?;
        let calibration = spec.calibration().map_err(|error| Error::Spec(error.to_string()))?;
        let mut columns = groups.keys.clone();
        let (mut deviations, mut first) = (Vec::new(), 0);
        for measure in &spec.measures {
            let scales = measure.scales();
            let shown = Shown { measure, scales, groups: &groups, calibration: &calibration, first };
            let (value, deviation) = shown.columns();
            columns.push(value);
            deviations.push(deviation);
            first += measure.statistic.numbers(spec.selects());
        }
        columns.extend(deviations);
        if schema.fields().len() > columns.len() {
            columns.push(Arc::new(Int64Array::from(groups.panes.clone())));
        }
        let rows = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let source: Arc<dyn ExecutionPlan> = MemorySourceConfig::try_new_exec(&[vec![rows]], schema, None)?;
        let rows = self.run_above(source).await?;
        Ok(Released { rows, withheld: 0, groups: groups.count() as u64, pending })
    }
}

/// Noised numbers by group and window.
struct Groups {
    /// The key columns.
    keys: Vec<ArrayRef>,
    /// The noised numbers of units; all zero where groups are not chosen by them.
    units: Vec<i64>,
    /// Per number: its coordinates, one group after the other.
    measures: Vec<Vec<i64>>,
    /// How many panes were added up.
    panes: Vec<i64>,
}

impl Groups {
    /// Adds up the rows that are alike in their keys.
    fn of(rows: &RecordBatch, spec: &PrivateSpec) -> Result<Self> {
        let widths = spec.widths()?;
        let key_count = rows.num_columns() - widths.len() - usize::from(spec.selects());
        let keys = &rows.columns()[..key_count];
        let (places, first) = places_of(keys, rows.num_rows())?;
        let count = first.len();
        let first = UInt64Array::from(first);
        let keys = keys.iter().map(|key| Ok(take(key, &first, None)?)).collect::<Result<Vec<_>>>()?;
        let add = |numbers: &[i64], width: usize| {
            let mut sums = vec![0_i64; count * width];
            for (&place, numbers) in places.iter().zip(numbers.chunks(width)) {
                for (sum, number) in sums[place * width..].iter_mut().zip(numbers) {
                    *sum = sum.saturating_add(*number);
                }
            }
            sums
        };
        let units = match spec.selects() {
            true => add(rows.column(key_count).as_primitive::<Int64Type>().values(), 1),
            false => vec![0; count],
        };
        let columns = &rows.columns()[rows.num_columns() - widths.len()..];
        let measures = columns.iter().zip(widths).map(|(column, width)| match width {
            None => add(column.as_primitive::<Int64Type>().values(), 1),
            Some(cells) => add(column.as_fixed_size_list().values().as_primitive::<Int64Type>().values(), cells),
        });
        let measures = measures.collect();
        Ok(Self { keys, units, measures, panes: add(&vec![1; rows.num_rows()], 1) })
    }

    fn count(&self) -> usize {
        self.panes.len()
    }
}

/// Per row the place of its group, and the first row of each group.
fn places_of(keys: &[ArrayRef], rows: usize) -> Result<(Vec<usize>, Vec<u64>)> {
    let keys = if keys.is_empty() { vec![one_key(rows)] } else { keys.to_vec() };
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let keys = RowConverter::new(fields)?.convert_columns(&keys)?;
    let (mut known, mut first) = (HashMap::new(), Vec::new());
    let mut places = Vec::with_capacity(rows);
    for (row, key) in keys.iter().enumerate() {
        let place = *known.entry(key).or_insert_with(|| {
            first.push(row as u64);
            first.len() - 1
        });
        places.push(place);
    }
    Ok((places, first))
}

/// One statistic on its way out.
struct Shown<'a> {
    measure: &'a MeasureSpec,
    scales: Vec<Scale>,
    groups: &'a Groups,
    calibration: &'a Calibration,
    /// The first of its numbers.
    first: usize,
}

impl Shown<'_> {
    /// Its value per group, and the standard deviation of the noise in it.
    fn columns(&self) -> (ArrayRef, ArrayRef) {
        let groups = self.groups.count();
        let noise = |number: usize, step: f64| self.noises(self.calibration.stddev(self.first + number) * step);
        match self.measure.statistic {
            Statistic::Units => self.units(),
            Statistic::Count => {
                let values = Int64Array::from(self.number(0).to_vec());
                (Arc::new(values), noise(0, 1.0))
            }
            Statistic::Sum => {
                let Scale { step, .. } = self.scales[0];
                (self.sums(), noise(0, step))
            }
            Statistic::Histogram => {
                let counts = Int64Array::from(self.number(0).to_vec());
                let width = self.measure.cells.map_or(1, |cells| cells.count());
                let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(width, groups));
                let field = Arc::new(Field::new_list_field(DataType::Int64, false));
                (Arc::new(ListArray::new(field, offsets, Arc::new(counts), None)), noise(0, 1.0))
            }
            // That noise stays below it is said by the bounds themselves.
            Statistic::Extent(_) => (self.extents(), Arc::new(Float64Array::new_null(groups))),
            // How far noise moves a quantile depends on how many units are near it.
            Statistic::Quantile => (self.quantiles(groups), Arc::new(Float64Array::new_null(groups))),
            Statistic::Mean => pairs((0..groups).map(|group| self.mean(group))),
            Statistic::Variance => pairs((0..groups).map(|group| self.variance(group))),
            Statistic::Deviation => pairs((0..groups).map(|group| {
                let (variance, noise) = self.variance(group);
                let deviation = variance.sqrt();
                // By the first term of the root's series; where it is zero nothing better is known than the bound.
                (deviation, if deviation > 0.0 { noise / (2.0 * deviation) } else { noise.sqrt() })
            })),
        }
    }

    fn number(&self, number: usize) -> &[i64] {
        &self.groups.measures[self.first + number]
    }

    /// Noise of that standard deviation, which every pane brought.
    fn noises(&self, stddev: f64) -> ArrayRef {
        Arc::new(self.groups.panes.iter().map(|&panes| Some(stddev * (panes as f64).sqrt())).collect::<Float64Array>())
    }

    /// The standard deviation of the noise in a number of a group.
    fn noise_of(&self, number: usize, group: usize) -> f64 {
        self.calibration.stddev(self.first + number) * (self.groups.panes[group] as f64).sqrt()
    }

    fn units(&self) -> (ArrayRef, ArrayRef) {
        let (units, noise) = match self.calibration.selection_stddev() {
            Some(noise) => (&self.groups.units, noise),
            None => (&self.groups.measures[self.first], self.calibration.stddev(self.first)),
        };
        (Arc::new(Int64Array::from(units.clone())), self.noises(noise))
    }

    /// Quantiles by the tree over the cells; null where noise left nobody.
    fn quantiles(&self, groups: usize) -> ArrayRef {
        let tree = self.measure.cells.and_then(|cells| cells.tree()?.ok());
        let (Some(cells @ Cells::Ranked { bounds, quantile }), Some(tree)) = (self.measure.cells, tree) else {
            return Arc::new(Float64Array::new_null(groups));
        };
        let value = |nodes: &[i64]| {
            let share = tree.quantile(nodes, quantile)? / cells.count() as f64;
            Some(bounds.low + share * (bounds.high - bounds.low))
        };
        Arc::new(self.number(0).chunks(tree.nodes()).map(value).collect::<Float64Array>())
    }

    /// Bounds of what is more than noise; null where nothing is. In one of a hundred groups noise alone passes for a
    /// value, or less often.
    fn extents(&self) -> ArrayRef {
        let cells = Cells::Doubling.count();
        // Discrete Laplace noise reaches m with a chance below a^m, and its variance is 2 a / (1 - a)^2; Gaussian noise of
        // that variance does so less often.
        let variance = self.calibration.stddev(self.first).powi(2);
        let ratio = (variance + 1.0 - (2.0 * variance + 1.0).sqrt()) / variance;
        let least = -(100.0 * cells as f64).ln() / ratio.ln();
        let panes = self.groups.panes.iter().map(|&panes| (panes as f64).sqrt());
        let extents =
            self.number(0).chunks(cells).zip(panes).map(|(counts, noise)| Cells::extent(counts, least * noise));
        let extents = extents.collect::<Vec<_>>();
        let bound = |of: fn((f64, f64)) -> f64| {
            Arc::new(extents.iter().map(|extent| extent.map(of)).collect::<Float64Array>()) as ArrayRef
        };
        let DataType::Struct(fields) = extent() else { return Arc::new(Float64Array::new_null(extents.len())) };
        Arc::new(StructArray::new(fields, vec![bound(|(low, _)| low), bound(|(_, high)| high)], None))
    }

    fn sums(&self) -> ArrayRef {
        let steps = self.number(0);
        match &self.measure.argument_type {
            integer if integer.is_integer() => Arc::new(Int64Array::from(steps.to_vec())),
            DataType::Decimal128(_, scale) => {
                let sums = steps.iter().map(|&step| i128::from(step)).collect::<Decimal128Array>();
                Arc::new(sums.with_data_type(DataType::Decimal128(38, *scale)))
            }
            _ => Arc::new(steps.iter().map(|&step| Some(step as f64 * self.scales[0].step)).collect::<Float64Array>()),
        }
    }

    /// The mean of the units, and how far noise moves it: by the first terms of the ratio's series.
    fn mean(&self, group: usize) -> (f64, f64) {
        let Scale { origin, step, .. } = self.scales[0];
        let (sum, count) = (self.number(0)[group] as f64, self.number(1)[group].max(1) as f64);
        let reach = self.scales[0].reach() as f64;
        let centered = (sum / count).clamp(-reach, reach);
        let noise = self.noise_of(0, group).hypot(centered * self.noise_of(1, group));
        (origin + centered * step, noise / count * step)
    }

    /// The variance of the units, and how far noise moves it.
    fn variance(&self, group: usize) -> (f64, f64) {
        let Scale { step, .. } = self.scales[0];
        let reach = self.scales[0].reach().max(1) as f64;
        let count = self.number(2)[group].max(1) as f64;
        let mean = (self.number(0)[group] as f64 / count / reach).clamp(-1.0, 1.0);
        let Scale { origin, step: square_step, .. } = self.scales[1];
        let square = (origin + self.number(1)[group] as f64 * square_step / count).clamp(0.0, 1.0);
        // Both in units of half the width of the bounds.
        let width = reach * step;
        let variance = (square - mean * mean).max(0.0) * width * width;
        let stddev = |number: usize| self.noise_of(number, group);
        let of_mean = 2.0 * mean * stddev(0) / reach;
        let of_square = stddev(1) * square_step;
        let of_count = (2.0 * mean * mean - (square - origin)).abs() * stddev(2);
        (variance, of_mean.hypot(of_square).hypot(of_count) / count * width * width)
    }
}

fn pairs(pairs: impl Iterator<Item = (f64, f64)>) -> (ArrayRef, ArrayRef) {
    let (values, deviations): (Vec<f64>, Vec<f64>) = pairs.unzip();
    (Arc::new(Float64Array::from(values)), Arc::new(Float64Array::from(deviations)))
}

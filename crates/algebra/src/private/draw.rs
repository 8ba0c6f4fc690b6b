//! How do bounded integers become rows that may be shown? Noise is added, once, for a [`Grant`] that says it is paid.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch,
    TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::row::{OwnedRow, RowConverter};
use datafusion::physical_plan::ExecutionPlan;
use tidegate_privacy::{Calibration, Grant, Noised};

use super::bound::{Bounded, one_key};
use super::measure::Statistic;
use super::scale::Scale;
use super::spec::{MeasureSpec, PrivateSpec};
use crate::cut::{Below, Cut};
use crate::error::{Error, Result};
use crate::release::{Closed, Panes};
use crate::state::PartialState;

impl Cut {
    /// What must stand in the budget before [`draw`](Self::draw); none where nothing is noised.
    pub fn calibration(&self) -> Option<Result<Calibration>> {
        match &self.below {
            Below::Private { spec, .. } => Some(spec.calibration().map_err(|error| Error::Spec(error.to_string()))),
            _ => None,
        }
    }

    /// The declaration under which rows are noised; none where nothing is.
    pub fn private_spec(&self) -> Option<&PrivateSpec> {
        match &self.below {
            Below::Private { spec, .. } => Some(spec),
            _ => None,
        }
    }

    /// Noises what was bounded, for windows that are closed now and were not `before`, for a `grant` that is taken by
    /// value.
    ///
    /// ```no_run
    /// use tidegate_algebra::{Closed, Cut, Panes, PartialState, Result, private::Bounded};
    /// fn once(cut: &Cut, bounded: Bounded, grant: tidegate_privacy::Grant) -> Result<PartialState> {
    ///     cut.draw(bounded, &Panes::default(), Closed::default(), grant)
    /// }
    /// ```
    ///
    /// Without a grant, or twice for one, it does not compile:
    ///
    /// ```compile_fail,E0382
    /// use tidegate_algebra::{Closed, Cut, Panes, PartialState, Result, private::Bounded};
    /// fn twice(cut: &Cut, one: Bounded, other: Bounded, grant: tidegate_privacy::Grant) -> Result<PartialState> {
    ///     cut.draw(one, &Panes::default(), Closed::default(), grant)?;
    ///     cut.draw(other, &Panes::default(), Closed::default(), grant)
    /// }
    /// ```
    ///
    /// ```compile_fail,E0061
    /// use tidegate_algebra::{Closed, Cut, Panes, PartialState, Result, private::Bounded};
    /// fn unpaid(cut: &Cut, bounded: Bounded) -> Result<PartialState> {
    ///     cut.draw(bounded, &Panes::default(), Closed::default())
    /// }
    /// ```
    ///
    /// The rows that come of it may be shown, and are kept: drawing again would show more than was paid for.
    ///
    /// # Errors
    /// [`Error::NotPrivate`] when nothing is noised here, [`Error::Spec`] when the grant does not pay for it.
    pub fn draw(&self, bounded: Bounded, panes: &Panes, before: Closed, grant: Grant) -> Result<PartialState> {
        let Below::Private { spec, .. } = &self.below else { return Err(Error::NotPrivate) };
        let explain = |error: tidegate_privacy::Error| Error::Spec(error.to_string());
        let calibration = spec.calibration().map_err(|error| Error::Spec(error.to_string()))?;
        let (keys, exact) = self.exact(bounded, spec, panes, before)?;
        let noised = calibration.draw(exact, grant).map_err(explain)?;
        let kept = BooleanArray::from(noised.kept.clone());
        let keys = if self.key_types().is_empty() { Vec::new() } else { keys };
        let mut columns = keys.iter().map(|key| Ok(filter(key, &kept)?)).collect::<Result<Vec<_>>>()?;
        let (mut values, mut deviations) = (Vec::new(), Vec::new());
        let mut number = 0;
        for measure in &spec.measures {
            let count = measure.statistic.numbers(spec.selects());
            let shown =
                Shown { measure, scales: measure.scales(), noised: &noised, calibration: &calibration, first: number };
            let (value, deviation) = shown.columns();
            values.push(filter(&value, &kept)?);
            deviations.push(filter(&deviation, &kept)?);
            number += count;
        }
        columns.extend(values);
        columns.extend(deviations);
        let rows = RecordBatch::try_new(Arc::clone(&self.layout.schema), columns)?;
        Ok(self.layout.state_of(if rows.num_rows() == 0 { Vec::new() } else { vec![rows] }))
    }

    /// The types of the group keys.
    pub(super) fn key_types(&self) -> Vec<DataType> {
        let Below::Private { partial, .. } = &self.below else { return Vec::new() };
        let keys = partial.group_expr().expr().len().saturating_sub(1);
        let schema = partial.schema();
        schema.fields().iter().take(keys).map(|field| field.data_type().clone()).collect()
    }

    /// Every public group of the windows that are closed now and were not before.
    pub(super) fn public_rows(
        &self,
        spec: &PrivateSpec,
        panes: &Panes,
        before: Closed,
        converter: &RowConverter,
    ) -> Result<Vec<OwnedRow>> {
        let types = self.key_types();
        let public = spec.public.as_ref().map(|public| public.rows.clone());
        let mut groups = Vec::new();
        match self.windows {
            None => {
                let keys = public.map(|rows| rows.columns().to_vec()).unwrap_or_default();
                let keys = if keys.is_empty() { vec![one_key(1)] } else { keys };
                groups.extend(converter.convert_columns(&keys)?.iter().map(|row| row.owned()));
            }
            Some(key) => {
                let days = panes.days.iter().flatten();
                let starts = days.flat_map(|&day| key.windows.starts_of_day(day));
                let is_new = |start: &i64| {
                    let end = key.windows.end_of(*start).unwrap_or(i64::MAX);
                    panes.closed.contains(*start, end) && !before.contains(*start, end)
                };
                for start in starts.filter(is_new) {
                    let count = public.as_ref().map_or(1, RecordBatch::num_rows);
                    let starts = TimestampMicrosecondArray::from(vec![start; count]);
                    let starts = Arc::new(starts.with_data_type(types[key.start].clone())) as ArrayRef;
                    let mut keys = public.as_ref().map(|rows| rows.columns().to_vec()).unwrap_or_default();
                    keys.insert(key.start.min(keys.len()), starts);
                    groups.extend(converter.convert_columns(&keys)?.iter().map(|row| row.owned()));
                }
            }
        }
        Ok(groups)
    }
}

/// One statistic on its way out.
struct Shown<'a> {
    measure: &'a MeasureSpec,
    scales: Vec<Scale>,
    noised: &'a Noised,
    calibration: &'a Calibration,
    /// The first of its numbers.
    first: usize,
}

impl Shown<'_> {
    /// Its value per group, and the standard deviation of the noise in it.
    fn columns(&self) -> (ArrayRef, ArrayRef) {
        let groups = self.noised.kept.len();
        let noise = |number: usize| self.calibration.stddev(self.first + number);
        match self.measure.statistic {
            Statistic::Units => self.units(),
            Statistic::Count => {
                let values = Int64Array::from(self.number(0).to_vec());
                (Arc::new(values), constant(noise(0), groups))
            }
            Statistic::Sum => {
                let Scale { step, .. } = self.scales[0];
                (self.sums(), constant(noise(0) * step, groups))
            }
            Statistic::Histogram => {
                let counts = Int64Array::from(self.number(0).to_vec());
                let width = self.measure.cells.map_or(1, |cells| cells.count);
                let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(width, groups));
                let field = Arc::new(Field::new_list_field(DataType::Int64, false));
                (Arc::new(ListArray::new(field, offsets, Arc::new(counts), None)), constant(noise(0), groups))
            }
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
        &self.noised.measures[self.first + number]
    }

    fn units(&self) -> (ArrayRef, ArrayRef) {
        let groups = self.noised.kept.len();
        match self.calibration.selection_stddev() {
            Some(noise) => {
                let units = self.noised.units.iter().map(|units| units.unwrap_or_default());
                (Arc::new(units.collect::<Int64Array>()), constant(noise, groups))
            }
            None => {
                let units = Int64Array::from(self.number(0).to_vec());
                (Arc::new(units), constant(self.calibration.stddev(self.first), groups))
            }
        }
    }

    /// Quantiles by the tree over the cells; null where noise left nobody.
    fn quantiles(&self, groups: usize) -> ArrayRef {
        let found = self.measure.cells.and_then(|cells| Some((cells, cells.tree()?.ok()?, cells.quantile?)));
        let (Some((cells, tree, quantile)), Some(bounds)) = (found, self.measure.bounds) else {
            return Arc::new(Float64Array::new_null(groups));
        };
        let value = |nodes: &[i64]| {
            let share = tree.quantile(nodes, quantile)? / cells.count as f64;
            Some(bounds.low + share * (bounds.high - bounds.low))
        };
        Arc::new(self.number(0).chunks(tree.nodes()).map(value).collect::<Float64Array>())
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
        let noise = (self.calibration.stddev(self.first)).hypot(centered * self.calibration.stddev(self.first + 1));
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
        let stddev = |number: usize| self.calibration.stddev(self.first + number);
        let of_mean = 2.0 * mean * stddev(0) / reach;
        let of_square = stddev(1) * square_step;
        let of_count = (2.0 * mean * mean - (square - origin)).abs() * stddev(2);
        (variance, of_mean.hypot(of_square).hypot(of_count) / count * width * width)
    }
}

fn constant(value: f64, rows: usize) -> ArrayRef {
    Arc::new(Float64Array::from(vec![value; rows]))
}

fn pairs(pairs: impl Iterator<Item = (f64, f64)>) -> (ArrayRef, ArrayRef) {
    let (values, deviations): (Vec<f64>, Vec<f64>) = pairs.unzip();
    (Arc::new(Float64Array::from(values)), Arc::new(Float64Array::from(deviations)))
}

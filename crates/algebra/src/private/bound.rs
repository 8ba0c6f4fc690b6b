//! What does a unit contribute, and to which groups?
//!
//! Of each day (the day under which panes are filed) a unit keeps its first groups, in the order of windows; ties are
//! broken by a keyed hash of unit and group, which is a function of its own rows only. Each of its totals is clamped,
//! after it was merged, and added in integers. So one unit more or less changes the sums of at most `max_groups` groups,
//! each by at most the reach of its bounds, however the rows came.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt8Array};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::physical_plan::aggregates::AggregateMode;
use datafusion::physical_plan::collect;
use siphasher::sip::SipHasher13;
use tidegate_privacy::Exact;

use super::cells::Cells;
use super::measure::{Extent, Statistic};
use super::scale::Scale;
use super::spec::PrivateSpec;
use crate::cut::{Below, Cut, WindowKey, over_state};
use crate::error::{Error, Result};
use crate::release::{Closed, Panes};
use crate::state::PartialState;

/// Bounded integers per group. Private: nothing of them can be read outside this room.
///
/// ```compile_fail,E0616
/// fn totals(bounded: tidegate_algebra::private::Bounded) -> usize {
///     bounded.totals.len()
/// }
/// ```
#[derive(Default)]
pub struct Bounded {
    /// Where the totals of a group are, by the bytes of its key.
    places: HashMap<Box<[u8]>, usize>,
    totals: Vec<Totals>,
}

/// What stands behind a group.
#[derive(Default, Clone)]
struct Totals {
    units: i64,
    /// One sum for each number that is noised, wide enough that the order of adding is nothing.
    numbers: Vec<i128>,
}

impl std::fmt::Debug for Bounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bounded").finish_non_exhaustive()
    }
}

impl Bounded {
    /// What stands behind the group of that key, which is copied once per group and not once per unit.
    fn group(&mut self, key: &[u8]) -> &mut Totals {
        let place = match self.places.get(key) {
            Some(&place) => place,
            None => {
                self.places.insert(key.into(), self.totals.len());
                self.totals.push(Totals::default());
                self.totals.len() - 1
            }
        };
        &mut self.totals[place]
    }

    /// Adds what another part of the units contributes.
    pub fn add(&mut self, other: Self) {
        for (key, place) in other.places {
            let (own, more) = (self.group(&key), &other.totals[place]);
            own.units = own.units.saturating_add(more.units);
            own.numbers.resize(more.numbers.len().max(own.numbers.len()), 0);
            for (own, more) in own.numbers.iter_mut().zip(&more.numbers) {
                *own = own.saturating_add(*more);
            }
        }
    }

    /// Every group, by its key.
    fn into_groups(self) -> impl Iterator<Item = (Box<[u8]>, Totals)> {
        let mut totals = self.totals;
        self.places.into_iter().map(move |(key, place)| (key, std::mem::take(&mut totals[place])))
    }
}

/// The columns of finished totals per unit.
struct Contributions {
    /// The group keys, one row each.
    keys: Rows,
    units: Vec<u64>,
    /// The day under which the row's window is filed, and the window's start; zero without windows.
    windows: Vec<(i32, i64)>,
    /// Per statistic, one number of steps per row and noised number.
    steps: Vec<Vec<Vec<i64>>>,
}

impl Contributions {
    /// The rows that count: of each unit its first groups of a day, and where an epoch is paid for, its first days.
    fn kept(&self, spec: &PrivateSpec) -> Vec<usize> {
        let (most_groups, most_days) =
            (spec.max_groups as usize, spec.max_days.map_or(usize::MAX, |days| days as usize));
        let owner = |&row: &usize| (*spec.block_of(self.windows[row].0).start(), self.units[row]);
        let mut order = (0..self.units.len()).collect::<Vec<_>>();
        order.sort_unstable_by_key(owner);
        let lengths = order.chunk_by(|left, right| owner(left) == owner(right)).map(<[_]>::len).collect::<Vec<_>>();
        let mut kept = Vec::with_capacity(order.len());
        let mut from = 0;
        for length in lengths {
            let rows = &mut order[from..from + length];
            from += length;
            // Few units have more than count, so only theirs are put in order.
            if length <= most_groups.min(most_days) {
                kept.extend_from_slice(rows);
                continue;
            }
            rows.sort_by_cached_key(|&row| {
                (self.windows[row], tie_break(spec, self.units[row], self.keys.row(row).as_ref()))
            });
            let days = rows.chunk_by(|&left, &right| self.windows[left].0 == self.windows[right].0).take(most_days);
            kept.extend(days.flat_map(|day| day.iter().take(most_groups)));
        }
        kept
    }
}

impl Cut {
    /// Bounds what the units of `states` contribute to the windows that are closed now and were not `before`. All rows
    /// of a unit are in `states`, and those of windows of the same days that were closed before.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when another plan made a state; [`Error::NotPrivate`] when nothing is noised here.
    pub async fn bound(&self, states: Vec<PartialState>, panes: &Panes, before: Closed) -> Result<Bounded> {
        let (Below::Private { partial, spec, panes: key }, Some(side)) = (&self.below, self.units()) else {
            return Err(Error::NotPrivate);
        };
        let (states, _) = self.dealt(side.layout(), *key, states, panes)?;
        let finished = over_state(side.layout(), partial, AggregateMode::Final, &states)?;
        let schema = finished.schema();
        let rows = collect(finished, Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        let rows = concat_batches(&schema, &rows)?;
        let contributions = contributions_of(spec, *key, &rows)?;
        let mut bounded = Bounded::default();
        let (places, width) = places_of(spec);
        for row in contributions.kept(spec) {
            let (_, start) = contributions.windows[row];
            if key.is_some_and(|key| before.contains(start, key.windows.pane_end(start))) {
                continue;
            }
            let totals = bounded.group(contributions.keys.row(row).as_ref());
            totals.units += 1;
            totals.numbers.resize(width, 0);
            for (column, &place) in contributions.steps.iter().flatten().zip(&places) {
                match place {
                    Place::Sum(at) => totals.numbers[at] += i128::from(column[row]),
                    // A unit without a value is in no cell.
                    Place::Cells(from) => {
                        if let Ok(cell) = usize::try_from(column[row]) {
                            totals.numbers[from + cell] += 1;
                        }
                    }
                }
            }
        }
        Ok(bounded)
    }

    /// The groups in the order of their keys, and the integers of each. Public groups are all there.
    pub(super) fn exact(
        &self,
        mut bounded: Bounded,
        spec: &PrivateSpec,
        panes: &Panes,
        before: Closed,
    ) -> Result<(Vec<ArrayRef>, Exact)> {
        let types = match self.key_types() {
            types if types.is_empty() => vec![DataType::UInt8],
            types => types,
        };
        let fields = types.into_iter().map(SortField::new).collect();
        let converter = RowConverter::new(fields)?;
        if !spec.selects() {
            // All public groups are there and no other: an outer join makes one of rows that are in none.
            let public = self.public_rows(spec, panes, before, &converter)?;
            let public = public.iter().map(|row| row.as_ref()).collect::<HashSet<&[u8]>>();
            bounded.places.retain(|key, _| public.contains(key.as_ref()));
            for key in public {
                bounded.group(key);
            }
        }
        let mut groups = bounded.into_groups().collect::<Vec<_>>();
        groups.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let (places, width) = places_of(spec);
        let mut exact = Exact { units: Vec::with_capacity(groups.len()), measures: vec![Vec::new(); places.len()] };
        for (_, totals) in &mut groups {
            exact.units.push(totals.units);
            totals.numbers.resize(width, 0);
            let saturated = |total: &i128| (*total).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
            let cells =
                spec.measures.iter().flat_map(|measure| vec![measure.cells; measure.statistic.numbers(spec.selects())]);
            for ((column, &place), cells) in exact.measures.iter_mut().zip(&places).zip(cells) {
                match (place, cells) {
                    (Place::Sum(at), _) => column.push(saturated(&totals.numbers[at])),
                    (Place::Cells(from), Some(cells)) => {
                        let counts =
                            totals.numbers[from..from + cells.count()].iter().map(saturated).collect::<Vec<_>>();
                        column.extend(match cells.tree() {
                            Some(tree) => tree.map_err(|error| Error::Spec(error.to_string()))?.counts(&counts),
                            None => counts,
                        });
                    }
                    (Place::Cells(_), None) => return Err(Error::NotPrivate),
                }
            }
        }
        let parser = converter.parser();
        let keys = converter.convert_rows(groups.iter().map(|(key, _)| parser.parse(key)))?;
        Ok((keys, exact))
    }
}

/// What stands in finished totals, whose panes are those of `key`.
fn contributions_of(spec: &PrivateSpec, key: Option<WindowKey>, rows: &RecordBatch) -> Result<Contributions> {
    let (totals, places) = spec.totals();
    let key_count = rows.num_columns() - 1 - totals.len();
    let keys = match &rows.columns()[..key_count] {
        [] => vec![one_key(rows.num_rows())],
        keys => keys.to_vec(),
    };
    let units = rows.column(key_count).as_primitive::<UInt64Type>().values().to_vec();
    let converted = converter(&keys)?.convert_columns(&keys)?;
    let windows = match key {
        None => vec![(0, 0); rows.num_rows()],
        Some(key) => {
            let starts = rows.column(key.start).as_primitive::<TimestampMicrosecondType>();
            starts.values().iter().map(|&start| (key.windows.day_of(start), start)).collect()
        }
    };
    let mut steps = Vec::new();
    for (measure, places) in spec.measures.iter().zip(places) {
        let numbers = measure.statistic.numbers(spec.selects());
        let totals = places.iter().map(|place| Arc::clone(rows.column(key_count + 1 + place))).collect::<Vec<_>>();
        let scales = measure.scales();
        let columns = match measure.cells {
            Some(cells) => vec![cells_of(cells, measure.statistic, &totals)?],
            None => numbers_of(measure.statistic, &totals, &scales, rows.num_rows())?,
        };
        steps.push(columns.into_iter().take(numbers).collect());
    }
    Ok(Contributions { keys: converted, units, windows, steps })
}

/// Where a noised number stands among the totals of a group.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Contributions are added up.
    Sum(usize),
    /// Each contribution counts in one of the cells that begin here.
    Cells(usize),
}

/// The places of all numbers, and how many totals there are.
fn places_of(spec: &PrivateSpec) -> (Vec<Place>, usize) {
    let (mut places, mut width) = (Vec::new(), 0);
    for measure in &spec.measures {
        for _ in 0..measure.statistic.numbers(spec.selects()) {
            places.push(if measure.cells.is_some() { Place::Cells(width) } else { Place::Sum(width) });
            width += measure.cells.map_or(1, |cells| cells.count());
        }
    }
    (places, width)
}

/// The cell of each unit's value; below zero where it has none.
fn cells_of(cells: Cells, statistic: Statistic, totals: &[ArrayRef]) -> Result<Vec<i64>> {
    let cell = |value: Option<f64>| value.and_then(|value| cells.of(value)).unwrap_or(-1);
    Ok(match (statistic, totals) {
        (Statistic::Extent(Extent::Sum), [means, counts]) => {
            let products = doubles(means)?.into_iter().zip(doubles(counts)?);
            products.map(|(mean, count)| cell(mean.zip(count).map(|(mean, count)| mean * count))).collect()
        }
        (_, [values]) => doubles(values)?.into_iter().map(cell).collect(),
        _ => return Err(Error::NotPrivate),
    })
}

/// A keyed order of a unit's groups that nobody chooses.
fn tie_break(spec: &PrivateSpec, unit: u64, group: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    // The unit's hash is keyed with the project's secret already.
    hasher.write_u64(spec.key.hash64(b"order of groups") ^ unit);
    hasher.write(group);
    hasher.finish()
}

/// The key of a query that has one group.
pub(super) fn one_key(rows: usize) -> ArrayRef {
    Arc::new(UInt8Array::from(vec![0; rows]))
}

fn converter(keys: &[ArrayRef]) -> Result<RowConverter> {
    Ok(RowConverter::new(keys.iter().map(|key| SortField::new(key.data_type().clone())).collect())?)
}

fn doubles(column: &ArrayRef) -> Result<Vec<Option<f64>>> {
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect())
}

/// The clamped totals of each unit, in steps: one column for each noised number.
fn numbers_of(statistic: Statistic, totals: &[ArrayRef], scales: &[Scale], rows: usize) -> Result<Vec<Vec<i64>>> {
    let whole = |column: &ArrayRef| {
        column.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect::<Vec<_>>()
    };
    let presence = |values: &[Option<i64>]| values.iter().map(|value| i64::from(value.is_some())).collect::<Vec<_>>();
    let zeroed = |values: Vec<Option<i64>>| values.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
    Ok(match (statistic, totals) {
        (Statistic::Units, _) => vec![vec![1; rows]],
        (Statistic::Count, [counts]) => {
            let Scale { low, high, .. } = scales[0];
            vec![whole(counts).into_iter().map(|count| count.clamp(low, high)).collect()]
        }
        (Statistic::Sum, [means, counts]) => {
            let product = |(mean, count): (Option<f64>, i64)| scales[0].steps(mean? * count as f64);
            vec![zeroed(doubles(means)?.into_iter().zip(whole(counts)).map(product).collect())]
        }
        (Statistic::Sum, [sums]) => vec![zeroed(doubles(sums)?.into_iter().map(|sum| scales[0].steps(sum?)).collect())],
        (Statistic::Mean, [means]) => {
            let steps = doubles(means)?.into_iter().map(|mean| scales[0].steps(mean?)).collect::<Vec<_>>();
            vec![zeroed(steps.clone()), presence(&steps)]
        }
        (Statistic::Variance | Statistic::Deviation, [means]) => {
            let steps = doubles(means)?.into_iter().map(|mean| scales[0].steps(mean?)).collect::<Vec<_>>();
            let half = scales[0].reach().max(1) as f64;
            let square = |step: Option<i64>| scales[1].steps((step? as f64 / half).powi(2));
            let squares = steps.iter().map(|&step| square(step)).collect();
            vec![zeroed(steps.clone()), zeroed(squares), presence(&steps)]
        }
        _ => return Err(Error::NotPrivate),
    })
}

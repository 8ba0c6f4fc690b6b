//! Which intervals of a key are one session? Those that touch or overlap, directly or by way of others.
//!
//! Every event is an interval of its own, from itself to a gap later. Rows keep their place; what changes is that each
//! bears the bounds of its session, so that the aggregation brings together what belongs together. Whether the
//! intervals are events or sessions found before makes no difference, so the order of arrival makes none.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::AggregateExec;

use crate::cut::{Below, Cut, WindowKey};
use crate::error::{Error, Result};
use crate::state::PartialState;

/// The bounds of one row's interval, and the key it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    key: usize,
    start: i64,
    end: i64,
    row: usize,
}

impl Cut {
    /// The states as one, each row with the bounds of the session it is part of. States of other windows stay as
    /// they are.
    pub(crate) fn bridged(&self, states: Vec<PartialState>) -> Result<Vec<PartialState>> {
        let (Below::Groups { partial, .. }, Some(WindowKey { start, end: Some(end), .. })) =
            (&self.below, self.windows)
        else {
            return Ok(states);
        };
        let mut batches = Vec::new();
        for state in states {
            self.layout.check(&state)?;
            batches.extend(state.batches);
        }
        let keys = partial.group_expr().expr().len();
        let keys = (0..keys).filter(|&key| key != start && key != end).collect::<Vec<_>>();
        let keys_of = |batch: &RecordBatch| Ok(keys.iter().map(|&key| Arc::clone(batch.column(key))).collect());
        let batches = in_sessions(batches, start, end, keys_of)?;
        Ok(vec![self.layout.state_of(batches)])
    }
}

/// Rows below `aggregation`, in partitions, each with the bounds of its session; `start` and `end` are the positions of
/// the bounds among the keys.
pub(crate) fn rows_in_sessions(
    aggregation: &AggregateExec,
    start: usize,
    end: usize,
    partitions: Vec<Vec<RecordBatch>>,
) -> Result<Vec<Vec<RecordBatch>>> {
    let keys = aggregation.group_expr().expr();
    let bound = |key: usize| keys[key].0.downcast_ref::<Column>().map(Column::index).ok_or(Error::NoWindowKey);
    let others = keys.iter().enumerate().filter(|(key, _)| *key != start && *key != end);
    let others = others.map(|(_, (expression, _))| expression).collect::<Vec<_>>();
    let keys_of = |batch: &RecordBatch| {
        let values = others.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows()));
        values.collect::<Result<_, _>>().map_err(Error::of_execution)
    };
    let lengths = partitions.iter().map(Vec::len).collect::<Vec<_>>();
    let batches = partitions.into_iter().flatten().collect();
    let mut batches = in_sessions(batches, bound(start)?, bound(end)?, keys_of)?.into_iter();
    Ok(lengths.into_iter().map(|length| batches.by_ref().take(length).collect()).collect())
}

/// The same rows with the bounds of their sessions in the columns `start` and `end`.
fn in_sessions(
    batches: Vec<RecordBatch>,
    start: usize,
    end: usize,
    keys_of: impl Fn(&RecordBatch) -> Result<Vec<ArrayRef>>,
) -> Result<Vec<RecordBatch>> {
    let mut intervals = intervals(&batches, start, end, keys_of)?;
    intervals.sort_unstable();
    let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let (mut starts, mut ends) = (vec![0; rows], vec![0; rows]);
    for session in intervals.chunk_by(touching()) {
        let first = session.first().map_or(0, |interval| interval.start);
        let last = session.iter().map(|interval| interval.end).max().unwrap_or(first);
        for interval in session {
            starts[interval.row] = first;
            ends[interval.row] = last;
        }
    }
    let mut from = 0;
    let mut with_bounds = |batch: RecordBatch| {
        let to = from + batch.num_rows();
        let mut columns = batch.columns().to_vec();
        for (position, values) in [(start, &starts), (end, &ends)] {
            let before = batch.column(position);
            let values = TimestampMicrosecondArray::new(values[from..to].to_vec().into(), before.nulls().cloned());
            columns[position] = Arc::new(values.with_data_type(before.data_type().clone()));
        }
        from = to;
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    };
    batches.into_iter().map(&mut with_bounds).collect()
}

/// True for neighbours of one session, when asked for ascending intervals one after the other.
fn touching() -> impl FnMut(&Interval, &Interval) -> bool {
    let mut open: Option<(usize, i64)> = None;
    move |left, right| {
        let end = match open {
            Some((key, end)) if key == left.key => end.max(left.end),
            _ => left.end,
        };
        let is_one = left.key == right.key && right.start <= end;
        open = is_one.then_some((right.key, end));
        is_one
    }
}

/// The intervals of all rows that have one, their keys numbered.
fn intervals(
    batches: &[RecordBatch],
    start: usize,
    end: usize,
    keys_of: impl Fn(&RecordBatch) -> Result<Vec<ArrayRef>>,
) -> Result<Vec<Interval>> {
    let keys = batches.iter().map(keys_of).collect::<Result<Vec<_>>>()?;
    let fields = keys.first().into_iter().flatten().map(|key| SortField::new(key.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let mut rows = converter.empty_rows(0, 0);
    let mut intervals = Vec::new();
    let mut row = 0;
    for (batch, keys) in batches.iter().zip(&keys) {
        if !keys.is_empty() {
            converter.append(&mut rows, keys)?;
        }
        let starts = batch.column(start).as_primitive::<TimestampMicrosecondType>();
        let ends = batch.column(end).as_primitive::<TimestampMicrosecondType>();
        for bounds in starts.iter().zip(ends) {
            if let (Some(start), Some(end)) = bounds {
                intervals.push(Interval { key: 0, start, end, row });
            }
            row += 1;
        }
    }
    if rows.num_rows() > 0 {
        let mut numbers = HashMap::new();
        for interval in &mut intervals {
            let next = numbers.len();
            interval.key = *numbers.entry(rows.row(interval.row)).or_insert(next);
        }
    }
    Ok(intervals)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringArray;
    use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    use super::*;

    fn batch(rows: &[(&str, i64, i64)]) -> RecordBatch {
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        let fields = [("k", DataType::Utf8), ("start", time.clone()), ("end", time)];
        let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
        let times = |bound: fn(&(&str, i64, i64)) -> i64| {
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(bound))) as ArrayRef
        };
        let keys = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>());
        let columns = vec![keys, times(|row| row.1), times(|row| row.2)];
        RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns).unwrap()
    }

    fn check(batches: &[&[(&str, i64, i64)]], expected: &[(i64, i64)]) {
        let batches = batches.iter().map(|rows| batch(rows)).collect();
        let found = in_sessions(batches, 1, 2, |batch| Ok(vec![Arc::clone(batch.column(0))])).unwrap();
        let bounds = found.iter().flat_map(|batch| {
            let column = |at: usize| batch.column(at).as_primitive::<TimestampMicrosecondType>().values().to_vec();
            column(1).into_iter().zip(column(2))
        });
        assert_eq!(bounds.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_touches_is_one_session() {
        check(&[&[("a", 0, 10), ("a", 10, 20), ("a", 21, 31)]], &[(0, 20), (0, 20), (21, 31)]);
        check(
            &[&[("a", 20, 30)], &[("a", 0, 10), ("b", 10, 20)], &[("a", 10, 20)]],
            &[(0, 30), (0, 30), (10, 20), (0, 30)],
        );
    }

    #[test]
    fn a_long_session_holds_short_ones_that_do_not_touch_each_other() {
        check(
            &[&[("a", 0, 100), ("a", 10, 20), ("a", 50, 60), ("a", 100, 110), ("a", 111, 121)]],
            &[(0, 110), (0, 110), (0, 110), (0, 110), (111, 121)],
        );
    }
}

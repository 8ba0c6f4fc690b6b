//! Which of a signal's released rows are drawn?
//!
//! The newest windows, for the groups that have most of them. DataFusion finds both, so that no more than what is drawn
//! is held here.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{Operator, SortExpr, binary_expr};
use datafusion::prelude::{DataFrame, Expr, ident, lit};
use tidegate_signal::SignalDefinition;

use super::columns::{Columns, deviation_of};
use super::markup::shortened;
use super::values::{field, instants, label, numbers, table, text};
use super::{
    Band, Body, GROUPS, Judged, Point, Policy, ROWS, Released, Series, SignalReport, Table, Verdict, Verdicts, WINDOWS,
    Windows, scale,
};
use crate::failure::Result;
use crate::query::released;
use crate::storage::Root;

/// Half the width of a band in standard deviations of the noise.
const DEVIATIONS: f64 = 1.96;
/// Reads what a signal has released below `root`.
pub(crate) async fn read(root: &Root, signal: &SignalDefinition, is_derived: bool) -> Result<SignalReport> {
    let released = match released(root, &signal.name.value).await? {
        Some(rows) => read_rows(rows).await?,
        None => None,
    };
    Ok(SignalReport {
        name: signal.name.value.clone(),
        version: signal.version.clone(),
        owner: signal.owner.clone(),
        description: signal.description.clone(),
        is_derived,
        released,
    })
}

/// What the rows say; none when there is no row.
async fn read_rows(rows: DataFrame) -> Result<Option<Released>> {
    let columns = Columns::of(rows.schema().as_arrow());
    let newest =
        if columns.has_windows { rows.clone().sort(vec![newest_first("window_start")])? } else { rows.clone() };
    let Some(row) = first(newest.limit(0, Some(1))?.collect().await?) else {
        return Ok(None);
    };
    let policy = policy(&row);
    let body = if columns.has_windows { read_windows(rows.clone(), &columns, &policy).await? } else { None };
    let body = match body {
        Some(windows) => Body::Windows(Box::new(windows)),
        None => Body::Rows(read_table(rows, &columns).await?),
    };
    Ok(Some(Released { version: text(&row, "signal_version"), policy, body }))
}

fn policy(row: &RecordBatch) -> Policy {
    let number = |name: &str| numbers(row.column_by_name(name)?).ok()?.first().copied().flatten();
    if let Some(mechanism) = text(row, "dp_mechanism") {
        return Policy::Noise {
            mechanism,
            epsilon: number("dp_epsilon").unwrap_or(f64::INFINITY),
            delta: number("dp_delta").unwrap_or(0.0),
            unit: text(row, "dp_unit").unwrap_or_default(),
            bounds: text(row, "dp_bounds").unwrap_or_default(),
        };
    }
    // The query may show a `k` of its own, before the version.
    let schema = row.schema();
    let version = schema.fields().iter().rposition(|field| field.name() == "signal_version").unwrap_or(0);
    let k = schema.fields().iter().skip(version).position(|field| field.name() == "k");
    let k = k.and_then(|k| numbers(row.column(version + k)).ok()?.first().copied().flatten());
    k.map_or(Policy::Open, |k| Policy::Threshold { k: k as i64 })
}

/// The newest windows; none when no row has one.
async fn read_windows(rows: DataFrame, columns: &Columns, policy: &Policy) -> Result<Option<Windows>> {
    let rows = rows.filter(ident("window_start").is_not_null())?;
    let starts = rows.clone().select(vec![ident("window_start")])?.distinct()?.count().await?;
    let (mut by, mut all, mut newest_end) = ("window_start", starts, None);
    if columns.has_window_end {
        let ends = rows.clone().select(vec![ident("window_end")])?.distinct()?.count().await?;
        if ends > starts {
            (by, all) = ("window_end", ends);
        }
        let end = rows.clone().aggregate(Vec::new(), vec![max(ident("window_end"))])?.collect().await?;
        newest_end = first(end).map(|end| instants(end.column(0))).transpose()?.and_then(|ends| ends[0]);
    }
    let newest = rows.clone().select(vec![ident(by)])?.distinct()?.sort(vec![newest_first(by)])?;
    let newest = newest.limit(0, Some(WINDOWS))?.collect().await?;
    let mut instants_of = Vec::new();
    for batch in &newest {
        instants_of.extend(instants(batch.column(0))?.into_iter().flatten());
    }
    instants_of.sort_unstable();
    let known = instants_of.clone();
    if !matches!(policy, Policy::Open) {
        instants_of = without_gaps(instants_of);
    }
    let Some(&oldest) = instants_of.first() else {
        return Ok(None);
    };
    let rows =
        rows.filter(ident(by).gt_eq(lit(ScalarValue::TimestampMicrosecond(Some(oldest), Some("UTC".into())))))?;
    let (groups, group_count) = read_groups(&rows, &columns.keys).await?;
    let rows = of_groups(rows, &columns.keys, &groups)?;
    let batches = in_order(rows, Some(by))?.limit(0, Some(4 * WINDOWS * GROUPS))?.collect().await?;
    let mut windows = Windows {
        by,
        released: known.iter().filter(|at| **at >= oldest).count(),
        count: all,
        newest_end,
        lengths_us: lengths(&batches)?,
        keys: columns.keys.clone(),
        groups: groups.iter().map(|values| label(values)).collect(),
        group_count,
        is_shown: vec![vec![false; instants_of.len()]; groups.len()],
        series: Vec::new(),
        verdicts: Vec::new(),
        undrawn: columns.undrawn.clone(),
        repeated: 0,
        table: table(&columns.own, &batches, WINDOWS * GROUPS)?,
        instants: instants_of,
    };
    windows.fill(columns, &groups, &batches)?;
    Ok(Some(windows))
}

/// The newest windows with those between them that show no group, where windows come at regular distances.
///
/// Sessions do not: of instants at which they could begin, most are free.
fn without_gaps(instants: Vec<i64>) -> Vec<i64> {
    let (Some(&first), Some(&last)) = (instants.first(), instants.last()) else { return instants };
    let distances = || instants.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let Some(stride) = distances().min().filter(|stride| *stride > 0) else { return instants };
    let count = last.saturating_sub(first) / stride + 1;
    let is_regular = distances().all(|distance| distance % stride == 0) && count <= 2 * instants.len() as i64;
    if !is_regular {
        return instants;
    }
    let skipped = (count - WINDOWS as i64).max(0);
    (skipped..count).map(|index| first + index * stride).collect()
}

/// The length of the shortest and of the longest window.
fn lengths(batches: &[RecordBatch]) -> Result<Option<(i64, i64)>> {
    let mut lengths: Option<(i64, i64)> = None;
    for batch in batches {
        let (Some(starts), Some(ends)) = (batch.column_by_name("window_start"), batch.column_by_name("window_end"))
        else {
            return Ok(None);
        };
        for bounds in instants(starts)?.into_iter().zip(instants(ends)?) {
            let (Some(start), Some(end)) = bounds else { continue };
            let length = end.saturating_sub(start);
            lengths = Some(lengths.map_or((length, length), |(low, high)| (low.min(length), high.max(length))));
        }
    }
    Ok(lengths)
}

/// The groups with most rows, ties in the order of their keys, then all of them in that order; and how many there are.
async fn read_groups(rows: &DataFrame, keys: &[String]) -> Result<(Vec<Vec<ScalarValue>>, usize)> {
    if keys.is_empty() {
        return Ok((vec![Vec::new()], 1));
    }
    let names = || keys.iter().map(ident).collect::<Vec<_>>();
    let all = rows.clone().aggregate(names(), Vec::new())?.count().await?;
    let ranked = rows.clone().aggregate(names(), vec![count(lit(1_i64)).alias("rows of the group")])?;
    let by_rank = std::iter::once(ident("rows of the group").sort(false, false)).chain(oldest_first(keys));
    let most = ranked.sort(by_rank.collect())?.limit(0, Some(GROUPS))?;
    let batches = most.sort(oldest_first(keys).collect())?.collect().await?;
    let mut groups = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            groups.push(values(batch, keys, row)?);
        }
    }
    Ok((groups, all))
}

/// Only the rows of some groups. A null is a value like others.
fn of_groups(rows: DataFrame, keys: &[String], groups: &[Vec<ScalarValue>]) -> Result<DataFrame> {
    let is_group = |values: &Vec<ScalarValue>| {
        let parts = keys.iter().zip(values);
        let is_value = |(key, value): (&String, &ScalarValue)| {
            binary_expr(ident(key), Operator::IsNotDistinctFrom, lit(value.clone()))
        };
        parts.map(is_value).reduce(Expr::and)
    };
    match groups.iter().filter_map(is_group).reduce(Expr::or) {
        Some(is_drawn) => Ok(rows.filter(is_drawn)?),
        None => Ok(rows),
    }
}

/// The newest window first, then by everything that has an order, so that the same rows come alike.
fn in_order(rows: DataFrame, by: Option<&str>) -> Result<DataFrame> {
    let fields = rows.schema().fields().iter().filter(|field| !field.data_type().is_nested());
    let others = fields.map(|field| field.name().clone()).filter(|name| by != Some(name)).collect::<Vec<_>>();
    Ok(rows.sort(by.map(newest_first).into_iter().chain(oldest_first(&others)).collect())?)
}

fn newest_first(column: &str) -> SortExpr {
    ident(column).sort(false, false)
}

fn oldest_first(columns: &[String]) -> impl Iterator<Item = SortExpr> {
    columns.iter().map(|column| ident(column).sort(true, true))
}

impl Windows {
    /// Puts what rows say into the cell of its group and window.
    fn fill(&mut self, columns: &Columns, groups: &[Vec<ScalarValue>], batches: &[RecordBatch]) -> Result<()> {
        let grid = || vec![vec![None; self.instants.len()]; groups.len()];
        let series = |column: &String, band| Series { column: column.clone(), band, points: grid() };
        let numbers = columns.numbers.iter().map(|(name, is_noised)| series(name, is_noised.then_some(Band::Noise)));
        let intervals = columns.intervals.iter().map(|(name, _)| series(name, Some(Band::Interval)));
        let mut drawn = numbers.chain(intervals).collect::<Vec<_>>();
        let judged = |column: &String| Verdicts {
            column: column.clone(),
            cells: vec![vec![None; self.instants.len()]; groups.len()],
        };
        let mut verdicts = columns.verdicts.iter().map(judged).collect::<Vec<_>>();
        let group_of = groups.iter().zip(0_usize..).collect::<HashMap<_, _>>();
        for batch in batches {
            let cells = self.cells_of(batch, &columns.keys, &group_of)?;
            let finals = batch.column_by_name("is_final").and_then(|column| column.as_boolean_opt());
            let is_final = |row: usize| finals.is_none_or(|finals| finals.is_null(row) || finals.value(row));
            for series in &mut drawn {
                let values = band_of(batch, &series.column, series.band, columns)?;
                for (row, group, window) in &cells {
                    let point = values[*row].map(|(value, band)| Point { value, band, is_final: is_final(*row) });
                    series.points[*group][*window] = point;
                }
            }
            for verdicts in &mut verdicts {
                let words = judgements(batch, &verdicts.column)?;
                for (row, group, window) in &cells {
                    verdicts.cells[*group][*window] = words[*row].clone();
                }
            }
        }
        (self.series, self.verdicts) = (drawn, verdicts);
        Ok(())
    }

    /// Row, group and window of each row that is the first of its group and window.
    fn cells_of(
        &mut self,
        batch: &RecordBatch,
        keys: &[String],
        group_of: &HashMap<&Vec<ScalarValue>, usize>,
    ) -> Result<Vec<(usize, usize, usize)>> {
        let mut cells = Vec::with_capacity(batch.num_rows());
        let instants = batch.column_by_name(self.by).map(instants).transpose()?.unwrap_or_default();
        for (row, instant) in instants.into_iter().enumerate() {
            let group = group_of.get(&values(batch, keys, row)?).copied();
            let window = instant.and_then(|instant| self.instants.binary_search(&instant).ok());
            let (Some(group), Some(window)) = (group, window) else { continue };
            if std::mem::replace(&mut self.is_shown[group][window], true) {
                self.repeated += 1;
            } else {
                cells.push((row, group, window));
            }
        }
        Ok(cells)
    }
}

/// A finite value, and the finite bounds of its band.
type Banded = Option<(f64, Option<(f64, f64)>)>;

/// The values of a column, row by row.
fn band_of(batch: &RecordBatch, column: &str, band: Option<Band>, columns: &Columns) -> Result<Vec<Banded>> {
    let Some(array) = batch.column_by_name(column) else { return Ok(vec![None; batch.num_rows()]) };
    let finite = |low: f64, high: f64| (low.is_finite() && high.is_finite()).then_some((low, high));
    if band == Some(Band::Interval) {
        let part = |name: &str| field(array, name).map(|part| numbers(&part)).transpose();
        let between =
            columns.intervals.iter().find(|(name, _)| name == column).and_then(|(_, between)| between.as_ref());
        let (low, high) = (part("low")?.unwrap_or_default(), part("high")?.unwrap_or_default());
        let between = between.map(|name| part(name)).transpose()?.flatten();
        let value = |row: usize| {
            let band = finite(low[row]?, high[row]?);
            let value = match &between {
                Some(between) => between[row]?,
                None => band.map(|(low, high)| low / 2.0 + high / 2.0)?,
            };
            value.is_finite().then_some((value, band))
        };
        return Ok((0..low.len().min(high.len())).map(value).collect());
    }
    let values = numbers(array)?;
    let deviations = batch.column_by_name(&deviation_of(column)).map(numbers).transpose()?;
    let value = |(row, value): (usize, Option<f64>)| {
        let value = value.filter(|value| value.is_finite())?;
        let deviation = deviations.as_ref().and_then(|deviations| deviations[row]);
        let half = deviation.map(|deviation| DEVIATIONS * deviation);
        Some((value, half.and_then(|half| finite(value - half, value + half))))
    };
    Ok(values.into_iter().enumerate().map(value).collect())
}

/// The verdicts of a column, row by row, and the numbers beside them: fields of the value, or columns.
fn judgements(batch: &RecordBatch, column: &str) -> Result<Vec<Option<Judged>>> {
    let Some(array) = batch.column_by_name(column) else { return Ok(vec![None; batch.num_rows()]) };
    let part = |name: &str| match array.as_struct_opt() {
        Some(_) => field(array, name),
        None => batch.column_by_name(name).filter(|column| column.data_type().is_numeric()).cloned(),
    };
    let words = field(array, "verdict").unwrap_or_else(|| ArrayRef::clone(array));
    let words = cast(&words, &DataType::Utf8)?;
    let words = words.as_string::<i32>();
    let mut beside = Vec::new();
    for name in ["psi", "threshold", "p"] {
        if let Some(values) = part(name) {
            beside.push((name, numbers(&values)?));
        }
    }
    let judged = |(row, word): (usize, Option<&str>)| {
        let word = word?;
        let said = beside.iter().filter_map(|(name, values)| Some(format!(", {name} {}", scale::amount(values[row]?))));
        let said = std::iter::once(shortened(word, 40)).chain(said).collect();
        Some(Judged { verdict: Verdict::of(word), said })
    };
    Ok(words.iter().enumerate().map(judged).collect())
}

/// At most [`ROWS`] rows of a signal without windows.
async fn read_table(rows: DataFrame, columns: &Columns) -> Result<Table> {
    let count = rows.clone().count().await?;
    let batches = in_order(rows, None)?.limit(0, Some(ROWS))?.collect().await?;
    Ok(Table { count, ..table(&columns.own, &batches, ROWS)? })
}

fn values(batch: &RecordBatch, columns: &[String], row: usize) -> Result<Vec<ScalarValue>> {
    let columns = columns.iter().filter_map(|column| batch.column_by_name(column));
    Ok(columns.map(|column| ScalarValue::try_from_array(column, row)).collect::<Result<_, DataFusionError>>()?)
}

/// The first batch with a row.
fn first(batches: Vec<RecordBatch>) -> Option<RecordBatch> {
    batches.into_iter().find(|batch| batch.num_rows() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_regular_windows_are_windows() {
        let check = |instants: &[i64], expected: &[i64]| assert_eq!(without_gaps(instants.to_vec()), expected);
        check(&[0, 10, 30, 40], &[0, 10, 20, 30, 40]);
        check(&[0, 10, 15, 25], &[0, 5, 10, 15, 20, 25]);
        check(&[0, 10, 17, 40], &[0, 10, 17, 40]);
        check(&[0, 1, 500], &[0, 1, 500]);
        check(&[7], &[7]);
        check(&[], &[]);
        let long = (0..300).filter(|at| at % 3 > 0).collect::<Vec<_>>();
        let drawn = without_gaps(long);
        assert_eq!((drawn.len(), drawn[0], drawn[199]), (200, 100, 299));
    }
}

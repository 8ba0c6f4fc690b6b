//! Does one unit change what is noised by no more than was declared, however its rows come?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::col;
use proptest::prelude::*;
use tidegate_privacy::{Grant, Mechanism};

use super::*;
use crate::{Closed, Cut, Panes, PartialState, Release, StreamTable, UnitKey, Windows, session};

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
const MAX_GROUPS: u32 = 3;

/// Statistics of every kind, with the reach of each of their numbers.
const MEASURES: &str = "dp_count(1, 0, 2, 0), dp_sum(x, -5, 40, 0), dp_avg(y, 0, 10, 0), dp_var_pop(y, -1, 4, 0), dp_units(u, 0), dp_histogram(y, 0, 8, 0, 4), dp_percentile(y, 0, 8, 0, 0.5), dp_bounds_count(1, 0), dp_bounds_sum(x, 0), dp_bounds_avg(y, 0)";

#[derive(Debug, Clone)]
struct Row {
    at_us: i64,
    unit: Option<u8>,
    key: u8,
    x: Option<i64>,
    y: Option<f64>,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let y = prop_oneof![4 => (-20.0..20.0).prop_map(Some), 1 => Just(Some(f64::NAN)), 1 => Just(Some(f64::INFINITY)), 1 => Just(None)];
    let x = prop_oneof![5 => (-100_i64..100).prop_map(Some), 1 => Just(Some(i64::MAX)), 1 => Just(None)];
    let row = (0..2 * DAY_US, prop_oneof![9 => (0..6_u8).prop_map(Some), 1 => Just(None)], 0..4_u8, x, y)
        .prop_map(|(at_us, unit, key, x, y)| Row { at_us, unit, key, x, y });
    prop::collection::vec(row, 1..60)
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("u", DataType::Utf8, true),
        Field::new("k", DataType::Utf8, false),
        Field::new("x", DataType::Int64, true),
        Field::new("y", DataType::Float64, true),
    ]))
}

fn batch(rows: &[&Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.at_us)).with_timezone("UTC")),
        Arc::new(rows.iter().map(|row| row.unit.map(|unit| format!("u{unit}"))).collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| format!("k{}", row.key)))),
        Arc::new(rows.iter().map(|row| row.x).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.y).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn spec(plan: &LogicalPlan, min_units: Option<u32>) -> (datafusion::logical_expr::Aggregate, PrivateSpec) {
    let aggregate = match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.clone(),
        other => return spec(other.inputs()[0], min_units),
    };
    let measure = |call| MeasureSpec::of(call, aggregate.input.schema()).unwrap().unwrap();
    let spec = PrivateSpec {
        unit: col("u"),
        key: UnitKey::new([7; 16]),
        epsilon: 1.0,
        delta: 1e-6,
        selection_epsilon: None,
        max_groups: MAX_GROUPS,
        max_days: None,
        min_units,
        mechanism: Mechanism::Laplace,
        public: None,
        measures: aggregate.aggr_expr.iter().map(measure).collect(),
    };
    (aggregate, spec)
}

async fn planned(sql: &str, windows: Windows, min_units: Option<u32>) -> Cut {
    let session = session();
    for function in measure_functions() {
        session.register_udaf(function);
    }
    session.register_table("t", Arc::new(StreamTable::new("t", schema()))).unwrap();
    let plan = session.state().create_logical_plan(sql).await.unwrap();
    let (aggregate, spec) = spec(&plan, min_units);
    let barred = Release::private(aggregate, Arc::new(spec), Some(windows)).unwrap();
    Cut::plan(&session, &barred).await.unwrap()
}

async fn hourly() -> Cut {
    in_hours(Windows::tumble(HOUR_US), MEASURES, Some(1)).await
}

/// `measures` by windows whose panes are hours, and `k`.
async fn in_hours(windows: Windows, measures: &str, min_units: Option<u32>) -> Cut {
    let sql = format!(
        "SELECT window_start, k, {measures} FROM (SELECT *, arrow_cast(date_bin(INTERVAL '1 hour', at), 'Timestamp(Microsecond, Some(\"UTC\"))') AS window_start FROM t)
         GROUP BY window_start, k"
    );
    planned(&sql, windows, min_units).await
}

async fn states(cut: &Cut, rows: &[&Row], cuts: &[usize]) -> Vec<PartialState> {
    let side = cut.side("t").unwrap();
    let mut states = Vec::new();
    let mut from = 0;
    for to in cuts.iter().map(|cut| cut % (rows.len() + 1)).collect::<BTreeSet<_>>().into_iter().chain([rows.len()]) {
        let piece = batch(&rows[from..to]);
        states.push(side.partial(&schema(), &[vec![piece]]).await.unwrap().state);
        from = to;
    }
    states
}

fn closed(until_us: i64) -> Panes {
    let closed = Closed { watermark_us: Some(until_us), sealed_us: None };
    Panes { closed, days: Some((0..3).collect()), ..Panes::default() }
}

/// The integers of each group, by the day of its window: number of units, then the coordinates of each noised number.
type Vector = BTreeMap<(i32, String), Vec<Vec<i64>>>;

fn vector(cut: &Cut, bounded: Bounded, panes: &Panes, before: Closed) -> Vector {
    let spec = cut.private_spec().unwrap();
    let (keys, exact) = cut.exact(bounded, spec, panes, before).unwrap();
    let starts = keys[0].as_primitive::<TimestampMicrosecondType>();
    let names = datafusion::arrow::compute::cast(&keys[1], &DataType::Utf8).unwrap();
    let group = |at: usize| {
        let start = starts.value(at);
        let width = |column: &Vec<i64>| column.len() / exact.units.len();
        let of_group = |column: &Vec<i64>| column[at * width(column)..(at + 1) * width(column)].to_vec();
        let numbers = std::iter::once(vec![exact.units[at]]).chain(exact.measures.iter().map(of_group));
        (((start / DAY_US) as i32, format!("{start} {}", names.as_string::<i32>().value(at))), numbers.collect())
    };
    (0..exact.units.len()).map(group).collect()
}

/// What is noised when windows close hour by hour, or at once; in parts of units, or whole.
async fn noised(cut: &Cut, rows: &[&Row], cuts: &[usize], steps: &[i64], parts: usize) -> Vector {
    let mut all = Vector::new();
    let mut before = Closed::default();
    let side = cut.side("t").unwrap();
    for &step in steps.iter().chain(&[3 * DAY_US]) {
        let panes = closed(step);
        let states = states(cut, rows, cuts).await;
        let mut bounded = Bounded::default();
        for part in side.layout().parts(parts) {
            let part = states.iter().map(|state| side.layout().part_of(state, part).unwrap()).collect();
            bounded.add(cut.bound(part, &panes, before).await.unwrap());
        }
        for (group, numbers) in vector(cut, bounded, &panes, before) {
            assert!(all.insert(group, numbers).is_none(), "a window is noised once");
        }
        before = panes.closed;
    }
    all
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Requirement 1: without any one unit the integers of a day change in at most `max_groups` groups, each number by
    /// at most its reach, and those of other units not at all.
    #[test]
    fn one_unit_changes_no_more_than_was_declared(rows in rows(), cuts in prop::collection::vec(0..60_usize, 0..4)) {
        let cut = block_on(hourly());
        // By how much a unit may change the coordinates of a number in one group, all together. In a tree over 256 cells
        // with 16 children each it counts in three levels.
        let reaches = cut.private_spec().unwrap().measures.iter().flat_map(|measure| {
            let (numbers, levels) = (measure.statistic.numbers(true), if measure.statistic == Statistic::Quantile { 3 } else { 1 });
            measure.scales().into_iter().take(numbers).map(|scale| levels * scale.reach() as i64).collect::<Vec<_>>()
        });
        let reaches = std::iter::once(1).chain(reaches).collect::<Vec<_>>();
        let all = rows.iter().collect::<Vec<_>>();
        let whole = block_on(noised(&cut, &all, &cuts, &[], 1));
        for unit in 0..6 {
            let others = rows.iter().filter(|row| row.unit != Some(unit)).collect::<Vec<_>>();
            let without = block_on(noised(&cut, &others, &cuts, &[], 1));
            let mut changed = BTreeMap::<i32, u32>::new();
            for group in whole.keys().chain(without.keys()).collect::<BTreeSet<_>>() {
                let nothing = whole.get(group).or(without.get(group)).unwrap();
                let nothing = nothing.iter().map(|numbers| vec![0; numbers.len()]).collect::<Vec<_>>();
                let (with, without) = (whole.get(group).unwrap_or(&nothing), without.get(group).unwrap_or(&nothing));
                if with == without {
                    continue;
                }
                *changed.entry(group.0).or_default() += 1;
                for ((with, without), reach) in with.iter().zip(without).zip(&reaches) {
                    let moved = with.iter().zip(without).map(|(with, without)| (with - without).abs()).sum::<i64>();
                    prop_assert!(moved <= *reach, "{group:?}: {with:?} and {without:?}, reach {reach}");
                }
            }
            prop_assert!(changed.values().all(|&groups| groups <= MAX_GROUPS), "{changed:?}");
        }
    }

    /// Requirements 2 and 4: the same integers whatever the order of rows, the cuts between states, the parts in which
    /// they are gone through, and the steps in which windows close.
    #[test]
    fn the_same_rows_are_bounded_to_the_same_integers(
        rows in rows(),
        order in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(0..60_usize, 0..5),
        steps in prop::collection::btree_set(0..2 * DAY_US, 0..5),
        parts in prop::sample::select(vec![1_usize, 4, 16]),
    ) {
        let cut = block_on(hourly());
        let all = rows.iter().collect::<Vec<_>>();
        let whole = block_on(noised(&cut, &all, &[], &[], 1));
        let mut turned = all.clone();
        turned.rotate_left(order.index(all.len()));
        turned.reverse();
        let steps = steps.into_iter().collect::<Vec<_>>();
        let pieces = block_on(noised(&cut, &turned, &cuts, &steps, parts));
        prop_assert_eq!(whole, pieces);
    }
}

/// Requirement 5: a unit that is in every window of a day is in the first of them alone.
#[tokio::test]
async fn a_unit_in_every_window_pays_once() {
    let cut = hourly().await;
    let row = |hour: i64| Row { at_us: hour * HOUR_US, unit: Some(1), key: 0, x: Some(1), y: Some(1.0) };
    let rows = (0..48).map(row).collect::<Vec<_>>();
    let steps = (1..48).map(|hour| hour * HOUR_US).collect::<Vec<_>>();
    let shown = noised(&cut, &rows.iter().collect::<Vec<_>>(), &[], &steps, 1).await;
    let hours = shown.keys().map(|(_, group)| group.split(' ').next().unwrap().parse::<i64>().unwrap() / HOUR_US);
    assert_eq!(hours.collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 24, 25, 26]));
}

/// Requirement 6: a window of several panes is the sum of what was drawn for each, whichever windows share them.
#[tokio::test]
async fn windows_that_overlap_are_sums_of_the_same_panes() {
    let row = |hour: i64| Row { at_us: hour * HOUR_US, unit: Some((hour % 5) as u8), key: 0, x: Some(1), y: Some(1.0) };
    let rows = (0..9).map(row).collect::<Vec<_>>();
    let rows = rows.iter().collect::<Vec<_>>();
    for windows in [
        Windows::Hop { slide_us: HOUR_US, size_us: 3 * HOUR_US },
        Windows::Cumulate { step_us: HOUR_US, size_us: 6 * HOUR_US },
    ] {
        let cut = in_hours(windows, "dp_count(1, 0, 2, 0), dp_avg(y, 0, 10, 0)", Some(1)).await;
        let panes = closed(9 * HOUR_US);
        let bounded = cut.bound(states(&cut, &rows, &[]).await, &panes, Closed::default()).await.unwrap();
        let grant = Grant::paid(cut.calibration().unwrap().unwrap().cost());
        let drawn = cut.draw(bounded, &panes, Closed::default(), grant).unwrap();
        let mut expected = BTreeMap::<i64, (i64, i64)>::new();
        for batch in &drawn.batches {
            let panes = batch.column(0).as_primitive::<TimestampMicrosecondType>();
            let counts = batch.column_by_name("noised0").unwrap().as_primitive::<Int64Type>();
            for (pane, count) in panes.values().iter().zip(counts.values()) {
                for (start, end) in windows.of_pane(*pane).into_iter().filter(|(_, end)| *end <= 9 * HOUR_US) {
                    let (sum, panes) = expected.entry(windows.key_of(start, end)).or_default();
                    (*sum, *panes) = (*sum + count, *panes + 1);
                }
            }
        }
        let stddev = cut.calibration().unwrap().unwrap().stddev(0);
        let every = Panes { stands: true, days: None, ..panes };
        let shown = cut.release(vec![drawn], &every).await.unwrap();
        assert!(shown.pending.values().all(|&next| next > 9 * HOUR_US), "{:?}", shown.pending);
        let column = |at: usize| shown.rows.column(at);
        let numbers = |at: usize| column(at).as_primitive::<Int64Type>().values().to_vec();
        let (sums, panes) = (numbers(2), numbers(6));
        let keys = column(0).as_primitive::<TimestampMicrosecondType>().values().iter();
        let found =
            keys.zip(sums.into_iter().zip(panes.clone())).map(|(&key, sum)| (key, sum)).collect::<BTreeMap<_, _>>();
        assert_eq!(found, expected, "{windows}");
        let deviations = column(4).as_primitive::<datafusion::arrow::datatypes::Float64Type>();
        for (deviation, panes) in deviations.values().iter().zip(panes) {
            assert!((deviation - stddev * (panes as f64).sqrt()).abs() < 1e-9);
        }
    }
}

/// Windows whose panes lie on no grid of their own are not noised, nor are sessions.
#[test]
fn panes_are_windows_where_they_lie_on_a_grid() {
    let hop = |slide, size| Windows::Hop { slide_us: slide * DAY_US, size_us: size * DAY_US }.panes();
    assert_eq!(hop(1, 7), Some(Windows::tumble(DAY_US)));
    assert_eq!(hop(7, 28), Some(Windows::tumble(7 * DAY_US)));
    assert_eq!(hop(21, 24), None, "three weeks begin on Mondays, three days do not");
    assert_eq!(Windows::Session { gap_us: HOUR_US }.panes(), None);
}

/// Where an epoch is paid for, a unit is in its first days of it, and in its first groups of each.
#[tokio::test]
async fn a_unit_in_every_window_of_an_epoch_pays_once() {
    let session = session();
    for function in measure_functions() {
        session.register_udaf(function);
    }
    session.register_table("t", Arc::new(StreamTable::new("t", schema()))).unwrap();
    let sql = "SELECT window_start, k, dp_count(1, 0, 2, 0) FROM (SELECT *, arrow_cast(date_bin(INTERVAL '1 hour', at), 'Timestamp(Microsecond, Some(\"UTC\"))') AS window_start FROM t) GROUP BY window_start, k";
    let (aggregate, mut spec) = spec(&session.state().create_logical_plan(sql).await.unwrap(), Some(1));
    spec.max_days = Some(2);
    let groups = spec.calibration().unwrap().cost();
    assert_eq!(
        groups,
        PrivateSpec { max_groups: 2 * MAX_GROUPS, max_days: None, ..spec.clone() }.calibration().unwrap().cost()
    );
    let barred = Release::private(aggregate, Arc::new(spec), Some(Windows::tumble(HOUR_US))).unwrap();
    let cut = Cut::plan(&session, &barred).await.unwrap();
    let row = |hour: i64| Row { at_us: hour * HOUR_US, unit: Some(1), key: 0, x: Some(1), y: Some(1.0) };
    let rows = (5..40 * 24).map(row).collect::<Vec<_>>();
    let rows = rows.iter().collect::<Vec<_>>();
    let panes = Panes { days: Some((0..40).collect()), ..closed(40 * DAY_US) };
    let bounded = cut.bound(states(&cut, &rows, &[200, 500]).await, &panes, Closed::default()).await.unwrap();
    let shown = vector(&cut, bounded, &panes, Closed::default());
    let hours = shown.keys().map(|(_, group)| group.split(' ').next().unwrap().parse::<i64>().unwrap() / HOUR_US);
    let of_day = |day: i64| [0, 1, 2].map(|hour| day * 24 + hour);
    let expected = [[5, 6, 7], of_day(1), of_day(28), of_day(29)].concat();
    assert_eq!(hours.collect::<BTreeSet<_>>(), expected.into_iter().collect());
}

/// Requirement 10: what fails on a row is null there, and says nothing.
#[tokio::test]
async fn a_row_that_fails_is_null() {
    let sql = "SELECT window_start, k, dp_sum(100 / x, 0, 100, 0), dp_sum(x * 4, 0, 9000, 0), dp_count(CAST(k AS BIGINT), 0, 5, 0)
      FROM (SELECT *, arrow_cast(date_bin(INTERVAL '1 hour', at), 'Timestamp(Microsecond, Some(\"UTC\"))') AS window_start FROM t) WHERE 10 / x > 0 OR true GROUP BY window_start, k";
    let cut = planned(sql, Windows::tumble(HOUR_US), Some(1)).await;
    let row = |unit, x| Row { at_us: 0, unit: Some(unit), key: 0, x: Some(x), y: None };
    let rows = [row(1, 0), row(2, 5), row(3, i64::MAX)];
    let shown = noised(&cut, &rows.iter().collect::<Vec<_>>(), &[], &[], 1).await;
    assert_eq!(shown.into_values().collect::<Vec<_>>(), [[[3], [20], [20], [0]]]);
}

/// Nothing is drawn for less than its price.
#[tokio::test]
async fn a_grant_pays_for_it_or_nothing_is_drawn() {
    let cut = hourly().await;
    let panes = closed(3 * DAY_US);
    let bounded = cut.bound(Vec::new(), &panes, Closed::default()).await.unwrap();
    let mut cost = cut.calibration().unwrap().unwrap().cost();
    cost.rho_nano -= 1;
    assert!(cut.draw(bounded, &panes, Closed::default(), Grant::paid(cost)).is_err());
}

/// Real people: without noise, bounded counts and sums are those of plain SQL, by year and by year, sex and race. Skipped
/// where the data is absent.
#[tokio::test]
async fn census_counts_and_sums_are_exact_before_noise() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("TIDEGATE_REAL_DATA").map_or(repository, Into::into).join("census_ma_employment");
    if !folder.is_dir() {
        eprintln!("skipped: no real telemetry at {}", folder.display());
        return;
    }
    let people = crate::query_session();
    for table in ["predictions", "labels"] {
        let path = folder.join(format!("{table}.parquet"));
        people.register_parquet(table, path.to_str().unwrap(), Default::default()).await.unwrap();
    }
    let joined = "SELECT arrow_cast(year, 'Utf8') AS year, arrow_cast(\"SEX\", 'Utf8') AS sex, arrow_cast(\"RAC1P\", 'Utf8') AS race,
      \"AGEP\" AS age, employed, p.id FROM predictions AS p JOIN labels USING (id)";
    let rows = people.sql(joined).await.unwrap().collect().await.unwrap();
    let schema = rows[0].schema();
    people.register_batch("people", datafusion::arrow::compute::concat_batches(&schema, &rows).unwrap()).unwrap();
    for keys in ["year", "year, sex, race"] {
        let truth = format!(
            "SELECT concat_ws(' ', {keys}) AS who, count(*) AS n, sum(least(greatest(age, 0), 100)) AS age, sum(employed) AS employed
             FROM people GROUP BY {keys}"
        );
        let truth = people.sql(&truth).await.unwrap().collect().await.unwrap();
        let truth = truth.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
        let number = |batch: &RecordBatch, column: usize, row: usize| {
            let column = datafusion::arrow::compute::cast(batch.column(column), &DataType::Float64).unwrap();
            column.as_primitive::<datafusion::arrow::datatypes::Float64Type>().value(row)
        };
        let truth = truth.map(|(batch, row)| {
            let who = datafusion::arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
            (who.as_string::<i32>().value(row).to_owned(), [1, 2, 3].map(|column| number(batch, column, row)))
        });
        let truth = truth.collect::<BTreeMap<_, _>>();

        let session = session();
        for function in measure_functions() {
            session.register_udaf(function);
        }
        session.register_table("t", Arc::new(StreamTable::new("t", Arc::clone(&schema)))).unwrap();
        let sql = format!(
            "SELECT {keys}, dp_count(1, 0, 1, 0), dp_sum(age, 0, 100, 0), dp_sum(employed, 0, 1, 0) FROM t GROUP BY {keys}"
        );
        let (aggregate, mut spec) = spec(&session.state().create_logical_plan(&sql).await.unwrap(), Some(1));
        spec.unit = col("id");
        spec.max_groups = 1;
        let cut = Cut::plan(&session, &Release::private(aggregate, Arc::new(spec), None).unwrap()).await.unwrap();
        let side = cut.side("t").unwrap();
        let state = side.partial(&schema, std::slice::from_ref(&rows)).await.unwrap().state;
        let panes = Panes::default();
        let bounded = cut.bound(vec![state], &panes, Closed::default()).await.unwrap();
        let spec = cut.private_spec().unwrap();
        let (columns, exact) = cut.exact(bounded, spec, &panes, Closed::default()).unwrap();
        let age = spec.measures[1].scales()[0].step;
        let shown = (0..exact.units.len()).map(|group| {
            let who = columns.iter().map(|column| column.as_string::<i32>().value(group)).collect::<Vec<_>>().join(" ");
            let numbers =
                [&exact.measures[0], &exact.measures[1], &exact.measures[2]].map(|column| column[group] as f64);
            (who, [numbers[0], numbers[1] * age, numbers[2]])
        });
        assert_eq!(shown.collect::<BTreeMap<_, _>>(), truth);
    }
}

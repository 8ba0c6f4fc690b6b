//! Which plans can be cut, and does the optimizer leave them their meaning?

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use tidegate_algebra::{Cut, Error, Panes, Release, StreamTable, Windows, session};

use crate::rows::{self, WINDOW_US};
use crate::run::{block_on, cut_in};

fn plain() -> SchemaRef {
    let field = |name, nullable| Field::new(name, DataType::Int64, nullable);
    Arc::new(Schema::new(vec![field("i", false), field("j", true), field("k", true)]))
}

fn try_cut(sql: &str) -> Result<Cut, Error> {
    block_on(cut_in(&session(), plain(), sql, None, None))
}

fn integers(columns: [Vec<Option<i64>>; 3]) -> RecordBatch {
    let columns = columns.into_iter().map(|column| Arc::new(Int64Array::from(column)) as _).collect();
    RecordBatch::try_new(plain(), columns).unwrap()
}

/// The first column that `sql` releases from two micro-batches, in ascending order, and how many rows
/// it says it aggregated.
fn released(sql: &str) -> (Vec<i64>, u64) {
    let cut = try_cut(sql).unwrap();
    let first = integers([vec![Some(1), Some(2)], vec![Some(10), None], vec![Some(1), None]]);
    let second = integers([vec![Some(3), Some(0)], vec![None, Some(-5)], vec![Some(1), Some(1)]]);
    block_on(async {
        let (mut states, mut rows) = (Vec::new(), 0);
        for batch in [first, second] {
            let partial = cut.partial(&plain(), &[vec![batch]]).await.unwrap();
            rows += partial.rows_aggregated;
            states.push(partial.state);
        }
        let released = cut.release(states, &Panes::default()).await.unwrap().sorted_by(&[0]).unwrap();
        (released.column(0).as_primitive::<Int64Type>().values().to_vec(), rows)
    })
}

#[test]
fn filters_hold_however_the_optimizer_writes_them() {
    assert_eq!(released("SELECT count(*) FROM t"), (vec![4], 4));
    assert_eq!(released("SELECT count(*) FROM t WHERE i > 1"), (vec![2], 2));
    assert_eq!(released("SELECT count(*) FROM t WHERE 1 = 1"), (vec![4], 4));
    // Nothing is left of these filters but an empty relation.
    assert_eq!(released("SELECT count(*) FROM t WHERE 1 = 2"), (vec![0], 0));
    assert_eq!(released("SELECT count(*) FROM t WHERE i IS NULL"), (vec![0], 0));
    assert_eq!(released("SELECT k, count(*) FROM t WHERE i IS NULL GROUP BY k"), (vec![], 0));
}

#[test]
fn a_batch_does_not_narrow_the_next() {
    // DataFusion feeds running bounds of MIN and MAX back into the scan of the plan that runs.
    assert_eq!(released("SELECT min(i) FROM t WHERE k IS NOT NULL"), (vec![0], 3));
    assert_eq!(released("SELECT max(i) FROM t"), (vec![3], 4));
    assert_eq!(released("SELECT min(j) FROM t"), (vec![-5], 4));
}

#[test]
fn constant_and_repeated_keys_are_kept() {
    assert_eq!(released("SELECT count(*) FROM t GROUP BY 'all'"), (vec![4], 4));
    assert_eq!(released("SELECT sum(i) FROM t GROUP BY k, k + 0, 'one'"), (vec![2, 4], 4));
    assert_eq!(released("SELECT count(*) + count(i) FROM t GROUP BY k HAVING sum(i) > 2"), (vec![6], 4));
}

#[test]
fn exactly_one_aggregation_can_be_cut() {
    let found = |sql: &str| match try_cut(sql) {
        Err(Error::NotOneAggregate { found }) => found,
        other => panic!("{sql}: {other:?}"),
    };
    assert_eq!(found("SELECT i FROM t"), 0);
    assert_eq!(found("SELECT count(*) FROM (SELECT DISTINCT k FROM t)"), 2);
    assert_eq!(found("SELECT sum(n) FROM (SELECT k, count(*) AS n FROM t GROUP BY k)"), 2);
    assert_eq!(found("SELECT a.n FROM (SELECT count(*) AS n FROM t) a, (SELECT sum(i) FROM t) b"), 2);
}

#[test]
fn rows_pass_as_they_are() {
    let released = |sql: &str, days: Option<BTreeSet<i32>>| {
        block_on(async {
            let session = session();
            session.register_table("t", Arc::new(StreamTable::new("t", plain())))?;
            let query = session.state().create_logical_plan(sql).await?;
            let cut = Cut::plan(&session, &Release::of_rows(query, Some(0))).await?;
            assert!(cut.keeps_rows());
            let batch = integers([vec![Some(1), Some(2), Some(3)], vec![Some(30), None, Some(10)], vec![None; 3]]);
            let one = cut.partial(&plain(), &[vec![batch.slice(0, 1)], vec![batch.slice(2, 1)]]).await?;
            let two = cut.partial(&plain(), &[vec![batch.slice(1, 1)]]).await?;
            assert_eq!(one.rows_aggregated + two.rows_aggregated, one.state.rows() as u64 + two.state.rows() as u64);
            let found = one.days.union(&two.days).copied().collect::<Vec<_>>();
            let state = cut
                .merge(vec![two.state, cut.layout().decode(&cut.layout().encode(&one.state)?)?, cut.layout().empty()])
                .await?;
            let panes = Panes { days, ..Panes::default() };
            let rows = cut.release(vec![state], &panes).await?.sorted_by(&[0, 1])?;
            Ok::<_, Error>((found, rows.column(1).as_primitive::<Int64Type>().iter().collect::<Vec<_>>()))
        })
    };
    let by_day = "SELECT to_timestamp_micros(i / 3 * 86400000000) AS at, i * 2 AS n FROM t";
    assert_eq!(released(by_day, None).unwrap(), (vec![0, 1], vec![Some(2), Some(4), Some(6)]));
    assert_eq!(released(by_day, Some(BTreeSet::from([1]))).unwrap().1, [Some(6)]);
    let filtered = "SELECT to_timestamp_micros(i * 0) AS at, j FROM t WHERE j IS NULL OR j > 10";
    assert_eq!(released(filtered, None).unwrap(), (vec![0], vec![None, Some(30)]));
    let grouped = released("SELECT to_timestamp_micros(max(i)) AS at, 1 AS n FROM t", None);
    assert!(matches!(grouped, Err(Error::NotOneAggregate { found: 1 })), "{grouped:?}");
}

#[test]
fn a_batch_without_a_needed_column_is_refused() {
    let cut = try_cut("SELECT k, sum(j) FROM t GROUP BY k").unwrap();
    let narrow = Arc::new(plain().project(&[2]).unwrap());
    let error = block_on(cut.partial(&narrow, &[])).unwrap_err();
    assert!(matches!(&error, Error::BatchSchema { column, .. } if column == "j"), "{error}");
    let retyped =
        Arc::new(Schema::new(vec![Field::new("j", DataType::Utf8, true), Field::new("k", DataType::Int64, true)]));
    let error = block_on(cut.partial(&retyped, &[])).unwrap_err();
    assert!(matches!(&error, Error::BatchSchema { column, .. } if column == "j"), "{error}");
}

#[test]
fn windows_need_a_key_by_which_they_close() {
    let try_with = |windows, sql| block_on(cut_in(&session(), rows::schema(), sql, None, Some(windows)));
    let try_windows = |sql| try_with(Windows::tumble(WINDOW_US), sql);
    assert!(try_windows("SELECT window_start, count(*) FROM t GROUP BY window_start").is_ok());
    let start_only = "SELECT window_start, count(*) FROM t GROUP BY window_start";
    assert!(try_with(Windows::Session { gap_us: 1 }, start_only).is_err());
    assert!(try_windows("SELECT count(*) FROM t GROUP BY k").is_err());
    assert!(try_windows("SELECT count(*) FROM (SELECT i AS window_start FROM t) GROUP BY window_start").is_err());
}

#[test]
fn state_columns_say_what_they_stand_for() {
    let cut = try_cut("SELECT k, sum(i), count(*) FROM t GROUP BY k").unwrap();
    let names = cut.state_columns().into_iter().map(|column| column.name).collect::<Vec<_>>();
    assert_eq!(names, ["key0", "agg0_0", "agg0_1", "agg1_0"]);
    assert_eq!(cut.state_columns()[0].meaning, "k");
    assert_eq!(cut.source_columns("t").unwrap(), ["i", "k"]);
    assert_eq!(cut.output_schema().fields().len(), 3);
    assert!(cut.output_schema().field(1).data_type() == &DataType::Int64);
}

//! Sketches through every way in which an engine may drive them, and in SQL.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringViewArray,
};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use proptest::prelude::*;
use tidegate_sketch::{DdSketch, Freq, Hll, Profile};

use super::super::check::{Input, every_way, one_group};
use super::groups::Groups;
use super::source::{Categories, Column, Distinct, Kept, Numbers, Sketch, Source};
use super::tally::Tallied;
use crate::query_session;

/// The sketches of three groups, the last without rows; the third row is filtered out.
fn check<F: Source>(source: &F, values: ArrayRef) -> Vec<Option<F::Sketch>> {
    let filter = BooleanArray::from(vec![Some(true), Some(true), None, Some(true), Some(true)]);
    let input = Input { values, groups: &[0, 1, 0, 0, 1], filter: Some(&filter), total_groups: 3 };
    let found = every_way(|| Groups::new(source.clone()), &input).unwrap();
    found.as_binary::<i32>().iter().map(|bytes| bytes.map(|bytes| F::Sketch::from_bytes(bytes).unwrap())).collect()
}

fn sketch_of(values: &[Option<f64>]) -> DdSketch {
    let mut sketch = DdSketch::default();
    for value in values {
        match value {
            Some(x) => sketch.add(*x),
            None => sketch.add_null(),
        }
    }
    sketch
}

#[test]
fn groups_filters_and_nulls_are_kept_apart() {
    let values = [Some(1.5), None, Some(99.0), Some(f64::NAN), Some(-2.0)];
    let found = check(&Numbers(DdSketch::default()), Arc::new(values.into_iter().collect::<Float64Array>()));
    let expected = [&[values[0], values[3]][..], &[None, Some(-2.0)], &[]].map(|values| Some(sketch_of(values)));
    assert_eq!(found, expected);

    let texts = [Some("a"), None, Some("b"), Some("a"), Some("c")];
    let found = check(&Categories(Freq::default()), Arc::new(texts.into_iter().collect::<StringViewArray>()));
    let tops = found.iter().flatten().map(|freq| (freq.top(9), freq.nulls())).collect::<Vec<_>>();
    assert_eq!(tops, [(vec![("a", 2)], 0), (vec![("c", 1)], 1), (vec![], 0)]);
    let categories = Arc::new(texts.into_iter().collect::<StringViewArray>());
    let input = Input { values: categories, groups: &[0, 1, 0, 0, 1], filter: None, total_groups: 3 };
    every_way(|| Tallied::new(Groups::new(Categories(Freq::default()))), &input).unwrap();

    let integers = Arc::new(Int64Array::from(vec![Some(7), None, Some(8), Some(7), Some(9)]));
    let found = check(&Distinct(Hll::default()), integers);
    assert_eq!(found.iter().flatten().map(|hll| hll.estimate().round()).collect::<Vec<_>>(), [1.0, 1.0, 0.0]);

    let found = check(&Column { numbers: true }, Arc::new(values.into_iter().collect::<Float64Array>()));
    let facts = found.iter().flatten().map(|profile| (profile.rows(), profile.nulls())).collect::<Vec<_>>();
    assert_eq!(facts, [(2, 0), (2, 1), (0, 0)]);
}

proptest! {
    /// Whether the table has room for all, for some, or is given up soon.
    #[test]
    fn a_table_for_all_groups_counts_as_a_sketch_for_each(
        rows in prop::collection::vec((0_usize..5, prop::option::of(0_u8..9), prop::option::of(any::<bool>())), 1..60),
        room in 0_usize..50,
        batch in 1_usize..20,
    ) {
        // Some texts are too long for a view to hold.
        let text = |category: u8| "long ".repeat(category.into()) + &category.to_string();
        let mut tallied = Tallied::with_room(Groups::new(Categories(Freq::default())), room);
        let mut plain = Groups::new(Categories(Freq::default()));
        for rows in rows.chunks(batch) {
            let values = rows.iter().map(|row| row.1.map(text)).collect::<StringViewArray>();
            let groups = rows.iter().map(|row| row.0).collect::<Vec<_>>();
            let filter = rows.iter().map(|row| row.2).collect::<BooleanArray>();
            let filter = (rows.len() % 2 == 0).then_some(&filter);
            let values = [Arc::new(values) as ArrayRef];
            tallied.update_batch(&values, &groups, filter, 5).unwrap();
            plain.update_batch(&values, &groups, filter, 5).unwrap();
        }
        let mut merged = Tallied::with_room(Groups::new(Categories(Freq::default())), room);
        for groups in [EmitTo::First(2), EmitTo::All] {
            let (state, expected) = (tallied.state(groups).unwrap(), plain.state(groups).unwrap());
            prop_assert_eq!(&state, &expected);
            let numbers = (0..state[0].len()).collect::<Vec<_>>();
            merged.merge_batch(&state, &numbers, numbers.len()).unwrap();
            prop_assert_eq!(&merged.state(EmitTo::All).unwrap(), &state);
        }
    }
}

#[test]
fn kept_sketches_are_merged_and_nothing_merges_to_null() {
    let kept = |values: &[f64]| Some(sketch_of(&values.iter().copied().map(Some).collect::<Vec<_>>()).to_bytes());
    let column = [kept(&[1.0]), None, kept(&[5.0]), kept(&[2.0, 3.0]), None];
    let found =
        check(&Kept::<DdSketch>::default(), Arc::new(column.iter().map(Option::as_deref).collect::<BinaryArray>()));
    assert_eq!(found, [Some(sketch_of(&[Some(1.0), Some(2.0), Some(3.0)])), None, None]);
}

#[test]
fn a_whole_batch_is_counted_as_row_by_row() {
    let values = (0..5_000).map(|x| f64::from(x) - 100.0).collect::<Vec<_>>();
    let found =
        one_group(|| Groups::new(Numbers(DdSketch::default())), Arc::new(Float64Array::from(values.clone()))).unwrap();
    let expected = sketch_of(&values.into_iter().map(Some).collect::<Vec<_>>());
    assert_eq!(found.as_binary::<i32>().value(0), expected.to_bytes());
}

#[test]
fn damaged_bytes_are_refused_by_name() {
    let mut bytes = sketch_of(&[Some(1.0)]).to_bytes();
    let merge = |bytes: &[u8]| {
        let column = Arc::new(BinaryArray::from(vec![bytes])) as ArrayRef;
        one_group(|| Groups::new(Kept::<DdSketch>::default()), column).map_err(|error| error.to_string())
    };
    assert!(merge(&bytes).is_ok());
    bytes[20] ^= 1;
    assert!(merge(&bytes).unwrap_err().contains("not a readable ddsketch: wrong checksum"));
    assert!(merge(&Hll::default().to_bytes()).unwrap_err().contains("wrong kind"));
}

async fn ask(sql: &str) -> Result<Vec<RecordBatch>> {
    let session = query_session();
    let rows = "CREATE TABLE t AS VALUES (1, 1.5, 'a', true), (2, 2.5, 'b', NULL), (3, NULL, 'a', false), (4, 8.0, NULL, true)";
    session.sql(rows).await?;
    session
        .sql(&format!("SELECT {sql} FROM (SELECT column1 AS i, column2 AS x, column3 AS s, column4 AS b FROM t)"))
        .await?
        .collect()
        .await
}

/// The sketches that `sql` answers, row by row.
async fn sketches<S: Sketch>(sql: &str) -> Vec<Option<S>> {
    let batches = ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = batches.iter().map(|batch| batch.column(0).as_binary::<i32>());
    columns.flat_map(|column| column.iter().map(|bytes| bytes.map(|bytes| S::from_bytes(bytes).unwrap()))).collect()
}

async fn failure(sql: &str) -> String {
    ask(sql).await.expect_err(sql).to_string()
}

#[tokio::test]
async fn every_type_is_read_as_it_should() {
    let of = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(sketches("ddsketch(i)").await, [Some(sketch_of(&of(&[1.0, 2.0, 3.0, 4.0])))]);
    assert_eq!(sketches("ddsketch(CAST(i AS DECIMAL(9, 2)))").await, [Some(sketch_of(&of(&[1.0, 2.0, 3.0, 4.0])))]);
    let [Some(freq)] = &sketches::<Freq>("freq(b)").await[..] else { panic!() };
    assert_eq!((freq.top(3), freq.nulls()), (vec![("true", 2), ("false", 1)], 1));
    let [Some(freq)] = &sketches::<Freq>("freq(i % 2)").await[..] else { panic!() };
    assert_eq!(freq.top(3), [("0", 2), ("1", 2)]);
    let [Some(freq)] = &sketches::<Freq>("freq(arrow_cast(s, 'Dictionary(Int32, Utf8)'))").await[..] else { panic!() };
    assert_eq!((freq.top(3), freq.nulls()), (vec![("a", 2), ("b", 1)], 1));
    for (column, distinct) in [
        ("i", 4.0),
        ("x", 3.0),
        ("s", 2.0),
        ("b", 2.0),
        ("CAST(i AS DECIMAL(30, 2))", 4.0),
        ("CAST(i AS BIGINT UNSIGNED)", 4.0),
    ] {
        let [Some(hll)] = &sketches::<Hll>(&format!("hll({column})")).await[..] else { panic!() };
        assert_eq!(hll.estimate().round(), distinct, "{column}");
    }
    for (column, nulls) in [("i", 0), ("x", 1), ("s", 1), ("b", 1)] {
        let [Some(profile)] = &sketches::<Profile>(&format!("profile({column})")).await[..] else { panic!() };
        assert_eq!((profile.rows(), profile.nulls()), (4, nulls), "{column}");
    }
}

#[tokio::test]
async fn second_arguments_are_constants_with_names() {
    let alpha = |found: Vec<Option<DdSketch>>| found[0].as_ref().unwrap().alpha();
    assert_eq!(alpha(sketches("ddsketch(x)").await), 0.01);
    assert_eq!(alpha(sketches("ddsketch(x, 0.05)").await), 0.05);
    assert_eq!(alpha(sketches("ddsketch(x, alpha => 0.1 / 2)").await), 0.05);
    assert_eq!(sketches::<Freq>("freq(s, capacity => 3)").await[0].as_ref().unwrap().capacity(), 3);
    assert_eq!(sketches::<Hll>("hll(s, lg_k => 5)").await[0].as_ref().unwrap().lg_k(), 5);
    for (call, expected) in [
        ("ddsketch(x, alpha => 0.5)", "alpha is 0.5, it must lie in [0.001, 0.2]"),
        ("ddsketch(x, x)", "alpha of ddsketch is a constant number"),
        ("ddsketch(x, NULL)", "alpha of ddsketch is a constant number"),
        ("ddsketch(x, 'a')", "alpha of ddsketch is a constant number"),
        ("freq(s, 0)", "capacity is 0, it must lie in"),
        ("freq(s, 1.5)", "capacity is 0, it must lie in"),
        ("hll(s, 300)", "lg_k is 255, it must lie in [4, 18]"),
        ("ddsketch(s)", "ddsketch takes numbers, not Utf8"),
        ("freq(x)", "freq takes text, integers or booleans"),
        ("profile(x, 1)", "profile takes one column"),
        ("ddsketch_merge(x)", "ddsketch_merge takes what its sister kept, bytes, not"),
    ] {
        let error = failure(call).await;
        assert!(error.contains(expected), "{call}: {error}");
    }
    // Refused when planned, not when run.
    let session = query_session();
    let plan = session.sql("SELECT ddsketch(x, 0.5) FROM (VALUES (1.0)) AS t(x)").await.unwrap();
    assert!(plan.into_optimized_plan().is_err());
}

#[tokio::test]
async fn moving_frames_hold_their_rows() {
    for (kept, source) in [
        ("ddsketch(x)", "ddsketch_merge(k)"),
        ("freq(s)", "freq_merge(k)"),
        ("hll(s)", "hll_merge(k)"),
        ("profile(x)", "profile_merge(k)"),
    ] {
        for frame in ["ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING"] {
            let rows = format!(
                "(SELECT i, {kept} AS k FROM (VALUES (1, 1.5, 'a'), (2, 2.5, 'b'), (3, NULL, 'a'), (4, 8.0, NULL)) AS t(i, x, s) GROUP BY i)"
            );
            let over = format!("SELECT i, {source} OVER (ORDER BY i {frame}) AS found FROM {rows}");
            let (from, to) = if frame.contains("CURRENT") { (1, 0) } else { (2, 1) };
            let expected = format!(
                "SELECT l.i, {source} AS found FROM (SELECT i FROM {rows}) AS l LEFT JOIN {rows} AS r ON r.i BETWEEN l.i - {from} AND l.i - {to} GROUP BY l.i"
            );
            let session = query_session();
            let sql = format!(
                "SELECT count(*) FROM ({over}) AS a JOIN ({expected}) AS b ON a.i = b.i AND a.found IS NOT DISTINCT FROM b.found"
            );
            let batches = session.sql(&sql).await.unwrap().collect().await.unwrap();
            let same = batches[0].column(0).as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0);
            assert_eq!(same, 4, "{source} {frame}");
        }
    }
}

#[tokio::test]
async fn values_leave_a_moving_frame() {
    let frame = "OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
    let found = sketches::<DdSketch>(&format!("ddsketch(x) {frame}")).await;
    let pairs = [&[Some(1.5)][..], &[Some(1.5), Some(2.5)], &[Some(2.5), None], &[None, Some(8.0)]];
    assert_eq!(found, pairs.map(|values| Some(sketch_of(values))));
    let found = sketches::<Hll>(&format!("hll(s) {frame}")).await;
    assert_eq!(found.iter().flatten().map(|hll| hll.estimate().round()).collect::<Vec<_>>(), [1.0, 2.0, 2.0, 1.0]);
    let error = failure(&format!("freq(i, 1) {frame}")).await;
    assert!(error.contains("seen more than 1 categories"), "{error}");
}

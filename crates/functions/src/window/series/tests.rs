use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};

use crate::check::{answer, context, failure};

/// Where `call` raises alarms over `values`, through SQL.
async fn alarms(call: &str, values: Vec<f64>) -> Vec<i64> {
    let schema = Schema::new(vec![Field::new("i", DataType::Int64, false), Field::new("x", DataType::Float64, false)]);
    let rows = Int64Array::from_iter_values(0..values.len() as i64);
    let batch =
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(rows), Arc::new(Float64Array::from(values))]).unwrap();
    let context = context();
    context.register_batch("series", batch).unwrap();
    let sql = format!(
        "SELECT i FROM (SELECT i, {call} OVER (ORDER BY i) AS d FROM series) WHERE d['verdict'] = 'alarm' ORDER BY i"
    );
    let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// Uniform values of splitmix64, rounded to six digits as the oracle rounds them.
fn uniform(seed: u64, rows: usize) -> Vec<f64> {
    let mut state = seed;
    let draw = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let u = (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        (u * 1e6).round_ties_even() / 1e6
    };
    std::iter::repeat_with(draw).take(rows).collect()
}

/// A rate that jumps from 0.2 to 0.5 at row 1000.
fn abrupt() -> Vec<f64> {
    let hits = |seed, rate: f64| uniform(seed, 1000).into_iter().map(move |u| f64::from(u < rate));
    hits(70, 0.2).chain(hits(71, 0.5)).collect()
}

#[tokio::test]
async fn detections_are_those_of_river() {
    assert_eq!(alarms("adwin(x)", abrupt()).await, [1087]);
    assert_eq!(alarms("page_hinkley(x)", abrupt()).await, [1165]);
    assert_eq!(alarms("adwin(x, 0.002)", uniform(72, 5000)).await, Vec::<i64>::new());
    assert_eq!(alarms("page_hinkley(x, 0.005, 50, 30)", uniform(72, 5000)).await, Vec::<i64>::new());
}

#[tokio::test]
async fn a_missing_window_is_seen_and_changes_nothing() {
    let sql = "SELECT e['e'], e['verdict'] FROM (SELECT w, edetect_p(p, 29) OVER (ORDER BY w) AS e FROM
        (VALUES (1, 0.01), (2, NULL), (3, 'NaN'::double), (4, 0.01), (5, 0.25)) AS t(w, p)) ORDER BY w";
    let rounded = answer(&sql.replace("e['e'],", "round(e['e'], 9),")).await;
    assert_eq!(rounded, ["5.0 quiet", " missing", " missing", "30.0 alarm", "1.0 quiet"]);
}

#[tokio::test]
async fn rates_and_sums_by_window() {
    let sql = "SELECT w FROM (SELECT w, edetect_rate(hits, n, 0.1) OVER (ORDER BY w) AS e FROM
        (SELECT value AS w, CASE WHEN value < 10 THEN 5 ELSE 14 END AS hits, 50 AS n FROM generate_series(0, 14)))
        WHERE e['verdict'] = 'alarm' ORDER BY w LIMIT 1";
    // In the first window of the change the ratio of odds 4 alone is e^6.3, an eighth of which is short of 1,000; in the
    // second it is e^12.6.
    assert_eq!(answer(sql).await, ["11"]);
    let sql = "SELECT c['sum'], c['verdict'] FROM (SELECT w, cusum(x, 10, 2, 0.5, 4) OVER (ORDER BY w) AS c FROM
        (VALUES (1, 14), (2, 15), (3, 14), (4, 6)) AS t(w, x)) ORDER BY w";
    assert_eq!(answer(sql).await, ["1.5 quiet", "3.5 quiet", "5.0 alarm", "-1.5 quiet"]);
    // A window of no trials says nothing.
    assert_eq!(answer("SELECT (edetect_rate(0, 0, 0.1) OVER ())['verdict']").await, ["missing"]);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let cases = [
        ("edetect_rate(3, 2, 0.5)", "edetect_rate: 3 hits in 2 trials"),
        ("edetect_rate(0.5, 2, 0.5)", "hits is 0.5, it must be a whole number"),
        ("edetect_rate(1, 2, 1.5)", "p0 is 1.5, it must lie in (0, 1)"),
        ("edetect_p(0.5, 1)", "arl is 1, it must lie in (1, inf)"),
        ("cusum(1, 2, 0)", "sd is 0, it must lie in (0, inf)"),
        ("page_hinkley(1, 0, 5, 1.5)", "min_rows is 1.5, it must be a whole number"),
        ("adwin(1, 2)", "delta is 2, it must lie in (0, 1)"),
        ("adwin('a')", "adwin takes numbers, not Utf8"),
    ];
    for (call, expected) in cases {
        let error = failure(&format!("SELECT {call} OVER ()")).await;
        assert!(error.contains(expected), "{call}: {error}");
    }
}

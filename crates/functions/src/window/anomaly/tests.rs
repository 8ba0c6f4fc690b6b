use crate::check::{answer, failure};

/// Verdicts of a series, in its order.
async fn verdicts(values: &str, frame: &str) -> Vec<String> {
    answer(&format!(
        "SELECT a['verdict'] FROM (SELECT w, anomaly_t(x) OVER (ORDER BY w {frame}) AS a FROM (VALUES {values}) AS t(w, x))
         ORDER BY w"
    ))
    .await
}

#[tokio::test]
async fn a_row_is_judged_by_the_rows_of_its_frame() {
    // Mean 10, deviation 2, three values: t = 4 / (2 sqrt(4/3)) = sqrt 3, p = 1 - sqrt(3/5).
    let sql = "SELECT round(a['t'], 6), round(a['p'], 6), a['k'], a['mean'], a['sd'], a['verdict'] FROM (
        SELECT w, anomaly_t(x) OVER (ORDER BY w ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS a
        FROM (VALUES (1, 500.0), (2, 8.0), (3, 10.0), (4, 12.0), (5, 14.0)) AS t(w, x)) ORDER BY w DESC LIMIT 1";
    assert_eq!(answer(sql).await, ["1.732051 0.225403 3 10.0 2.0 normal"]);
}

#[tokio::test]
async fn every_verdict() {
    let frame = "ROWS BETWEEN 4 PRECEDING AND 1 PRECEDING";
    let found = verdicts("(1, 10.0), (2, 11.0), (3, 10.5), (4, NULL), (5, 10.2), (6, 99.0), (7, 10.0)", frame).await;
    // The missing one is no history: the sixth has three values before it; the seventh has the outlier among them.
    assert_eq!(found, ["insufficient", "insufficient", "normal", "missing", "normal", "anomaly", "normal"]);
    let found = verdicts("(1, 5.0), (2, 5.0), (3, 5.0), (4, 6.0), (5, 'NaN'::double), (6, 'inf'::double)", frame).await;
    assert_eq!(found, ["insufficient", "insufficient", "normal", "uninformative", "missing", "missing"]);
}

#[tokio::test]
async fn the_row_itself_is_never_its_history() {
    let values = "(1, 10.0), (2, 11.0), (3, 10.5), (4, 10.2), (5, 99.0), (6, 10.1)";
    let ended = verdicts(values, "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING").await;
    assert_eq!(ended[4], "anomaly");
    assert_eq!(verdicts(values, "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW").await, ended);
    assert_eq!(verdicts(values, "").await, ended);
    // With the future in sight the first row is judged too.
    let both = verdicts(values, "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING").await;
    assert_eq!(both, ["normal", "normal", "normal", "normal", "anomaly", "normal"]);
}

#[tokio::test]
async fn partitions_and_batches_do_not_meet() {
    // Two series of 20,000 rows in many batches; each has one outlier.
    let sql = "SELECT k, w FROM (
        SELECT k, w, anomaly_t(CASE WHEN w = 15000 + k THEN 1e6 ELSE sin(w * 1.7 + k) END, 1e-6)
          OVER (PARTITION BY k ORDER BY w ROWS BETWEEN 24 PRECEDING AND 1 PRECEDING) AS a
        FROM (SELECT value % 2 AS k, value / 2 AS w FROM generate_series(0, 39999))) WHERE a['verdict'] = 'anomaly'
        ORDER BY k";
    assert_eq!(answer(sql).await, ["0 15000", "1 15001"]);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let error = failure("SELECT anomaly_t(1.0, 2.0) OVER ()").await;
    assert!(error.contains("anomaly_t: alpha is 2, it must lie in (0, 1)"), "{error}");
    let error = failure("SELECT anomaly_t() OVER ()").await;
    assert!(error.contains("anomaly_t"), "{error}");
}

use super::{DEVIATIONS, judge, median};
use crate::check::{answer, failure};

#[test]
fn medians() {
    let check =
        |values: &[f64], expected: Option<f64>| assert_eq!(median(&mut values.to_vec()), expected, "{values:?}");
    check(&[], None);
    check(&[3.0], Some(3.0));
    check(&[3.0, 1.0], Some(2.0));
    check(&[3.0, -1.0, 2.0], Some(2.0));
    check(&[4.0, 1.0, 3.0, 2.0], Some(2.5));
    check(&[f64::MAX, f64::MAX], Some(f64::MAX));
}

#[tokio::test]
async fn a_row_is_judged_by_the_median_of_its_frame() {
    // Median 10, absolute deviations 2, 1, 0, 1, 90, of which the median is 1: 4 / 1.4826.
    let sql = "SELECT round(a['deviations'], 4), a['k'], a['median'], a['mad'], a['verdict'] FROM (
        SELECT w, anomaly_mad(x) OVER (ORDER BY w ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING) AS a
        FROM (VALUES (1, 500.0), (2, 8.0), (3, 9.0), (4, 10.0), (5, 11.0), (6, 100.0), (7, 14.0)) AS t(w, x))
        ORDER BY w DESC LIMIT 1";
    assert_eq!(answer(sql).await, ["2.698 5 10.0 1.0 normal"]);
}

/// Verdicts of a series beside the three rows before.
async fn verdicts(values: &str, call: &str) -> Vec<String> {
    answer(&format!(
        "SELECT a['verdict'] FROM (SELECT w, {call} OVER (ORDER BY w ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS a
         FROM (VALUES {values}) AS t(w, x)) ORDER BY w"
    ))
    .await
}

#[tokio::test]
async fn every_verdict() {
    let found = verdicts("(1, 10.0), (2, 11.0), (3, 10.5), (4, NULL), (5, 99.0), (6, 10.4)", "anomaly_mad(x)").await;
    // The outlier before the last row moves neither median nor MAD far: the row is as it was.
    assert_eq!(found, ["insufficient", "insufficient", "normal", "missing", "anomaly", "normal"]);
    let found =
        verdicts("(1, 5.0), (2, 5.0), (3, 7.0), (4, 5.0), (5, 6.0), (6, 'inf'::double)", "anomaly_mad(x)").await;
    assert_eq!(found, ["insufficient", "insufficient", "uninformative", "normal", "uninformative", "missing"]);
    let values = "(1, 10.0), (2, 11.0), (3, 12.0), (4, 16.0)";
    assert_eq!(verdicts(values, "anomaly_mad(x)").await[3], "anomaly");
    assert_eq!(verdicts(values, "anomaly_mad(x, 5)").await[3], "normal");
}

#[tokio::test]
async fn the_row_itself_is_never_its_history() {
    let sql = "SELECT a['k'], a['verdict'] FROM (
        SELECT w, anomaly_mad(x) OVER (ORDER BY w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS a
        FROM (VALUES (1, 10.0), (2, 11.0), (3, 10.5), (4, 10.2), (5, 99.0)) AS t(w, x)) ORDER BY w";
    assert_eq!(answer(sql).await, ["4 normal", "4 normal", "4 normal", "4 normal", "4 anomaly"]);
}

#[tokio::test]
async fn nonsense_is_refused() {
    for deviations in ["0", "-1", "'inf'::double"] {
        let error = failure(&format!("SELECT anomaly_mad(1.0, {deviations}) OVER ()")).await;
        assert!(error.contains("deviations"), "{error}");
    }
}

/// False alarms over normal values: as many as docs/drift.md says.
#[test]
fn few_values_before_raise_many_false_alarms() {
    const ROWS: usize = 100_000;
    let mut normal = normal_values();
    for (k, least, most) in [(4, 0.172, 0.179), (8, 0.068, 0.073), (30, 0.0124, 0.0144)] {
        let is_alarm = |_: &usize| {
            let mut before = normal.by_ref().take(k).collect::<Vec<_>>();
            judge(&mut before, normal.next(), DEVIATIONS).verdict == "anomaly"
        };
        let share = (0..ROWS).filter(is_alarm).count() as f64 / ROWS as f64;
        assert!((least..=most).contains(&share), "{k} values before: {share}");
    }
}

/// Independent normal values: G. E. P. Box and M. E. Muller over SplitMix64.
fn normal_values() -> impl Iterator<Item = f64> {
    let mut state = 20_261_128_u64;
    let mut uniform = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 * 2.0_f64.powi(-53)
    };
    std::iter::repeat_with(move || (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos())
}

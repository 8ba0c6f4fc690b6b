//! Do sketches in SQL say what scipy says of the values themselves?
//!
//! Every case of the oracle in the folder `TIDEGATE_ORACLES` (`drift.json`), from values to `ddsketch` or `freq` to
//! distances. Without that folder there is nothing to compare with; numbers of small cases stand in the tests of
//! `tidegate-sketch` and `tidegate-functions`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::prelude::SessionContext;
use serde_json::Value;
use tidegate_algebra::query_session;

use crate::generators::{categories, numbers};
use crate::run::block_on;

#[test]
fn every_case_of_the_oracle_is_answered() {
    let Some(folder) = std::env::var_os("TIDEGATE_ORACLES") else {
        eprintln!("skipped: TIDEGATE_ORACLES names no folder with drift.json");
        return;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&folder).join("drift.json")).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    for (name, case) in oracle["cases"].as_object().unwrap() {
        block_on(async {
            if case["kind"] == "num" {
                check_numbers(name, case).await;
            } else {
                check_categories(name, case).await;
            }
        });
    }
}

async fn check_numbers(name: &str, case: &Value) {
    let column = |recipe| Arc::new(Float64Array::from(numbers(recipe))) as ArrayRef;
    let session = with_tables(column(&case["reference"]), column(&case["current"]));
    let binned = &case["definition"]["ddsketch_alpha.01_gamma_aligned10"];
    check_bins(name, &session, "ddsketch(x)", binned).await;

    let sketched = &case["definition"]["ddsketch_alpha.01"];
    let tests = "ks_test(r.s, c.s) AS k, wasserstein(r.s, c.s) AS w";
    let parts = "k.d_lo, k.d_hi, w.w1, w.error, w.w1_norm";
    let [d_lo, d_hi, w1, error, w1_norm] = answer(&session, "ddsketch(x)", tests, parts).await;
    near(name, "ks_lo", d_lo, &sketched["ks_lo"]);
    near(name, "ks_hi", d_hi, &sketched["ks_hi"]);
    near(name, "w1", w1, &sketched["w1"]);
    let (d_lo, d_hi, w1, error) = (d_lo.unwrap(), d_hi.unwrap(), w1.unwrap(), error.unwrap());
    // Intervals hold what is true of the values themselves.
    let exact = case["scipy"]["ks_D"].as_f64().unwrap();
    assert!(d_lo <= exact + 1e-12 && exact <= d_hi + 1e-12, "{name}: {exact} outside of [{d_lo}, {d_hi}]");
    let exact = case["definition"]["w1_exact"].as_f64().unwrap();
    assert!((w1 - exact).abs() <= error + 1e-9 * exact, "{name}: {w1} +- {error}, not {exact}");
    let expected = case["definition"]["w1_over_ref_std"].as_f64();
    // Numbers in a single bin have no spread there, though they may differ.
    assert!(expected.is_some() || w1_norm.is_none(), "{name}: w1_norm");
    if let (Some(found), Some(expected)) = (w1_norm, expected) {
        let slack = found * (error / w1 + 0.02);
        assert!((found - expected).abs() <= slack, "{name}: w1_norm is {found}, not {expected}");
    }
}

async fn check_categories(name: &str, case: &Value) {
    let column = |recipe| Arc::new(StringArray::from(categories(recipe))) as ArrayRef;
    let session = with_tables(column(&case["reference"]), column(&case["current"]));
    check_bins(name, &session, "freq(x)", &case["definition"]["union"]).await;
}

/// What is said of counts in bins, which are the oracle's.
async fn check_bins(name: &str, session: &SessionContext, sketch: &str, expected: &Value) {
    let distances = "psi(r.s, c.s), kl_divergence(r.s, c.s), js_divergence(r.s, c.s), js_distance(r.s, c.s),
        hellinger(r.s, c.s), total_variation(r.s, c.s), l_infinity(r.s, c.s)";
    let keys = ["psi_s0.5", "kl_cur_ref_s0.5", "js_divergence_base2", "js_distance_base2", "hellinger", "tv", "linf"];
    let found: [Option<f64>; 7] = answer(session, sketch, distances, "*").await;
    for (key, found) in keys.into_iter().zip(found) {
        near(name, key, found, &expected[key]);
    }

    let tests = "chi2_test(r.s, c.s) AS t, drift(r.s, c.s) AS d";
    let parts = "t.x2, CAST(t.df AS DOUBLE), t.p, t.cramers_v, d.psi, d.threshold, d.p_value";
    let [x2, df, p, v, psi, threshold, p_value] = answer(session, sketch, tests, parts).await;
    // Rare bins are pooled by the tests, and not by the oracle.
    if df == expected["chi2_dof"].as_f64() {
        near(name, "chi2", x2, &expected["chi2_homogeneity"]);
        near(name, "chi2_p", p, &expected["chi2_p"]);
        near(name, "cramers_v", v, &expected["cramers_v"]);
    }
    let unpooled = |found: &f64| (found - expected["psi_s0.5"].as_f64().unwrap()).abs() < 1e-12;
    if psi.as_ref().is_some_and(unpooled) && expected.get("psi_p_null").is_some() {
        near(name, "threshold", threshold, &expected["psi_threshold_alpha.01_delta.02"]);
        near(name, "p_value", p_value, &expected["psi_p_null"]);
    }
}

fn near(name: &str, key: &str, found: Option<f64>, expected: &Value) {
    let expected = expected.as_f64();
    let close = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-7 * expected.abs() + 1e-9,
        (found, expected) => found == expected,
    };
    assert!(close, "{name}: {key} is {found:?}, not {expected:?}");
}

/// Tables `reference` and `current` of one column `x`.
fn with_tables(reference: ArrayRef, current: ArrayRef) -> SessionContext {
    let session = query_session();
    for (name, column) in [("reference", reference), ("current", current)] {
        session.register_batch(name, RecordBatch::try_from_iter([("x", column)]).unwrap()).unwrap();
    }
    session
}

/// `parts` of `functions` over the sketches `r.s` and `c.s` of both tables.
async fn answer<const N: usize>(
    session: &SessionContext,
    sketch: &str,
    functions: &str,
    parts: &str,
) -> [Option<f64>; N] {
    let sketches = ["reference", "current"].map(|table| format!("(SELECT {sketch} AS s FROM {table})"));
    let [reference, current] = sketches;
    let sql = format!("SELECT {parts} FROM (SELECT {functions} FROM {reference} AS r CROSS JOIN {current} AS c)");
    let batches = session.sql(&sql).await.unwrap().collect().await.unwrap();
    let row = batches.iter().find(|batch| batch.num_rows() == 1).unwrap();
    std::array::from_fn(|column| row.column(column).as_primitive::<Float64Type>().iter().next().flatten())
}

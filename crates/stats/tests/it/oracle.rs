//! Do the numbers agree with those of other libraries, over the same generated rows?
//!
//! `TIDEGATE_ORACLES` names a folder with `drift.json`: recipes of rows, and what exact definitions and scipy say of
//! them. Where it is absent these tests say so and pass; a part of its numbers stands in the tests of the modules.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_stats::{ChiSquare, chi2_test, distance, kolmogorov};

use crate::generators::{labels, numbers};

fn cases() -> Option<serde_json::Map<String, Value>> {
    let Ok(folder) = std::env::var("TIDEGATE_ORACLES") else {
        eprintln!("skipped: TIDEGATE_ORACLES names no folder");
        return None;
    };
    let text = std::fs::read_to_string(format!("{folder}/drift.json")).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    Some(oracle["cases"].as_object().unwrap().clone())
}

fn check(case: &str, what: &str, found: f64, expected: &Value) {
    let Some(expected) = expected.as_f64() else { return };
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{case} {what}: {found}, expected {expected}");
}

type Distance = fn(&[u64], &[u64]) -> tidegate_stats::Result<f64>;

/// What the oracle says of counts per bin.
fn check_counts(case: &str, expected: &Value, reference: &[u64], current: &[u64]) {
    let filled = reference.iter().zip(current).filter(|(a, b)| **a + **b > 0).count();
    assert_eq!(expected["bins"], filled, "{case}");
    let functions: [(&str, Distance); 7] = [
        ("psi_s0.5", distance::psi),
        ("kl_cur_ref_s0.5", distance::kl_divergence),
        ("js_divergence_base2", distance::js_divergence),
        ("js_distance_base2", distance::js_distance),
        ("hellinger", distance::hellinger),
        ("tv", distance::total_variation),
        ("linf", distance::l_infinity),
    ];
    for (name, function) in functions {
        // The root of a rounded zero is no digit of anything.
        if expected[name].as_f64().is_some_and(|value| value.abs() > 1e-7) {
            check(case, name, function(reference, current).unwrap(), &expected[name]);
        }
    }
    if filled < 2 {
        return;
    }
    let psi = distance::psi(reference, current).unwrap();
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let (w, df) = (1.0 / n + 1.0 / m, filled as f64 - 1.0);
    check(case, "psi_p_null", ChiSquare::new(df).unwrap().survival(psi / w), &expected["psi_p_null"]);
    for (name, delta) in [("delta0", 0.0), ("delta.02", 0.02), ("delta.1", 0.1)] {
        let threshold = w * ChiSquare::noncentral(df, delta / w).unwrap().critical(0.01).unwrap();
        check(case, name, threshold, &expected[&format!("psi_threshold_alpha.01_{name}")]);
    }
    if let Ok(test) = chi2_test(reference, current)
        && test.df as usize == filled - 1
    {
        check(case, "chi2", test.x2, &expected["chi2_homogeneity"]);
        check(case, "chi2 p", test.p, &expected["chi2_p"]);
        check(case, "cramers_v", test.cramers_v, &expected["cramers_v"]);
    }
}

#[test]
fn numbers_agree() {
    let Some(cases) = cases() else { return };
    for (name, case) in cases.iter().filter(|(_, case)| case["kind"] == "num") {
        let finite = |side: &str| numbers(&case[side]).into_iter().filter(|x| x.is_finite()).collect::<Vec<_>>();
        let (mut reference, mut current) = (finite("reference"), finite("current"));
        reference.sort_by(f64::total_cmp);
        current.sort_by(f64::total_cmp);
        let expected = &case["definition"]["refquantile10_rightclosed"];
        if let Some(edges) = expected["edges"].as_array() {
            let edges = edges.iter().map(|edge| edge.as_f64().unwrap()).collect::<Vec<_>>();
            check_counts(name, expected, &binned(&reference, &edges), &binned(&current, &edges));
        }
        // The limit against scipy's exact or finite p-value: close where samples are large.
        let (n, m) = (reference.len() as u64, current.len() as u64);
        if n.min(m) >= 500
            && let (Some(d), Some(p)) = (case["scipy"]["ks_D"].as_f64(), case["scipy"]["ks_p_auto"].as_f64())
        {
            let found = kolmogorov::p_value(d, n, m).unwrap();
            let within = if p < 0.1 { 0.002 } else { 0.02 };
            assert!((found - p).abs() < within, "{name} ks: {found}, expected {p}");
        }
    }
}

/// Counts of sorted values in bins closed on the right.
fn binned(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let ends = edges.iter().map(|&edge| sorted.partition_point(|&x| x <= edge)).chain([sorted.len()]);
    ends.scan(0, |before, end| Some((end - std::mem::replace(before, end)) as u64)).collect()
}

#[test]
fn categories_agree() {
    let Some(cases) = cases() else { return };
    for (name, case) in cases.iter().filter(|(_, case)| case["kind"] == "cat") {
        let mut counts = BTreeMap::<String, [u64; 2]>::new();
        for (i, side) in ["reference", "current"].into_iter().enumerate() {
            labels(&case[side]).into_iter().for_each(|label| counts.entry(label).or_default()[i] += 1);
        }
        let side = |i: usize| counts.values().map(|count| count[i]).collect::<Vec<_>>();
        check_counts(name, &case["definition"]["union"], &side(0), &side(1));
    }
}

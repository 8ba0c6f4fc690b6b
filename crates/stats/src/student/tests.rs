//! Reference values are those of mpmath 1.3 (tails) and scipy 1.17 (quantiles).

use super::*;

fn close(found: f64, expected: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < 2e-12, "{what}: {found:e}, expected {expected:e}");
}

/// t, degrees of freedom, mass outside of -t and t.
#[rustfmt::skip]
const OUTSIDE: [(f64, f64, f64); 8] = [
    (2.5, 4.0, 0.06676654481198814),
    (0.001, 7.0, 0.9992300172449988),
    (12.7, 1.0, 0.05002432768934416),
    (40.0, 3.0, 3.4380680789158526e-05),
    (3.0, 1000.0, 0.0027667090442381925),
    (1.5, 2.5, 0.24783645308629626),
    (-2.1, 30.0, 0.04424247126232353),
    (6.0, 1000000.0, 1.97384981235443e-09),
];

/// Mass below, degrees of freedom, t.
#[rustfmt::skip]
const QUANTILES: [(f64, f64, f64); 6] = [
    (0.975, 1.0, 12.706204736174694),
    (0.995, 4.0, 4.604094871349992),
    (0.99, 9.0, 2.821437925025809),
    (0.25, 3.0, -0.7648923284043444),
    (1e-10, 5.0, -156.82559270889433),
    (0.501, 7.0, 0.002597463613662243),
];

#[test]
fn tails_agree() {
    for (t, df, outside) in OUTSIDE {
        close(two_sided(t, df).unwrap(), outside, &format!("t {t}, df {df}"));
        close(cdf(-t.abs(), df).unwrap(), 0.5 * outside, &format!("t {t}, df {df}"));
    }
}

#[test]
fn quantiles_agree() {
    for (p, df, t) in QUANTILES {
        close(quantile(p, df).unwrap(), t, &format!("p {p}, df {df}"));
    }
}

#[test]
fn edges_are_answered_and_nonsense_is_refused() {
    assert_eq!(quantile(0.5, 3.0).unwrap(), 0.0);
    assert_eq!(cdf(0.0, 3.0).unwrap(), 0.5);
    assert_eq!(cdf(f64::INFINITY, 3.0).unwrap(), 1.0);
    assert_eq!(two_sided(f64::NEG_INFINITY, 3.0).unwrap(), 0.0);
    assert!(cdf(f64::NAN, 3.0).unwrap().is_nan());
    assert!(cdf(1.0, 0.0).is_err() && quantile(1.0, 3.0).is_err() && quantile(0.4, f64::NAN).is_err());
}

/// gbstats 0.8.0, `TwoSidedTTest` of means.
#[test]
fn the_interval_of_welch_matches_gbstats() {
    let means = [(5100, 63400.0, 856900.0), (5000, 61250.0, 812400.0)];
    let means = means.map(|(n, sum, squares)| Estimate::of_mean(n, sum, squares).unwrap());
    let estimate = means[0].minus(means[1]).unwrap();
    let df = welch_df(means, [5100, 5000]).unwrap();
    let half_width = quantile(0.975, df).unwrap() * estimate.variance().sqrt();
    close(estimate.value() - half_width, 0.041005776056898424, "low");
    close(two_sided(estimate.z(0.0).unwrap(), df).unwrap(), 0.011329341470854182, "p");
    assert!(welch_df(means, [1, 5000]).is_err());
    let still = Estimate::new(1.0, 0.0).unwrap();
    assert!(welch_df([still, still], [9, 9]).is_err());
    close(welch_df([means[0], still], [9, 9]).unwrap(), 8.0, "one arm that varies");
}

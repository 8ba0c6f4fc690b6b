use super::*;
use crate::{Error, Proportion, normal};

pub(crate) fn arms(x_t: u64, n_t: u64, x_c: u64, n_c: u64) -> Proportions {
    Proportions { treatment: Proportion::new(x_t, n_t).unwrap(), control: Proportion::new(x_c, n_c).unwrap() }
}

pub(crate) fn close(got: f64, expected: f64, relative: f64, what: &str) {
    let off = ((got - expected) / expected).abs();
    assert!(off <= relative, "{what}: got {got:?}, expected {expected:?}, off by {off:e}");
}

/// The counts, the claimed contrast, and the statistic: the likelihood maximised by bisection of its
/// derivative in 30 digits (mpmath 1.3.0).
const DIFFERENCE: [(u64, u64, u64, u64, f64, f64); 6] = [
    (6030, 60000, 6000, 60000, 0.01, -5.4744104563947245),
    (6420, 60000, 6000, 60000, 0.01, -1.705596053763081),
    (45, 400, 40, 400, 0.1, -3.8251241792507873),
    (0, 50, 0, 60, 0.1, -2.3570226039551585),
    (3, 40, 9, 55, 0.1, -2.4654572975643227),
    (50, 50, 1, 60, 0.1, 9.294133584346888),
];

const RATIO: [(u64, u64, u64, u64, f64, f64); 3] = [
    (6030, 60000, 6000, 60000, 1.1, -5.223674532098659),
    (45, 400, 40, 400, 0.9, 1.088593299964077),
    (3, 40, 9, 55, 1.5, -2.03345145111979),
];

#[test]
fn the_statistic_matches_the_maximised_likelihood() {
    for (x_t, n_t, x_c, n_c, value, z) in DIFFERENCE {
        let got = score_z(Contrast::Difference, arms(x_t, n_t, x_c, n_c), value).unwrap();
        close(got, z, 1e-10, &format!("{x_t}/{n_t} - {x_c}/{n_c} = {value}"));
    }
    for (x_t, n_t, x_c, n_c, value, z) in RATIO {
        let got = score_z(Contrast::Ratio, arms(x_t, n_t, x_c, n_c), value).unwrap();
        close(got, z, 1e-12, &format!("{x_t}/{n_t} / {x_c}/{n_c} = {value}"));
    }
}

/// `P_c` by bisection: the derivative of the log likelihood falls over the whole range.
fn restricted_by_bisection(arms: Proportions, d: f64) -> f64 {
    let term = |hits: f64, p: f64| if hits == 0.0 { 0.0 } else { hits / p };
    let slope = |p: f64| {
        term(arms.treatment.hits(), p + d) - term(arms.treatment.trials() - arms.treatment.hits(), 1.0 - p - d)
            + term(arms.control.hits(), p)
            - term(arms.control.trials() - arms.control.hits(), 1.0 - p)
    };
    let (mut low, mut high) = ((-d).max(0.0), (1.0 - d).min(1.0));
    for _ in 0..100 {
        let middle = low.midpoint(high);
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    low
}

#[test]
fn the_closed_form_is_the_restricted_maximum() {
    let sizes = [(1, 1), (7, 3), (40, 400), (60_000, 50_000), (3_000_000_000, 1_000)];
    for (n_t, n_c) in sizes {
        for share_t in 0..=8 {
            for share_c in 0..=8 {
                let arms = arms(n_t * share_t / 8, n_t, n_c * share_c / 8, n_c);
                for d in [-0.9, -0.3, -0.01, -1e-6, 1e-6, 0.01, 0.3, 0.9] {
                    let (got, expected) = (restricted_by_difference(arms, d), restricted_by_bisection(arms, d));
                    assert!((got - expected).abs() < 1e-7, "{arms:?}, d = {d}: {got} instead of {expected}");
                }
            }
        }
    }
}

#[test]
fn the_statistic_falls_as_the_claim_grows_and_is_never_nan() {
    for (x_t, n_t, x_c, n_c) in
        [(0, 10, 0, 10), (10, 10, 10, 10), (10, 10, 0, 10), (0, 10, 10, 10), (3, 40, 9, 55), (1, 1, 0, 1)]
    {
        let arms = arms(x_t, n_t, x_c, n_c);
        let mut last = f64::INFINITY;
        for step in -999..=999 {
            let z = score_z(Contrast::Difference, arms, f64::from(step) / 1000.0).unwrap();
            assert!(z <= last + 1e-9, "{arms:?} at {step}: {z} after {last}");
            last = z;
        }
        for step in 1..400 {
            assert!(!score_z(Contrast::Ratio, arms, f64::from(step) / 40.0).unwrap().is_nan());
        }
    }
}

#[test]
fn swapping_hits_and_misses_turns_the_sign() {
    for (x_t, n_t, x_c, n_c) in [(45, 400, 40, 400), (3, 40, 9, 55), (0, 50, 1, 60)] {
        let z = statistic(Contrast::Difference, arms(x_t, n_t, x_c, n_c), 0.05);
        let mirrored = statistic(Contrast::Difference, arms(n_t - x_t, n_t, n_c - x_c, n_c), -0.05);
        close(-mirrored, z, 1e-9, "mirror");
    }
}

#[test]
fn impossible_claims_are_refused() {
    let arms = arms(1, 2, 1, 2);
    for value in [-1.0, 1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(score_z(Contrast::Difference, arms, value), Err(Error::OutOfRange { .. })));
    }
    for value in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(score_z(Contrast::Ratio, arms, value), Err(Error::OutOfRange { .. })));
    }
}

/// The statistic as statsmodels 0.15.0 computes it: the linear coefficient has `x_c d` for `n_c d`.
fn statsmodels_z(arms: Proportions, d: f64, variance_factor: f64) -> f64 {
    let total = arms.treatment.trials() + arms.control.trials();
    let (n_t, n_c) = (arms.treatment.trials() / total, arms.control.trials() / total);
    let (x_t, x_c) = (arms.treatment.hits() / total, arms.control.hits() / total);
    let l2 = (n_t + 2.0 * n_c) * d - 1.0 - x_t - x_c;
    let wrong_l1 = (x_c * d - 1.0 - 2.0 * x_c) * d + x_t + x_c;
    let control = middle_root(l2, wrong_l1, x_c * d * (1.0 - d));
    let variance =
        bernoulli_variance(control + d) / arms.treatment.trials() + bernoulli_variance(control) / arms.control.trials();
    (arms.difference() - d) / (variance * variance_factor).sqrt()
}

/// `test_proportions_2indep(value=.01, method=score, alternative=smaller, correction=False)`.
#[test]
fn the_values_of_statsmodels_differ_by_its_wrong_coefficient_and_nothing_else() {
    let cases = [(6030, -5.475559241079057, 2.180660103763504e-08), (6420, -1.7059440507002661, 0.04400924853148583)];
    for (x_t, z, p) in cases {
        let arms = arms(x_t, 60000, 6000, 60000);
        let theirs = statsmodels_z(arms, 0.01, 1.0);
        close(theirs, z, 1e-7, "z of statsmodels");
        close(normal::cdf(theirs), p, 1e-7, "p of statsmodels");
        close(statistic(Contrast::Difference, arms, 0.01), z, 3e-4, "z of ours");
    }
}

/// `confint_proportions_2indep(45, 400, 40, 400, method=score, alpha=.1)`, which has the factor N/(N-1).
#[test]
fn the_interval_of_statsmodels_is_explained_too() {
    let arms = arms(45, 400, 40, 400);
    for (bound, z) in [(-0.02354866765619318, 1.6448536269514722), (0.04864102928461982, -1.6448536269514722)] {
        close(statsmodels_z(arms, bound, 800.0 / 799.0), z, 1e-6, "statistic at the bound of statsmodels");
    }
}

use super::{cdf, quantile, survival};

/// mpmath 1.3.0 with 40 digits: `erfc(-x / sqrt(2)) / 2`.
const CDF: [(f64, f64); 16] = [
    (-37.0, 5.725571222524577e-300),
    (-20.0, 2.7536241186062337e-89),
    (-12.5, 3.732564298877713e-36),
    (-8.0, 6.220960574271784e-16),
    (-5.475559241079057, 2.1806601037635087e-08),
    (-3.0, 0.0013498980316300946),
    (-1.96, 0.024997895148220435),
    (-0.5, 0.3085375387259869),
    (0.1, 0.539827837277029),
    (0.66, 0.7453730853286639),
    (0.68, 0.7517477695464295),
    (1.0, 0.8413447460685429),
    (2.5, 0.9937903346742238),
    (5.0, 0.9999997133484281),
    (5.7, 0.9999999940096286),
    (8.0, 0.9999999999999993),
];

/// mpmath 1.3.0 with 40 digits: the root of `erfc(-x / sqrt(2)) / 2 = p`.
const QUANTILE: [(f64, f64); 18] = [
    (1e-300, -37.0470962993612),
    (1e-100, -21.273453560965326),
    (1e-20, -9.262340089798407),
    (1e-10, -6.361340902404057),
    (1e-05, -4.264890793922825),
    (0.001, -3.0902323061678136),
    (0.025, -1.9599639845400543),
    (0.05, -1.6448536269514726),
    (0.07, -1.4757910281791706),
    (0.08, -1.4050715603096327),
    (0.2, -0.8416212335729142),
    (0.425, -0.18911842627279252),
    (0.6, 0.2533471031357997),
    (0.8, 0.8416212335729144),
    (0.95, 1.6448536269514722),
    (0.975, 1.9599639845400538),
    (0.999, 3.090232306167813),
    (0.9999999, 5.199337582290661),
];

fn check(got: f64, expected: f64, what: &str) {
    let relative = ((got - expected) / expected).abs();
    assert!(relative < 1e-12, "{what}: got {got:e}, expected {expected:e}, off by {relative:e}");
}

#[test]
fn the_distribution_function_keeps_its_digits_in_the_tails() {
    for (x, expected) in CDF {
        check(cdf(x), expected, &format!("cdf({x})"));
        check(survival(-x), expected, &format!("survival({})", -x));
    }
    assert_eq!(cdf(f64::INFINITY), 1.0);
    assert_eq!(cdf(f64::NEG_INFINITY), 0.0);
    assert!(cdf(f64::NAN).is_nan());
}

#[test]
fn quantiles_keep_their_digits() {
    for (p, expected) in QUANTILE {
        check(quantile(p).unwrap(), expected, &format!("quantile({p:e})"));
    }
    assert_eq!(quantile(0.5).unwrap(), 0.0);
}

#[test]
fn the_quantile_undoes_the_distribution_function() {
    for step in 1..2000 {
        let p = f64::from(step) / 2000.0;
        check(cdf(quantile(p).unwrap()), p, &format!("cdf(quantile({p}))"));
    }
}

#[test]
fn the_distribution_function_never_falls() {
    let mut last = 0.0;
    for step in -3800..=3800 {
        let now = cdf(f64::from(step) / 100.0);
        assert!(now >= last, "cdf falls at {step}/100");
        last = now;
    }
}

#[test]
fn probabilities_outside_the_open_unit_interval_are_refused() {
    for p in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(quantile(p).is_err(), "quantile({p}) answered");
    }
}

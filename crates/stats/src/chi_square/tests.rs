//! Reference values are 60-digit sums by mpmath 1.3, which scipy 1.17 agrees with to 14 digits.

use super::*;

fn close(found: f64, expected: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < 2e-12, "{what}: {found:e}, expected {expected:e}");
}

/// Degrees of freedom, noncentrality, x, mass below, mass above.
#[rustfmt::skip]
const TAILS: [(f64, f64, f64, f64, f64); 18] = [
    (9.0, 0.0, 21.665994333461924, 0.99, 0.010000000000000005),
    (1.0, 0.0, 1e-08, 7.978845594730578e-05, 0.9999202115440526),
    (1.0, 0.0, 700.0, 1.0, 2.9902269751246203e-154),
    (0.5, 0.0, 0.3, 0.6668281976846434, 0.33317180231535665),
    (999.0, 0.0, 900.0, 0.011378812916581108, 0.9886211870834188),
    (10000.0, 0.0, 10500.0, 0.9997520526320106, 0.00024794736798936087),
    (9.0, 20.0, 30.0, 0.5772026792046124, 0.42279732079538757),
    (9.0, 20.0, 2.0, 1.8893177197047256e-06, 0.9999981106822803),
    (9.0, 20.0, 100.0, 0.9999996198911799, 3.801088200782669e-07),
    (9.0, 1000.0, 1100.0, 0.9221891147692541, 0.07781088523074584),
    (9.0, 1000.0, 700.0, 5.6832431909496066e-08, 0.9999999431675681),
    (999.0, 100.0, 1300.0, 0.9999507336671122, 4.9266332887806356e-05),
    (9.0, 100000.0, 101000.0, 0.9411602199110147, 0.058839780088985306),
    (9.0, 100000.0, 97000.0, 8.2447589170225e-07, 0.9999991755241083),
    (5000.0, 100000.0, 107000.0, 0.9990647164741563, 0.0009352835258437253),
    (1.0, 4.0, 0.01, 0.010852139253185242, 0.9891478607468147),
    (3.0, 0.5, 40.0, 0.9999999110353913, 8.896460870831657e-08),
    (9999.0, 50000.0, 59000.0, 0.016288021282929034, 0.983711978717071),
];

/// Mass above, degrees of freedom, noncentrality, x.
#[rustfmt::skip]
const CRITICAL: [(f64, f64, f64, f64); 9] = [
    (0.01, 9.0, 0.0, 21.665994333461924),
    (0.01, 9.0, 20.0, 56.00417719264359),
    (0.01, 9.0, 1000.0, 1160.8313686425083),
    (0.01, 999.0, 100.0, 1216.0952401512445),
    (0.01, 9.0, 100000.0, 101484.75284413293),
    (1e-12, 9.0, 0.0, 76.00592514199428),
    (0.99, 1.0, 0.0, 0.00015708785790970224),
    (0.5, 3.0, 2.0, 4.137515123399117),
    (0.05, 5000.0, 100000.0, 106054.909359177),
];

#[test]
fn tails_agree_with_mpmath() {
    for (df, noncentrality, x, below, above) in TAILS {
        let distribution = ChiSquare::noncentral(df, noncentrality).unwrap();
        let what = format!("df {df}, noncentrality {noncentrality}, x {x}");
        close(distribution.cdf(x), below, &what);
        close(distribution.survival(x), above, &what);
    }
}

#[test]
fn critical_values_agree_with_mpmath() {
    for (q, df, noncentrality, x) in CRITICAL {
        let distribution = ChiSquare::noncentral(df, noncentrality).unwrap();
        close(distribution.critical(q).unwrap(), x, &format!("df {df}, noncentrality {noncentrality}, q {q}"));
    }
}

#[test]
fn quantiles_undo_the_distribution() {
    for (df, noncentrality) in [(0.3, 0.0), (1.0, 0.0), (9.0, 0.02), (9.0, 20.0), (50.0, 3000.0), (3000.0, 80_000.0)] {
        let distribution = ChiSquare::noncentral(df, noncentrality).unwrap();
        for p in [1e-9, 0.01, 0.3, 0.5, 0.77, 0.999] {
            let back = distribution.cdf(distribution.quantile(p).unwrap());
            assert!((back / p - 1.0).abs() < 1e-11, "df {df}, noncentrality {noncentrality}, p {p}: {back}");
        }
    }
}

#[test]
fn edges_are_answered_and_nonsense_is_refused() {
    let distribution = ChiSquare::noncentral(4.0, 7.0).unwrap();
    assert_eq!((distribution.cdf(-1.0), distribution.survival(0.0)), (0.0, 1.0));
    assert_eq!((distribution.cdf(f64::INFINITY), distribution.survival(1e6)), (1.0, 0.0));
    assert!(distribution.cdf(f64::NAN).is_nan());
    for (df, noncentrality) in [(0.0, 0.0), (-1.0, 0.0), (f64::NAN, 0.0), (1.0, -1.0), (1.0, f64::NAN), (1.0, 1e13)] {
        assert!(ChiSquare::noncentral(df, noncentrality).is_err(), "{df} {noncentrality}");
    }
    for p in [0.0, 1.0, f64::NAN] {
        assert!(distribution.quantile(p).is_err() && distribution.critical(p).is_err(), "{p}");
    }
}

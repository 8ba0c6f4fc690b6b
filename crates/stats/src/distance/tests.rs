use super::*;

/// A hand-picked part of the oracle: counts, then psi, divergence of current from reference, divergence and distance
/// of Jensen and Shannon, Hellinger, total variation, greatest difference.
type Case = (&'static [u64], &'static [u64], [f64; 7]);
#[rustfmt::skip]
const CASES: [Case; 4] = [
    (&[2, 1, 1, 0], &[1, 2, 0, 1],
     [0.5364793041447002, 0.2682396520723501, 0.31127812445913283, 0.5579230452841438, 0.541196100146197, 0.5, 0.25]),
    (&[52, 5, 2, 0, 1], &[24, 2, 2, 2, 0],
     [0.19478735877359704, 0.12564074312025023, 0.04738322381340736, 0.21767687937263194, 0.2136762712246045,
      0.09999999999999998, 0.06666666666666667]),
    (&[3963, 1037], &[3754, 1246],
     [0.009933789792355636, 0.005073910306609815, 0.0017904585157428859, 0.04231380998850004, 0.03523834057475904,
      0.041799999999999976, 0.041800000000000004]),
    (&[100], &[90], [0.0; 7]),
];

type Distance = fn(&[u64], &[u64]) -> Result<f64>;
const FUNCTIONS: [Distance; 7] =
    [psi, kl_divergence, js_divergence, js_distance, hellinger, total_variation, l_infinity];

#[test]
fn agree_with_the_oracle() {
    for (reference, current, expected) in CASES {
        for (i, (function, expected)) in FUNCTIONS.iter().zip(expected).enumerate() {
            let found = function(reference, current).unwrap();
            assert!((found - expected).abs() < 1e-12, "{reference:?} {current:?} {i}: {found}, expected {expected}");
        }
    }
}

#[test]
fn bins_empty_on_both_sides_change_nothing() {
    for function in FUNCTIONS {
        assert_eq!(function(&[3, 0, 5, 0], &[4, 0, 0, 0]), function(&[3, 5], &[4, 0]));
    }
}

#[test]
fn alike_is_zero_and_disjoint_is_one() {
    for function in FUNCTIONS {
        assert_eq!(function(&[3, 5], &[3, 5]), Ok(0.0));
    }
    for function in [js_divergence, js_distance, hellinger, total_variation, l_infinity] {
        assert_eq!(function(&[7, 0], &[0, 9]), Ok(1.0));
    }
}

#[test]
fn nothing_has_no_distance() {
    for function in FUNCTIONS {
        assert_eq!(function(&[0, 0], &[1, 2]), Err(Error::EmptySample));
        assert_eq!(function(&[], &[]), Err(Error::EmptySample));
        assert_eq!(function(&[1], &[1, 2]), Err(Error::UnequalBins { reference: 1, current: 2 }));
    }
    assert!(psi(&[u64::MAX, u64::MAX], &[1, 0]).unwrap().is_finite());
}

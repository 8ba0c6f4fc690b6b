//! What holds for all counts.

use proptest::collection::vec;
use proptest::prelude::*;
use tidegate_stats::distance::{
    hellinger, js_distance, js_divergence, kl_divergence, l_infinity, psi, total_variation,
};
use tidegate_stats::{Error, chi2_test, pool_rare};

/// Two samples over the same bins, many of them empty.
fn counts() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    let count = prop_oneof![Just(0), 1..9_u64, 1..1_000_000_u64];
    vec((count.clone(), count), 1..30).prop_map(|bins| bins.into_iter().unzip())
}

proptest! {
    #[test]
    fn distances_are_finite_symmetric_and_bounded((reference, current) in counts()) {
        if psi(&reference, &current) == Err(Error::EmptySample) {
            return Ok(());
        }
        for (function, most) in [(psi as fn(&[u64], &[u64]) -> _, f64::MAX), (js_divergence, 1.0), (js_distance, 1.0),
                                 (hellinger, 1.0), (total_variation, 1.0), (l_infinity, 1.0)] {
            let there = function(&reference, &current).unwrap();
            let back = function(&current, &reference).unwrap();
            prop_assert!((0.0..=most).contains(&there));
            prop_assert!((there - back).abs() <= 1e-9 * there.max(1e-3));
            prop_assert!(function(&reference, &reference).unwrap() < 1e-7);
        }
        let there = kl_divergence(&reference, &current).unwrap();
        let back = kl_divergence(&current, &reference).unwrap();
        prop_assert!((there + back - psi(&reference, &current).unwrap()).abs() < 1e-9);
    }

    #[test]
    fn pooling_keeps_every_row_and_leaves_no_rare_bin((reference, current) in counts()) {
        let Ok((a, b)) = pool_rare(&reference, &current) else { return Ok(()) };
        let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
        prop_assert_eq!((a.iter().sum::<u64>(), b.iter().sum::<u64>()), (n, m));
        let share = n.min(m) as f64 / (n + m) as f64;
        let lonely = a.len() == 1;
        for (a, b) in a.iter().zip(&b) {
            prop_assert!(lonely || (a + b) as f64 * share >= 5.0 - 1e-9);
        }
        if let Ok(test) = chi2_test(&reference, &current) {
            prop_assert!((0.0..=1.0).contains(&test.p) && (0.0..=1.0).contains(&test.cramers_v));
        }
    }
}

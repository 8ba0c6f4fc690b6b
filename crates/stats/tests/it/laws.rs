//! What holds for all counts.

use proptest::collection::vec;
use proptest::prelude::*;
use tidegate_stats::distance::{
    hellinger, js_distance, js_divergence, kl_divergence, l_infinity, psi, total_variation,
};
use tidegate_stats::group_sequential::{boundaries, crossing_probabilities};
use tidegate_stats::sample_ratio::chi2_p_value;
use tidegate_stats::{
    ConfidenceSequence, Error, Estimate, Proportion, SampleRatio, Sides, Spending, chi2_test, holm_adjusted, pool_rare,
    rate_interval,
};

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

    #[test]
    fn a_confidence_sequence_holds_its_estimate_and_ends_where_its_evidence_does(
        value in -1e6..1e6_f64, log_information in -20.0..40.0_f64, planned in -20.0..40.0_f64, alpha in 1e-9..0.4_f64,
    ) {
        let estimate = Estimate::new(value, (-log_information).exp()).unwrap();
        for sides in [Sides::One, Sides::Two] {
            let sequence = ConfidenceSequence::new(sides, alpha, planned.exp()).unwrap();
            let interval = sequence.interval(estimate).unwrap();
            prop_assert!(interval.low <= value && value <= interval.high);
            let deviations = (value - interval.low) * (0.5 * log_information).exp();
            // Where the width is no more than the last digits of the value, so is the evidence at its end.
            if deviations > 0.1 && interval.high - interval.low > 1e-6 * value.abs() {
                let log_e = sequence.log_e_value(estimate, interval.low).unwrap();
                prop_assert!(log_e >= -alpha.ln() - 1e-4 * deviations.powi(2), "{sides:?}: {log_e}");
                prop_assert!(sides == Sides::One || (log_e + alpha.ln()).abs() < 1e-4 * deviations.powi(2));
            }
        }
    }

    #[test]
    fn group_sequential_boundaries_spend_what_is_due(
        rises in vec(0.01..1.0_f64, 1..6), alpha in 0.001..0.2_f64, rho in 0.5..4.0_f64,
    ) {
        let total = rises.iter().sum::<f64>();
        let fractions = rises.iter().scan(0.0, |sum, rise| {
            *sum += rise / total;
            Some(f64::min(*sum, 1.0))
        });
        let fractions = fractions.collect::<Vec<_>>();
        for spending in [Spending::ObrienFleming, Spending::Pocock, Spending::Power { rho }] {
            let z = boundaries(&fractions, spending, Sides::One, alpha).unwrap();
            let crossed = crossing_probabilities(&fractions, &z, Sides::One, 0.0).unwrap();
            let mut spent = 0.0;
            for (&t, crossed) in fractions.iter().zip(crossed) {
                spent += crossed;
                prop_assert!((spent - spending.spent(t, alpha).unwrap()).abs() < 1e-10, "{spending:?} at {t}: {spent}");
            }
        }
    }

    #[test]
    fn shares_and_rates_are_judged_whatever_the_counts(
        counts in vec(prop_oneof![Just(0), 1..9_u64, 1..1_000_000_000_u64], 2..5), concentration in 0.01..1e4_f64,
    ) {
        let weights = (1..=counts.len()).map(|weight| weight as f64).collect::<Vec<_>>();
        let ratio = SampleRatio::new(&weights, concentration).unwrap();
        prop_assert!((0.0..=1.0).contains(&ratio.p_value(&counts).unwrap()));
        prop_assert!(chi2_p_value(&counts, &weights).is_ok_and(|p| (0.0..=1.0).contains(&p)) || counts.iter().all(|&count| count == 0));
        let total = counts.iter().sum::<u64>();
        for (&count, interval) in counts.iter().zip(ratio.intervals(&counts, 0.05).unwrap()) {
            prop_assert!(0.0 <= interval.low && interval.low <= interval.high && interval.high <= 1.0);
            if total > 0 {
                let share = count as f64 / total as f64;
                prop_assert!((interval.low..=interval.high).contains(&share), "{interval:?} without {share}");
                let exact = rate_interval(Proportion::new(count, total).unwrap(), 1000.0, 0.05).unwrap();
                prop_assert!((exact.low..=exact.high).contains(&share), "{exact:?} without {share}");
            }
        }
    }

    #[test]
    fn holm_keeps_the_order_and_claims_no_more_than_each_alone(p in vec(0.0..=1.0_f64, 0..20)) {
        let adjusted = holm_adjusted(&p).unwrap();
        for (i, &a) in p.iter().enumerate() {
            prop_assert!(a <= adjusted[i] && adjusted[i] <= (a * p.len() as f64).min(1.0));
            for (j, &b) in p.iter().enumerate() {
                prop_assert!(a > b || adjusted[i] <= adjusted[j]);
            }
        }
    }
}

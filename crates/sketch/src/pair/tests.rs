//! Numbers that an oracle found over the same values (scipy and numpy).

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::numbers::cuts;
use super::*;
use crate::{DdSketch, Freq};

fn of(values: &[f64]) -> DdSketch {
    let mut sketch = DdSketch::default();
    sketch.extend(values);
    sketch
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-9), "{what}: {found}, not {expected}");
}

/// Cuts, then d_lo, d_hi and w1.
fn check(reference: &[f64], current: &[f64], expected_cuts: &[i32], expected: [f64; 3]) {
    let (reference, current) = (of(reference), of(current));
    assert_eq!(cuts(&reference, 10).unwrap(), expected_cuts);
    let ks = kolmogorov_smirnov(&reference, &current).unwrap().unwrap();
    near(ks.d_lo, expected[0], "d_lo");
    near(ks.d_hi, expected[1], "d_hi");
    near(wasserstein(&reference, &current).unwrap().unwrap().w1, expected[2], "w1");
}

#[test]
fn distances_are_those_of_the_oracle() {
    check(&[5.0; 100], &[5.0; 80], &[1117, 1118], [0.0, 1.0, 0.0]);
    let third = 1.0 / 3.0;
    let cuts = [1037, 1038, 1071, 1072, 1091, 1092];
    check(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0], &cuts, [third, 2.0 * third, 1.001_611_777_676_196]);
    check(&[1.0], &[2.0], &[1037, 1038], [1.0, 1.0, 0.983_661_701_417_344_8]);
    let (inf, null) = (f64::INFINITY, f64::NAN);
    check(
        &[0.5, null, 1.5, inf, -2.0, 0.0, 3.25, null, 4.0, 1e-12],
        &[0.25, 1.0, null, -inf, -2.5, 0.0, 0.0, 9.0, 1e6, -1e-12],
        &[-1073, -1072, -1, 0, 1002, 1003, 1057, 1058, 1095, 1096, 1106, 1107],
        [0.25, 0.357_142_857_142_857_15, 124_364.637_739_339_9],
    );
}

#[test]
fn bins_are_those_of_the_oracle() {
    let paired = of_numbers(&of(&[1.0, 2.0, 3.0]), &of(&[2.0, 3.0, 4.0]), 10).unwrap();
    assert_eq!((paired.reference, paired.current), (vec![1, 1, 1, 0], vec![0, 1, 1, 1]));
    let values = (1..=1000).map(f64::from).collect::<Vec<_>>();
    let paired = of_numbers(&of(&values), &of(&[0.5, 5000.0]), 10).unwrap();
    assert!(paired.reference.iter().all(|count| (85..=115).contains(count)), "{paired:?}");
    assert_eq!(paired.current, [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(of_numbers(&of(&values), &of(&values), 1).is_err());
}

#[test]
fn nothing_has_no_distance() {
    let (empty, one) = (of(&[f64::NAN]), of(&[1.0]));
    for (reference, current) in [(&empty, &one), (&one, &empty), (&empty, &empty)] {
        assert_eq!(kolmogorov_smirnov(reference, current), Ok(None));
        assert_eq!(wasserstein(reference, current), Ok(None));
        assert_eq!(out_of_range(reference, current), Ok(None));
    }
    assert_eq!(of_numbers(&empty, &empty, 10), Ok(Paired::default()));
    assert_eq!(of_numbers(&empty, &one, 10), Ok(Paired { reference: vec![0], current: vec![1] }));
}

#[test]
fn numbers_beyond_the_reference_are_told() {
    let reference = of(&[-1.0, 10.0]);
    assert_eq!(out_of_range(&reference, &of(&[-1.0, 0.0, 10.0, 10.5, -2.0, 1e9])), Ok(Some(0.5)));
}

#[test]
fn numbers_at_the_ends_of_the_line_have_a_distance() {
    let found = wasserstein(&of(&[-f64::MAX, 1.0]), &of(&[f64::MAX, 1.0])).unwrap().unwrap();
    assert!(!found.w1.is_nan() && !found.error.is_nan(), "{found:?}");
    let same = wasserstein(&of(&[-f64::MAX, f64::MAX]), &of(&[-f64::MAX, f64::MAX])).unwrap().unwrap();
    assert_eq!(same.w1, 0.0);
}

#[test]
fn zeros_hide_nothing() {
    let zeros = of(&[0.0, 0.0, 0.0, 5.0]);
    let ks = kolmogorov_smirnov(&zeros, &zeros).unwrap().unwrap();
    assert_eq!((ks.d_lo, ks.d_hi, ks.unresolved), (0.0, 0.75, 0.25));
}

fn freq(capacity: u32, categories: impl IntoIterator<Item = u32>) -> Freq {
    let mut freq = Freq::new(capacity).unwrap();
    categories.into_iter().for_each(|category| freq.add(&category.to_string()));
    freq
}

#[test]
fn what_only_the_current_sketch_has_is_named() {
    let (before, after) = (freq(10, [1, 2, 2, 3]), freq(10, [11, 2, 3, 3, 10]));
    assert_eq!(only_in_current(&before, &after).unwrap(), BTreeSet::from(["10", "11"]));
    assert_eq!(only_in_current(&after, &before).unwrap(), BTreeSet::from(["1"]));
    assert_eq!(only_in_current(&before, &Freq::new(10).unwrap()).unwrap(), BTreeSet::new());
    assert!(only_in_current(&before, &freq(11, [1])).is_err());
}

#[test]
fn kinds_do_not_mix() {
    let (numbers, categories) = (Shape::Numbers(DdSketch::default()), Shape::Categories(Freq::default()));
    let error = of_shapes(&numbers, &categories, 10).unwrap_err();
    assert_eq!(error.to_string(), "a sketch of numbers and one of categories do not go together");
    assert_eq!(of_shapes(&numbers, &numbers, 10), Ok(Paired::default()));
}

proptest! {
    #[test]
    fn the_distances_of_the_numbers_lie_within_the_bounds(
        reference in prop::collection::vec(-50.0..50.0, 1..60),
        current in prop::collection::vec(-60.0..40.0, 1..60),
    ) {
        let share = |values: &[f64], x: f64| values.iter().filter(|value| **value <= x).count() as f64 / values.len() as f64;
        let mut all = [&reference[..], &current[..]].concat();
        all.sort_by(f64::total_cmp);
        let gap = |x: f64| (share(&reference, x) - share(&current, x)).abs();
        let exact_ks = all.iter().map(|x| gap(*x)).fold(0.0, f64::max);
        let exact_w1 = all.windows(2).map(|pair| gap(pair[0]) * (pair[1] - pair[0])).sum::<f64>();

        let (reference, current) = (of(&reference), of(&current));
        let ks = kolmogorov_smirnov(&reference, &current).unwrap().unwrap();
        prop_assert!(ks.d_lo <= exact_ks + 1e-12 && exact_ks <= ks.d_hi + 1e-12, "{:?} of {}", ks, exact_ks);
        let found = wasserstein(&reference, &current).unwrap().unwrap();
        prop_assert!((found.w1 - exact_w1).abs() <= found.error + 1e-9, "{:?} of {}", found, exact_w1);
        let paired = of_numbers(&reference, &current, 10).unwrap();
        prop_assert_eq!(paired.reference.iter().sum::<u64>(), reference.count());
        prop_assert_eq!(paired.current.iter().sum::<u64>(), current.count());
    }

    #[test]
    fn categories_are_paired_exactly(
        reference in prop::collection::vec(0_u8..30, 0..80),
        current in prop::collection::vec(10_u8..40, 0..80),
        capacity in 1_u32..40,
    ) {
        let of = |categories: &[u8], capacity| {
            let mut freq = Freq::new(capacity).unwrap();
            categories.iter().for_each(|category| freq.add(&category.to_string()));
            freq
        };
        let paired = of_categories(&of(&reference, capacity), &of(&current, capacity)).unwrap();
        if of(&reference, capacity).is_exact() && of(&current, capacity).is_exact() {
            let times = |values: &[u8], category| values.iter().filter(|value| value.to_string() == category).count() as u64;
            let all = reference.iter().chain(&current).map(u8::to_string).collect::<BTreeSet<_>>();
            let truth = all.into_iter().map(|category| (times(&reference, category.clone()), times(&current, category)));
            prop_assert_eq!((paired.reference.clone(), paired.current.clone()), truth.unzip());
        }
        prop_assert_eq!(paired.reference.iter().sum::<u64>(), reference.len() as u64);
        prop_assert_eq!(paired.current.iter().sum::<u64>(), current.len() as u64);
    }

    #[test]
    fn what_is_named_as_new_is_new_and_nothing_is_missed_while_all_is_kept(
        reference in prop::collection::btree_set(0_u32..60, 0..40),
        current in prop::collection::btree_set(20_u32..80, 0..40),
        capacity in 1_u32..50,
    ) {
        let (before, after) = (freq(capacity, reference.clone()), freq(capacity, current.clone()));
        let truth = current.difference(&reference).map(u32::to_string).collect::<BTreeSet<_>>();
        let named = only_in_current(&before, &after).unwrap();
        prop_assert!(named.iter().all(|category| truth.contains(*category)), "{:?} of {:?}", named, truth);
        if before.is_exact() && after.is_exact() {
            prop_assert_eq!(named.len(), truth.len());
        }
    }
}

use opendp::domains::{AtomDomain, VectorDomain};
use opendp::metrics::L1Distance;
use opendp::transformations::make_b_ary_tree;
use proptest::prelude::*;

use super::*;
use crate::{Calibration, Design, Exact, Grant, Measure, Mechanism, Selection};

fn tree(leaves: usize, branching: usize) -> Tree {
    Tree::new(leaves, branching).unwrap()
}

#[test]
fn nodes_lie_where_opendp_has_them() {
    for branching in [2, 3, 4, 10, 16] {
        for leaves in (1..40).chain([63, 64, 65, 100, 256, 257, 1000]) {
            let counts: Vec<i64> = (0..leaves as i64).map(|leaf| leaf * leaf + 1).collect();
            let theirs = make_b_ary_tree(
                VectorDomain::<AtomDomain<i64>>::default(),
                L1Distance::<i64>::default(),
                leaves as u32,
                branching as u32,
            )
            .unwrap();
            let ours = tree(leaves, branching);
            let nodes = ours.counts(&counts);
            assert_eq!(nodes, theirs.invoke(&counts).unwrap(), "{leaves} leaves, {branching} branches");
            assert_eq!(nodes.len(), ours.nodes());
            assert_eq!(theirs.map(&1).unwrap(), ours.height() as i64);
        }
    }
}

#[test]
fn a_row_is_counted_once_per_level() {
    let tree = tree(100, 4);
    let none = tree.counts(&[]);
    for leaf in 0..100 {
        let mut counts = vec![0; 100];
        counts[leaf] = 1;
        let changed: Vec<i64> = tree.counts(&counts).iter().zip(&none).map(|(a, b)| a - b).collect();
        assert_eq!(changed.iter().map(|x| x.abs()).sum::<i64>(), tree.height() as i64);
        assert!(changed.iter().all(|x| *x == 0 || *x == 1));
    }
}

#[test]
fn sums_saturate() {
    assert_eq!(tree(4, 2).counts(&[i64::MAX; 4]), vec![i64::MAX; 7]);
    assert_eq!(tree(3, 2).counts(&[i64::MIN; 9]), vec![i64::MIN, i64::MIN, i64::MIN, i64::MIN, i64::MIN, i64::MIN]);
}

#[test]
fn quantiles_are_interpolated_inside_a_leaf() {
    let tree = tree(5, 2);
    let nodes = tree.counts(&[0, 10, 0, 30, 0]);
    for (q, position) in [(0.0, 1.0), (0.125, 1.5), (0.25, 2.0), (0.5, 3.0 + 1.0 / 3.0), (0.625, 3.5), (1.0, 4.0)] {
        let got = tree.quantile(&nodes, q).unwrap();
        assert!((got - position).abs() < 1e-9, "{q}: {got}, expected {position}");
    }
}

#[test]
fn nothing_has_no_quantile() {
    let small = tree(5, 2);
    assert_eq!(small.quantile(&small.counts(&[]), 0.5), None);
    assert_eq!(small.quantile(&small.counts(&[1, 1, -3]), 0.5), None);
    let nodes = small.counts(&[1; 5]);
    for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(small.quantile(&nodes, q), None);
    }
    assert_eq!(small.quantile(&nodes[1..], 0.5), None);
    assert_eq!(small.quantile(&[], 0.5), None);
    assert_eq!(tree(1, 2).quantile(&[8], 0.25), Some(0.25));
}

#[test]
fn shapes_without_meaning_are_refused() {
    for (leaves, branching) in [(0, 2), (1, 0), (1, 1), (10, 1), (usize::MAX, 2), (2, usize::MAX)] {
        assert!(Tree::new(leaves, branching).is_err(), "{leaves} {branching}");
    }
    assert_eq!(tree(1 << 20, 2).nodes(), (1 << 21) - 1);
}

/// A leaf that disagrees with its parent is corrected: weighted averages by hand for two leaves below a root.
#[test]
fn levels_are_made_to_agree() {
    // Leaves say 3 + 5 = 8 with variance 2, the root says 11 with variance 1: together 10, so each leaf gets 1 more.
    let sums = tree(2, 2).cumulative(&[11, 3, 5]).unwrap();
    assert!((sums[0] - 4.0).abs() < 1e-12 && (sums[1] - 10.0).abs() < 1e-12, "{sums:?}");
}

#[test]
fn pooling_gives_the_nearest_growing_sequence() {
    assert_eq!(isotonic(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
    assert_eq!(isotonic(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
    assert_eq!(isotonic(&[]), [0.0_f64; 0]);
}

/// 10,000 rows spread evenly over 64 leaves, with noise of epsilon 1: the quantiles are within a leaf of the truth.
#[test]
fn noisy_quantiles_are_near_the_exact_ones() {
    let tree = tree(64, 4);
    let height = tree.height();
    let measure = Measure { epsilon: 1.0, delta: 0.0, l1: height as u64, l2: (height as f64).sqrt() };
    let design =
        Design { mechanism: Mechanism::Laplace, max_groups: 1, selection: Selection::Public, measures: vec![measure] };
    let calibration = Calibration::of(&design).unwrap();
    let exact = Exact { units: vec![0], measures: vec![tree.counts(&[156; 64])] };
    let noised = calibration.draw(exact, Grant::paid(calibration.cost())).unwrap();
    for q in [0.05, 0.5, 0.95] {
        let got = tree.quantile(&noised.measures[0], q).unwrap();
        assert!((got - 64.0 * q).abs() < 1.0, "{q}: {got}");
    }
}

proptest! {
    #[test]
    fn quantiles_of_any_noise_grow_and_stay_in_range(
        leaves in 1_usize..70, branching in 2_usize..6, seed in prop::collection::vec(-1000_i64..2000, 200), a in 0.0..=1.0, b in 0.0..=1.0,
    ) {
        let tree = tree(leaves, branching);
        let noisy: Vec<i64> = seed.iter().copied().cycle().take(tree.nodes()).collect();
        let (low, high) = (f64::min(a, b), f64::max(a, b));
        if let (Some(low), Some(high)) = (tree.quantile(&noisy, low), tree.quantile(&noisy, high)) {
            prop_assert!(0.0 <= low && low <= high && high <= leaves as f64, "{low} {high}");
        } else {
            prop_assert_eq!(tree.quantile(&noisy, 0.5), None);
        }
    }

    #[test]
    fn without_noise_the_quantile_is_exact(counts in prop::collection::vec(0_i64..100, 1..70), branching in 2_usize..6, q in 0.0..=1.0) {
        let tree = tree(counts.len(), branching);
        let total: i64 = counts.iter().sum();
        match tree.quantile(&tree.counts(&counts), q) {
            None => prop_assert_eq!(total, 0),
            Some(position) => {
                let whole = position.floor() as usize;
                let before: i64 = counts[..whole].iter().sum();
                let inside = counts.get(whole).map_or(0.0, |count| *count as f64 * position.fract());
                prop_assert!((before as f64 + inside - q * total as f64).abs() < 1e-6 * (1.0 + total as f64));
            }
        }
    }

    /// Counts of parts add up to the counts of the whole, so states merge by addition.
    #[test]
    fn counts_merge(a in prop::collection::vec(0_i64..100, 30), b in prop::collection::vec(0_i64..100, 30)) {
        let tree = tree(30, 4);
        let sum = |a: &[i64], b: &[i64]| -> Vec<i64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        prop_assert_eq!(sum(&tree.counts(&a), &tree.counts(&b)), tree.counts(&sum(&a, &b)));
    }
}

//! Numbers that are counted right.

use proptest::prelude::*;
use sketches_ddsketch::{Config, DDSketch as Oracle};

use super::*;

fn of(values: &[f64]) -> DdSketch {
    let mut sketch = DdSketch::default();
    sketch.extend(values);
    sketch
}

/// Sizes that have a bin, of both signs, and zeros.
fn finite() -> impl Strategy<Value = f64> {
    let sized = (-20.0..710.0, any::<bool>()).prop_map(|(ln, positive): (f64, bool)| {
        let size = ln.exp().min(f64::MAX);
        if positive { size } else { -size }
    });
    prop_oneof![4 => sized, 2 => -1e3..1e3, 1 => Just(0.0), 1 => Just(-1e-9), 1 => (-3_i8..4).prop_map(f64::from)]
}

proptest! {
    #[test]
    fn a_bin_is_within_alpha_of_its_numbers(x in finite(), alpha in 0.001..=0.2) {
        let mut sketch = DdSketch::new(alpha).unwrap();
        sketch.add(x);
        let bin = sketch.bins().next().unwrap();
        prop_assert_eq!(sketch.place(x), bin.key);
        // The edges are rounded, and so is the logarithm that found the bin.
        let slack = 1e-11 * x.abs();
        prop_assert!(bin.lower - slack <= x && x <= bin.upper + slack, "{:?} holds {}", bin, x);
        if bin.key == 0 {
            prop_assert!(x.abs() <= 1e-9);
        } else {
            prop_assert!((bin.value - x).abs() <= alpha * x.abs() + slack, "{:?} stands for {}", bin, x);
        }
    }

    #[test]
    fn quantiles_and_ranks_are_those_of_the_sorted_numbers(mut values in prop::collection::vec(finite(), 1..200), q in 0.0..=1.0) {
        let sketch = of(&values);
        values.sort_by(f64::total_cmp);
        let exact = values[(q * (values.len() - 1) as f64) as usize];
        let found = sketch.quantile(q).unwrap().unwrap();
        prop_assert!((found - exact).abs() <= 0.01 * exact.abs() + 1e-9, "{} for {}", found, exact);

        let place = sketch.place(exact);
        let below = values.iter().filter(|value| sketch.place(**value) <= place).count();
        prop_assert_eq!(sketch.rank(exact), Some(below as f64 / values.len() as f64));
    }

    #[test]
    fn bins_and_quantiles_are_those_of_datadog(values in prop::collection::vec(finite(), 1..100)) {
        let mut oracle = Oracle::new(Config::new(0.01, u32::MAX / 4, 1e-9));
        values.iter().for_each(|x| oracle.add(*x));
        let sketch = of(&values);
        prop_assert_eq!(sketch.count(), oracle.count() as u64);
        for q in [0.1, 0.5, 0.75, 0.99] {
            let (found, expected) = (sketch.quantile(q).unwrap().unwrap(), oracle.quantile(q).unwrap().unwrap());
            // Datadog's value of the last bin may be infinite.
            prop_assert!((found - expected.clamp(-f64::MAX, f64::MAX)).abs() <= 1e-9 * found.abs(), "{} for {}", found, expected);
        }
        // The oracle hides its bins: they are read from its bytes.
        prop_assert_eq!(DdSketch::from_datadog(&oracle.to_java_bytes()).unwrap(), sketch);
    }

    #[test]
    fn datadog_reads_what_is_written_for_it(values in prop::collection::vec(finite(), 0..100), alpha in 1_u32..200) {
        let mut sketch = DdSketch::new(f64::from(alpha) / 1000.0).unwrap();
        sketch.extend(&values);
        let bytes = sketch.to_datadog();
        prop_assert_eq!(&DdSketch::from_datadog(&bytes).unwrap(), &sketch);
        // The oracle takes the first byte of an empty sketch for the version now and then, unless that is there.
        let versioned = [&[2][..], &bytes].concat();
        prop_assert_eq!(&DdSketch::from_datadog(&versioned).unwrap(), &sketch);
        prop_assert_eq!(Oracle::from_java_bytes(&versioned).unwrap().count(), values.len());
    }
}

#[test]
fn what_has_no_bin_is_counted_apart() {
    let mut sketch = of(&[0.0, -0.0, 1e-9, -1e-12, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, 2.0]);
    sketch.add_null();
    assert_eq!((sketch.zeros(), sketch.nulls(), sketch.nan(), sketch.pos_inf(), sketch.neg_inf()), (4, 1, 1, 1, 2));
    assert_eq!((sketch.count(), sketch.rows()), (5, 10));
    assert_eq!(sketch.bins().map(|bin| (bin.key, bin.count)).collect::<Vec<_>>(), [(0, 4), (1072, 1)]);
    assert_eq!((sketch.rank(0.0), sketch.rank(f64::NEG_INFINITY), sketch.rank(5.0)), (Some(0.8), Some(0.0), Some(1.0)));
    assert_eq!(sketch.rank(f64::NAN), None);
}

#[test]
fn nothing_has_no_quantile() {
    let sketch = of(&[f64::NAN]);
    assert_eq!((sketch.quantile(0.5), sketch.rank(1.0), sketch.count()), (Ok(None), None, 0));
    for q in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(sketch.quantile(q), Err(Error::OutOfRange { name: "q", .. })));
    }
}

#[test]
fn the_size_is_bounded() {
    let mut sketch = of(&[f64::MAX, 1.1e-9, -f64::MAX, -1.1e-9]);
    assert!(sketch.heap_size() <= 2 * 36_528 * 8, "{}", sketch.heap_size());
    assert!(sketch.to_bytes().len() < 60);
    sketch = DdSketch::default();
    (0..1000).for_each(|size| sketch.add(f64::from(size)));
    assert!(sketch.heap_size() < 8_000, "{}", sketch.heap_size());
}

#[test]
fn alpha_has_a_range_and_does_not_mix() {
    for alpha in [0.0, 0.0009, 0.21, f64::NAN, -1.0] {
        assert!(matches!(DdSketch::new(alpha), Err(Error::OutOfRange { name: "alpha", .. })), "{alpha}");
    }
    let mut sketch = of(&[1.0]);
    let coarse = DdSketch::new(0.02).unwrap();
    assert_eq!(sketch.merge(&coarse), Err(Error::Unlike { name: "alpha", left: 0.01, right: 0.02 }));
    assert!(sketch.subtract(&coarse).is_err());
}

#[test]
fn more_rows_than_can_be_told_are_refused() {
    let mut huge = DdSketch::default();
    huge.put_zeros(i64::MAX as u64);
    let before = huge.clone();
    assert_eq!(huge.merge(&of(&[1.0])), Err(Error::Overflow));
    assert_eq!(huge, before);
    huge.put_zeros(1);
    assert!(matches!(DdSketch::from_bytes(&huge.to_bytes()), Err(Error::Corrupt { check: "count", .. })));
}

#[test]
fn bytes_of_java_are_read() {
    // Written by DDSketchWithExactSummaryStatistics.encode() over LogarithmicMapping(0.01).
    let simple = "a00588000000000000f03f8c0000000000001440840000000000002e4002fd4a815abf52f03f000000000000000005050002440228021e021602";
    let negative = "a084408800000000000008c08c000000000000144084000000000000084002fd4a815abf52f03f0000000000000000050244025c02070200026c02";
    let zero =
        "a0048800000000000000008c000000000000004084000000000000084002fd4a815abf52f03f00000000000000000402050200024402";
    for (hex, values) in
        [(simple, &[1.0, 2.0, 3.0, 4.0, 5.0][..]), (negative, &[-3.0, -1.0, 2.0, 5.0]), (zero, &[0.0, 1.0, 2.0])]
    {
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        assert_eq!(DdSketch::from_datadog(&bytes.collect::<Vec<_>>()).unwrap(), of(values), "{hex}");
    }
}

#[test]
fn other_sketches_of_datadog_are_refused() {
    let mapping =
        |flag: u8, gamma: f64, offset: f64| [&[flag][..], &gamma.to_le_bytes(), &offset.to_le_bytes()].concat();
    let gamma = 1.01 / 0.99;
    let check = |bytes: &[u8]| match DdSketch::from_datadog(bytes) {
        Err(Error::Corrupt { check, .. }) => check,
        other => panic!("{other:?}"),
    };
    assert_eq!(DdSketch::from_datadog(&mapping(2, gamma, 0.0)), Ok(DdSketch::default()));
    assert_eq!(check(&mapping(2, gamma, 1.5)), "offset: the mapping is shifted");
    assert_eq!(check(&mapping(6, gamma, 0.0)), "mapping: it is not the logarithmic one");
    assert_eq!(check(&mapping(2, f64::NAN, 0.0)), "accuracy");
    assert_eq!(check(&[]), "mapping: there is none");
    assert_eq!(check(&[0x04]), "length");
    // Two bins at 0 and 1 with half a row each, and a bin beyond all sizes.
    let half = [&mapping(2, gamma, 0.0)[..], &[0x0d, 1, 0, 2, 0x81, 0x40]].concat();
    assert_eq!(check(&half), "count");
    let beyond = [&mapping(2, gamma, 0.0)[..], &[0x09, 1, 0x80, 0x80, 0x80, 0x01]].concat();
    assert_eq!(check(&beyond), "bin number");
}

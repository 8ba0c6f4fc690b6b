//! Distinct counts that are near the truth.

use super::*;

fn of(lg_k: u8, values: std::ops::Range<u64>) -> Hll {
    let mut hll = Hll::new(lg_k).unwrap();
    values.for_each(|value| hll.add(&value.to_le_bytes()));
    hll
}

#[test]
fn estimates_are_within_four_standard_errors() {
    for lg_k in [4, 8, 12, 14] {
        let error = 1.04 / f64::from(1_u32 << lg_k).sqrt();
        for distinct in [1, 10, 100, 1_000, 10_000, 100_000] {
            let found = of(lg_k, 0..distinct).estimate() / distinct as f64;
            assert!((found - 1.0).abs() < 4.0 * error, "{found} of {distinct} at {lg_k}");
        }
    }
    assert_eq!(of(12, 0..0).estimate(), 0.0);
    assert!((of(12, 0..1).estimate() - 1.0).abs() < 0.01);
}

#[test]
fn a_full_register_is_no_accident() {
    let mut hll = Hll::new(4).unwrap();
    hll.registers_mut().fill(61);
    assert_eq!(hll.estimate(), f64::INFINITY);
    hll.registers_mut()[0] = 60;
    assert!(hll.estimate() > 1e18);
}

#[test]
fn a_value_counts_once() {
    let mut hll = Hll::default();
    [0.0, -0.0, f64::NAN, -f64::NAN, 1.5, 1.5].iter().for_each(|x| hll.add_number(*x));
    assert_eq!(hll.estimate().round(), 3.0);
    let mut union = of(12, 0..600);
    union.merge(&of(12, 400..1_000)).unwrap();
    assert_eq!(union, of(12, 0..1_000));
}

#[test]
fn few_registers_are_written_alone() {
    assert!(of(12, 0..10).to_bytes().len() < 60);
    assert_eq!(of(12, 0..100_000).to_bytes().len(), 4096 + 14 + 1 + 2);
    assert!(Hll::new(3).is_err() && Hll::new(19).is_err());
    assert!(of(4, 0..1).merge(&of(5, 0..1)).is_err());
}

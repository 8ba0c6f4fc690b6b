//! Do the laws hold? Sums and variances against rational arithmetic, and states against every order
//! and split.

use num_bigint::{BigInt, Sign};
use proptest::{prelude::*, sample::Index};

use super::*;

fn sums_of(values: &[f64]) -> ExactSums {
    let mut sums = ExactSums::new();
    sums.resize(1);
    values.iter().for_each(|&value| sums.add(0, value));
    sums
}

fn state_of(values: &[f64]) -> Vec<u8> {
    encoded(&sums_of(values), 0)
}

fn encoded(sums: &ExactSums, group: usize) -> Vec<u8> {
    let mut state = Vec::new();
    sums.encode(group, &mut state);
    state
}

fn variances_of(values: &[f64]) -> VarianceSums {
    let mut sums = VarianceSums::new();
    sums.resize(1);
    values.iter().for_each(|&value| sums.add(0, value));
    sums
}

fn pieces_of(sums: &VarianceSums, group: usize) -> (u64, Vec<u8>, Vec<u8>) {
    let (mut sum, mut squares) = (Vec::new(), Vec::new());
    sums.encode_sum(group, &mut sum);
    sums.encode_squares(group, &mut squares);
    (sums.count(group), sum, squares)
}

/// The values sum to what is expected, and so does a group their state was merged into.
fn check(values: &[f64], expect: f64) {
    let sums = sums_of(values);
    let state = encoded(&sums, 0);
    let mut merged = ExactSums::new();
    merged.resize(1);
    merged.merge(0, &state).unwrap();
    assert_eq!(encoded(&merged, 0), state);
    assert_eq!(merged.exact(0), sums.exact(0));
    for rounded in [sums.round(0), merged.round(0)] {
        assert!(
            rounded.to_bits() == expect.to_bits() || (rounded.is_nan() && expect.is_nan()),
            "{values:?} sum to {rounded:e}, not {expect:e}"
        );
    }
}

/// A finite value as a whole number of 2^-1075, half the smallest subnormal.
fn halves(value: f64) -> BigInt {
    let bits = value.to_bits();
    let biased = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = match biased {
        0 => BigInt::from(fraction) << 1,
        _ => BigInt::from(fraction | 1 << 52) << biased,
    };
    if value.is_sign_negative() { -magnitude } else { magnitude }
}

/// Checks that `rounded` is the nearest `f64` to `num / den`, in units of 2^-1075, by looking at
/// its neighbours.
fn assert_nearest(num: &BigInt, den: &BigInt, rounded: f64) {
    let overflow = BigInt::from((1u64 << 54) - 1) << (970 + 1075);
    let magnitude = BigInt::from(num.magnitude().clone());
    if magnitude >= &overflow * den {
        let sign = if num.sign() == Sign::Minus { -1.0 } else { 1.0 };
        assert_eq!(rounded, sign * f64::INFINITY);
        return;
    }
    assert!(rounded.is_finite());
    let distance = |value: f64| {
        let difference = num - halves(value) * den;
        BigInt::from(difference.magnitude().clone())
    };
    let own = distance(rounded);
    for neighbour in [rounded.next_up(), rounded.next_down()] {
        if neighbour.is_finite() {
            let other = distance(neighbour);
            assert!(own < other || (own == other && rounded.to_bits() & 1 == 0), "{rounded:e} or {neighbour:e}");
        }
    }
    if num.sign() == Sign::NoSign {
        assert_eq!(rounded.to_bits(), 0);
    }
}

#[test]
fn sums_do_not_lose_small_terms() {
    check(&[], 0.0);
    check(&[1e16, 1.0, -1e16], 1.0);
    check(&[1e16, -1e16, 1.0], 1.0);
    check(&[1e300, 1e-300, -1e300], 1e-300);
    check(&[1e300, 1e-300, -1e300, -1e-300], 0.0);
    check(&[0.1; 10], 1.0);
    check(&[0.5, 1e12, -1e12, 5e-324], 0.5);
    check(&[1.0, f64::EPSILON / 2.0], 1.0);
    check(&[1.0, f64::EPSILON / 2.0, 5e-324], 1.0 + f64::EPSILON);
}

#[test]
fn sums_keep_to_the_range_of_f64() {
    check(&[5e-324; 3], 1.5e-323);
    check(&[5e-324, -1e-323], -5e-324);
    check(&[f64::MIN_POSITIVE, -5e-324], f64::MIN_POSITIVE.next_down());
    check(&[f64::MAX, f64::MAX], f64::INFINITY);
    check(&[-f64::MAX, -f64::MAX], f64::NEG_INFINITY);
    check(&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX);
    check(&[2.0_f64.powi(1023); 2], f64::INFINITY);
    let half_step = 2.0_f64.powi(970);
    check(&[f64::MAX, half_step], f64::INFINITY);
    check(&[f64::MAX, half_step.next_down()], f64::MAX);
    check(&[f64::MAX, half_step, -5e-324], f64::MAX);
}

#[test]
fn the_largest_values_come_and_go() {
    let mut values = vec![f64::MAX; 1000];
    check(&values, f64::INFINITY);
    values.extend([-f64::MAX; 1000]);
    check(&values, 0.0);
    values.push(3.5);
    check(&values, 3.5);
    values.extend([-f64::MAX; 1000]);
    check(&values, f64::NEG_INFINITY);
}

#[test]
fn special_values_absorb() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    check(&[1.0, inf, -1e300], inf);
    check(&[-inf, f64::MAX, f64::MAX], -inf);
    check(&[inf, -inf], nan);
    check(&[1.0, nan], nan);
    check(&[nan, inf], nan);
    check(&[inf, 1.0, -inf, inf], nan);
    assert_eq!(state_of(&[inf, 1.0]), state_of(&[-2.0, inf]));
    assert_eq!(state_of(&[inf, -inf]), state_of(&[-nan]));
}

#[test]
fn zeros_have_no_sign() {
    check(&[-0.0], 0.0);
    check(&[-0.0, -0.0], 0.0);
    check(&[1.5, -0.0, -1.5], 0.0);
    assert_eq!(state_of(&[-0.0]), state_of(&[]));
    assert_eq!(state_of(&[]), [0]);
}

#[test]
fn states_are_short() {
    assert_eq!(state_of(&[1.0]), [0, 0, 0, 1]);
    assert_eq!(state_of(&[-3.0, 1.0]), [0, 1, 0, 0xff]);
    assert_eq!(state_of(&[0.25 * 127.0]), [0, 0xfe, 0xff, 127]);
    assert_eq!(state_of(&[129.0]), [0, 0, 0, 129, 0]);
    assert_eq!(state_of(&[f64::NAN]), [1]);
    assert_eq!(state_of(&[f64::INFINITY]), [2]);
    assert_eq!(state_of(&[f64::NEG_INFINITY]), [3]);
}

#[test]
fn having_been_wide_does_not_show() {
    let wide = sums_of(&[1e300, 0.1, 1e-300, -1e300, -1e-300]);
    let narrow = sums_of(&[0.1]);
    assert!(wide.size() > narrow.size());
    assert_eq!(encoded(&wide, 0), encoded(&narrow, 0));
    assert_eq!(wide.exact(0), narrow.exact(0));
}

#[test]
fn usual_sums_stay_narrow() {
    let mut sums = ExactSums::new();
    sums.resize(4);
    let narrow = sums.size();
    for row in 0..100_000 {
        let unit = f64::from(row * 7919 % 100_003) / 100_003.0;
        sums.add(0, unit);
        sums.add(1, unit * 1e6 - 3e5);
        sums.add(2, f64::from(row % 2));
        sums.add(3, (unit * 30.0 - 15.0).exp());
    }
    assert_eq!(sums.size(), narrow);
}

#[test]
fn malformed_states_are_refused() {
    let longest_zeros = [[0, 0, 0].as_slice(), &[1; 300]].concat();
    for state in [
        &[][..],
        &[4],
        &[0xff, 0, 0, 1],
        &[1, 0],
        &[0, 0],
        &[0, 0, 0],
        &[0, 0, 0, 0],
        &[0, 0, 0, 2],
        &[0, 0, 0, 1, 0],
        &[0, 0, 0, 0xff, 0xff],
        &[0, 0xcd, 0xfb, 1], // 2^-1075
        &[0, 0x40, 0x04, 1], // 2^1088
        &[0, 0xff, 0x7f, 1],
        &[0, 0, 0x80, 1],
        &longest_zeros,
    ] {
        let mut sums = sums_of(&[2.5]);
        assert!(sums.merge(0, state).is_err(), "{state:?}");
        assert_eq!(sums.round(0), 2.5);
    }
    for accepted in [&[0, 0xce, 0xfb, 1][..], &[0, 0x3f, 0x04, 1], &[0, 0x3f, 0x04, 0xff]] {
        let mut sums = sums_of(&[]);
        sums.merge(0, accepted).unwrap();
        assert_eq!(encoded(&sums, 0), accepted);
    }
}

#[test]
fn the_extreme_state_can_be_merged_again_and_again() {
    for state in [[0, 0x3f, 0x04, 1], [0, 0x3f, 0x04, 0xff]] {
        let mut sums = sums_of(&[]);
        for _ in 0..100_000 {
            sums.merge(0, &state).unwrap();
        }
        let Exact::Finite { mantissa, exponent } = sums.exact(0) else { panic!("not finite") };
        let sign = if state[3] == 1 { 1 } else { -1 };
        assert_eq!(mantissa << (exponent - 1087) as u32, BigInt::from(100_000 * sign));
    }
}

#[test]
fn the_front_leaves_and_the_rest_moves_down() {
    let mut sums = ExactSums::new();
    sums.resize(6);
    for group in 0..6 {
        sums.add(group, group as f64);
        if group % 2 == 1 {
            sums.add(group, 1e300);
            sums.add(group, 1e-300);
            sums.add(group, -1e300);
        }
    }
    let states: Vec<_> = (0..6).map(|group| encoded(&sums, group)).collect();
    let front = sums.split_off_front(3);
    assert_eq!((front.len(), sums.len()), (3, 3));
    let after: Vec<_> =
        (0..3).map(|group| encoded(&front, group)).chain((0..3).map(|group| encoded(&sums, group))).collect();
    assert_eq!(after, states);
    sums.add(1, -4.0);
    assert_eq!(sums.round(1), 0.0);
    assert_eq!(sums.split_off_front(9).len(), 3);
    assert!(sums.is_empty());
    sums.resize(1);
    assert_eq!(sums.round(0), 0.0);
}

#[test]
fn variances_of_known_values() {
    let check = |values: &[f64], ddof, expect: Option<f64>| {
        let variance = variances_of(values).variance(0, ddof);
        assert_eq!(variance.map(f64::to_bits), expect.map(f64::to_bits), "{values:?} have variance {variance:?}");
    };
    check(&[], 0, None);
    check(&[1.0], 1, None);
    check(&[f64::NAN], 1, None);
    check(&[1.0], 0, Some(0.0));
    check(&[0.1; 7], 1, Some(0.0));
    check(&[1e15 + 1.0, 1e15 + 2.0, 1e15 + 3.0], 1, Some(1.0));
    check(&[1.0, 2.0, 3.0, 4.0], 0, Some(1.25));
    check(&[f64::MAX, f64::MAX], 1, Some(0.0));
    check(&[f64::MAX, -f64::MAX], 0, Some(f64::INFINITY));
    check(&[5e-324, 0.0], 1, Some(0.0));
    check(&[2.0_f64.powi(-537), -(2.0_f64.powi(-537))], 0, Some(5e-324));
    check(&[2.0_f64.powi(700), 2.0_f64.powi(-700)], 0, Some(f64::INFINITY));
    check(&[2.0_f64.powi(511), -(2.0_f64.powi(511))], 0, Some(2.0_f64.powi(1022)));
    for special in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let sums = variances_of(&[1.0, special, 2.0]);
        assert!(sums.variance(0, 1).unwrap().is_nan());
        assert!(sums.stddev(0, 1).unwrap().is_nan());
    }
    assert_eq!(variances_of(&[1.0, 5.0]).stddev(0, 0), Some(2.0));
}

#[test]
fn variance_pieces_are_checked() {
    let mut sums = variances_of(&[1.0, 2.0]);
    let before = pieces_of(&sums, 0);
    let one = [0, 0, 0, 1];
    assert_eq!(sums.merge(0, 0, &one, &one), Err(CorruptState::SumsWithoutRows));
    assert_eq!(sums.merge(0, 0, &[0], &[1]), Err(CorruptState::SumsWithoutRows));
    assert_eq!(sums.merge(0, 1, &one, &[0, 0, 0, 0xff]), Err(CorruptState::NegativeSquares));
    assert_eq!(sums.merge(0, 1, &one, &[3]), Err(CorruptState::Kind { kind: 3 }));
    assert_eq!(sums.merge(0, 1, &one, &[]), Err(CorruptState::Length { bytes: 0 }));
    let overflow = CorruptState::CountOverflow { left: 2, right: u64::MAX };
    assert_eq!(sums.merge(0, u64::MAX, &one, &one), Err(overflow));
    assert_eq!(pieces_of(&sums, 0), before);
    // Well-formed, but no values have a sum of 101 and squares that sum to 1.
    sums.merge(0, 1, &[0, 0, 0, 101], &one).unwrap();
    assert_eq!(sums.variance(0, 1), Some(0.0));
}

#[test]
fn variance_groups_split_too() {
    let mut sums = VarianceSums::new();
    sums.resize(3);
    for (group, values) in [[1.0, 2.0], [1e300, 1e-300], [3.0, 7.0]].iter().enumerate() {
        values.iter().for_each(|&value| sums.add(group, value));
    }
    let pieces: Vec<_> = (0..3).map(|group| pieces_of(&sums, group)).collect();
    let front = sums.split_off_front(1);
    assert_eq!(pieces, [pieces_of(&front, 0), pieces_of(&sums, 0), pieces_of(&sums, 1)]);
    assert_eq!(sums.len(), 2);
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        4 => -1e3..1e3,
        2 => (-1_000_000_i32..1_000_000).prop_map(|cents| f64::from(cents) / 100.0),
        2 => (-3_i8..4).prop_map(f64::from),
        1 => (0_u64..1 << 53).prop_map(f64::from_bits),
        1 => (0_u64..1 << 53).prop_map(|bits| -f64::from_bits(bits)),
        1 => (0_u64..2047).prop_map(|biased| f64::from_bits(biased << 52)),
        1 => prop::sample::select(vec![f64::MAX, -f64::MAX, 5e-324, -5e-324, 0.0, -0.0]),
    ]
}

/// Values, often with their opposites among them, so that sums cancel.
fn finites() -> impl Strategy<Value = Vec<f64>> {
    let near = (any::<u64>(), prop::collection::vec(0_u64..1 << 20, 0..12)).prop_map(|(start, steps)| {
        let finite = |step| Some(f64::from_bits(start.wrapping_add(step))).filter(|value| value.is_finite());
        steps.into_iter().filter_map(finite).collect()
    });
    let any = (prop::collection::vec(finite(), 0..24), prop::collection::vec(any::<Index>(), 0..24));
    let cancelling = any.prop_map(|(mut values, undone)| {
        if !values.is_empty() {
            let opposites: Vec<f64> = undone.iter().map(|index| -index.get(&values)).collect();
            values.extend(opposites);
        }
        values
    });
    prop_oneof![3 => cancelling, 1 => near]
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let special = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    let few = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(special, 0..3)];
    (finites(), few).prop_map(|(mut values, few)| {
        values.extend(few);
        values
    })
}

/// Values, the same in another order, and for each a part to go to.
fn split() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<usize>)> {
    values().prop_flat_map(|values| {
        let parts = prop::collection::vec(0..5_usize, values.len());
        (Just(values.clone()), Just(values).prop_shuffle(), parts)
    })
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let shaped =
        (0_u8..5, -2200_i16..2200, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(kind, exponent, mantissa)| {
            let mut state = vec![kind];
            state.extend(exponent.to_le_bytes());
            state.extend(mantissa);
            state
        });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..12), shaped, prop::collection::vec(any::<u8>(), 0..600)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn sums_do_not_depend_on_order_or_split(
        (values, shuffled, parts) in split(),
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let whole = sums_of(&values);
        let state = encoded(&whole, 0);
        prop_assert_eq!(&state_of(&shuffled), &state);

        let mut partials = ExactSums::new();
        partials.resize(5);
        shuffled.iter().zip(&parts).for_each(|(&value, &part)| partials.add(part, value));
        let mut merged = sums_of(&[]);
        for part in order {
            merged.merge(0, &encoded(&partials, part)).unwrap();
        }
        prop_assert_eq!(&encoded(&merged, 0), &state);
        prop_assert_eq!(merged.exact(0), whole.exact(0));
        let (left, right) = (merged.round(0), whole.round(0));
        prop_assert!(left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan());
    }

    #[test]
    fn sums_round_as_integers_do(values in finites()) {
        let sums = sums_of(&values);
        let expect: BigInt = values.iter().map(|&value| halves(value)).sum();
        assert_nearest(&expect, &1.into(), sums.round(0));
        let Exact::Finite { mantissa, exponent } = sums.exact(0) else { panic!("not finite") };
        prop_assert_eq!(mantissa << (exponent + 1075) as u32, expect);
    }

    #[test]
    fn equal_states_are_equal_sums(left in finites(), right in finites()) {
        let sum = |values: &[f64]| values.iter().map(|&value| halves(value)).sum::<BigInt>();
        prop_assert_eq!(sum(&left) == sum(&right), state_of(&left) == state_of(&right));
    }

    #[test]
    fn the_empty_sum_is_the_identity(values in values()) {
        let state = state_of(&values);
        let mut left = sums_of(&values);
        left.merge(0, &state_of(&[])).unwrap();
        prop_assert_eq!(&encoded(&left, 0), &state);
        let mut right = sums_of(&[]);
        right.merge(0, &state).unwrap();
        prop_assert_eq!(&encoded(&right, 0), &state);
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(state in noise(), values in finites()) {
        let mut alone = sums_of(&[]);
        if alone.merge(0, &state).is_ok() {
            prop_assert_eq!(&encoded(&alone, 0), &state);
            alone.round(0);
        }
        let mut sums = sums_of(&values);
        let before = encoded(&sums, 0);
        if sums.merge(0, &state).is_err() {
            prop_assert_eq!(encoded(&sums, 0), before);
        }
        let mut variances = variances_of(&[]);
        if variances.merge(0, 1, &[0], &state).is_ok() {
            prop_assert_eq!(&pieces_of(&variances, 0).2, &state);
            let variance = variances.variance(0, 0).unwrap();
            prop_assert!(variance.is_nan() || variance >= 0.0);
        }
    }

    #[test]
    fn variances_do_not_depend_on_order_or_split(
        (values, shuffled, parts) in split(),
        ddof in 0_u64..3,
    ) {
        let whole = variances_of(&values);
        let pieces = pieces_of(&whole, 0);
        prop_assert_eq!(&pieces_of(&variances_of(&shuffled), 0), &pieces);

        let mut partials = VarianceSums::new();
        partials.resize(6);
        shuffled.iter().zip(&parts).for_each(|(&value, &part)| partials.add(part, value));
        for part in 0..5 {
            let (count, sum, squares) = pieces_of(&partials, part);
            partials.merge(5, count, &sum, &squares).unwrap();
        }
        prop_assert_eq!(&pieces_of(&partials, 5), &pieces);
        let bits = |sums: &VarianceSums, group| sums.variance(group, ddof).map(f64::to_bits);
        prop_assert_eq!(bits(&partials, 5), bits(&whole, 0));
    }

    #[test]
    fn variances_round_as_ratios_do(values in finites(), ddof in 0_u64..3) {
        let count = values.len() as u64;
        let variance = variances_of(&values).variance(0, ddof);
        prop_assert_eq!(variance.is_some(), count > ddof);
        if let Some(variance) = variance {
            // By the definition: squares of distances from the mean, in units of 2^-2150 / count^2.
            let sum: BigInt = values.iter().map(|&value| halves(value)).sum();
            let distances = values.iter().map(|&value| halves(value) * count - &sum);
            let num: BigInt = distances.map(|distance| &distance * &distance).sum();
            let den = (BigInt::from(count) * count * (count - ddof)) << 1075;
            assert_nearest(&num, &den, variance);
        }
    }
}

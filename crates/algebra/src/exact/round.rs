//! Which `f64` is nearest to an exact number? Rounding happens here, once, and nowhere else.
//!
//! To nearest, ties to even; gradual below 2^-1022; to infinity at and above the midpoint beyond
//! `f64::MAX`.

use num_bigint::{BigInt, BigUint, Sign};

use super::encode::trailing_zeros;

/// `num / den * 2^exponent`, correctly rounded. NaN when `den` is zero.
///
/// # Example
/// ```
/// # use tidegate_algebra::exact::ratio_to_f64;
/// assert_eq!(ratio_to_f64(&1.into(), &3.into(), 0), 1.0 / 3.0);
/// assert_eq!(ratio_to_f64(&(-3).into(), &4.into(), -1074), -5e-324);
/// ```
pub fn ratio_to_f64(num: &BigInt, den: &BigInt, exponent: i32) -> f64 {
    if den.sign() == Sign::NoSign {
        return f64::NAN;
    }
    if num.sign() == Sign::NoSign {
        return 0.0;
    }
    // Scale so that the quotient has 65 or 66 bits: 64 for `nearest`, and what is below them only
    // has to be non-zero.
    let shift = den.bits() as i64 - num.bits() as i64 + 65;
    let scaled = |number: &BigInt, by: i64| -> BigUint { number.magnitude() << by.max(0) as u64 };
    let (num_scaled, den_scaled) = (scaled(num, shift), scaled(den, -shift));
    let quotient = &num_scaled / &den_scaled;
    let exact = &quotient * &den_scaled == num_scaled;
    let below = quotient.bits() - 64;
    let top = (&quotient >> below).iter_u64_digits().next().unwrap_or(0);
    let sticky = !exact || quotient.trailing_zeros().is_some_and(|zeros| zeros < below);
    let negative = num.sign() != den.sign();
    nearest(negative, top, sticky, i64::from(exponent) - shift + below as i64)
}

/// Rounds the two's complement number in `limbs`, times `2^exponent`.
pub(super) fn limbs_to_f64(limbs: &[u64], exponent: i32) -> f64 {
    let Some(zeros) = trailing_zeros(limbs) else {
        return 0.0;
    };
    let lowest = zeros / 64;
    let negative = limbs[limbs.len() - 1] >> 63 != 0;
    // The limbs of the absolute value, without writing them down: negation turns all bits above the
    // lowest set one.
    let magnitude = |index: usize| match (negative, index == lowest) {
        (false, _) => limbs[index],
        (true, true) => limbs[index].wrapping_neg(),
        (true, false) if index < lowest => 0,
        (true, false) => !limbs[index],
    };
    let highest = (lowest..limbs.len()).rfind(|&index| magnitude(index) != 0).unwrap_or(lowest);
    let shift = magnitude(highest).leading_zeros();
    let below = if highest > 0 { u128::from(magnitude(highest - 1)) } else { 0 };
    let pair = (u128::from(magnitude(highest)) << 64 | below) << shift;
    let sticky = pair as u64 != 0 || lowest + 1 < highest;
    let top_exponent = i64::from(exponent) + highest as i64 * 64 - i64::from(shift);
    nearest(negative, (pair >> 64) as u64, sticky, top_exponent)
}

/// Rounds `top * 2^exponent`, and a little more if `sticky`. The highest bit of `top` is set.
fn nearest(negative: bool, top: u64, sticky: bool, exponent: i64) -> f64 {
    // 53 bits stay, fewer where the spacing stops shrinking: the lowest bit kept is worth at least
    // 2^-1074.
    let dropped = (-1074 - exponent).max(11);
    let magnitude = if exponent > 1023 - 63 {
        f64::INFINITY.to_bits()
    } else if dropped > 64 {
        0
    } else {
        let kept = if dropped == 64 { 0 } else { top >> dropped };
        let half = 1 << (dropped - 1);
        let rest = top & (half | (half - 1));
        let up = rest > half || (rest == half && (sticky || kept & 1 != 0));
        // The bits of an f64 count its neighbours, so a carry runs into the exponent, up to
        // infinity, by itself. One binade is taken off because the highest of 53 bits kept is added
        // to the exponent field.
        let binade = if dropped == 11 { (exponent + 11 + 1074) as u64 } else { 0 };
        (binade << 52) + kept + u64::from(up)
    };
    f64::from_bits(magnitude | u64::from(negative) << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(num: i64, den: i64, exponent: i32, expect: f64) {
        let rounded = ratio_to_f64(&num.into(), &den.into(), exponent);
        assert_eq!(rounded.to_bits(), expect.to_bits(), "{num} / {den} * 2^{exponent} is {rounded:e}");
    }

    #[test]
    fn ratios_round_to_nearest_even() {
        check(1, 3, 0, 1.0 / 3.0);
        check(-2, 3, 0, -2.0 / 3.0);
        check(2, -3, 0, -2.0 / 3.0);
        check(-7, -7, 0, 1.0);
        check(0, 5, 900, 0.0);
        check((1 << 53) + 1, 1, 0, 9007199254740992.0);
        check((1 << 53) + 3, 1, 0, 9007199254740996.0);
        check((1 << 53) - 1, 1 << 53, 0, 1.0 - f64::EPSILON / 2.0);
    }

    #[test]
    fn a_remainder_breaks_a_tie() {
        let den = BigInt::from(3).pow(80);
        let tie = &den * ((1_u64 << 53) + 1);
        assert_eq!(ratio_to_f64(&tie, &den, 0), 9007199254740992.0);
        assert_eq!(ratio_to_f64(&(&tie + 1), &den, 0), 9007199254740994.0);
        assert_eq!(ratio_to_f64(&(&tie - 1), &den, 0), 9007199254740992.0);
    }

    #[test]
    fn ratios_keep_to_the_range() {
        check((1 << 53) - 1, 1, 971, f64::MAX);
        check((1 << 54) - 1, 1, 970, f64::INFINITY);
        check((1 << 55) - 3, 1, 969, f64::MAX);
        check(-1, 1, 1024, f64::NEG_INFINITY);
        check(1, 1, i32::MAX, f64::INFINITY);
        check(1, 1, i32::MIN, 0.0);
        check(1, 1, -1074, f64::from_bits(1));
        check(1, 2, -1074, 0.0);
        check(3, 2, -1074, f64::from_bits(2));
        check(-5, 8, -1074, -f64::from_bits(1));
        check(1, 1, -1022, f64::MIN_POSITIVE);
        check((1 << 53) - 1, 1 << 53, -1022, f64::MIN_POSITIVE);
        check((1 << 52) - 1, 1, -1074, f64::MIN_POSITIVE.next_down());
        assert!(ratio_to_f64(&1.into(), &0.into(), 0).is_nan());
    }
}

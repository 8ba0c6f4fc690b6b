//! Where does a sum live while all its bits fit in a few words? In an integer, counted in a power
//! of two.
//!
//! A window knows its width and how a value becomes one of its terms. Where it stands (its base
//! exponent), and what happens to a term that falls outside, is the business of `groups`.

use std::fmt::Debug;

/// A two's complement integer wide enough for most sums of its terms.
pub(super) trait Window: Copy + Debug + PartialEq {
    /// Two's complement limbs, least first.
    type Limbs: AsRef<[u64]>;

    /// The empty sum.
    const ZERO: Self;
    /// Size in bytes.
    const BYTES: usize;
    /// Bits of magnitude: values lie in `-2^BITS .. 2^BITS`.
    const BITS: i32;
    /// Bits of magnitude in the longest term.
    const TERM_BITS: i32;
    /// The least exponent of a term.
    const EXPONENT_MIN: i32;
    /// What [`term`](Self::term) returns as the exponent of NaN and the infinities: above that of
    /// any finite value.
    const EXPONENT_SPECIAL: i32;
    /// Sums of fewer than 2^64 terms lie below two to this power.
    const SUM_BITS_MAX: i32;
    /// No term is negative.
    const NON_NEGATIVE: bool;

    /// The largest left shift that cannot push a bit out of any term.
    const SHIFT_MAX: i32 = Self::BITS - Self::TERM_BITS;
    /// The highest base a window may have. At this base the term of a NaN or infinity is already
    /// out of reach, so the hot path of an add needs no test for them.
    const BASE_MAX: i32 = Self::EXPONENT_SPECIAL - Self::SHIFT_MAX - 1;

    /// The value as a mantissa and an exponent. The mantissa is zero exactly when the value is.
    fn term(value: f64) -> (Self, i32);
    /// `self * 2^by`, for `0 <= by < BITS`, no bit being lost.
    fn shifted_left(self, by: u32) -> Self;
    /// `self / 2^by`, rounded down, for `0 <= by < BITS`.
    fn shifted_right(self, by: u32) -> Self;
    /// The sum, unless it overflows.
    fn checked_add(self, other: Self) -> Option<Self>;
    /// Zero bits below the lowest set one.
    fn trailing_zeros(self) -> u32;
    /// The least `w` with `-2^w <= self < 2^w`.
    fn width(self) -> i32;
    /// The limbs of this number.
    fn limbs(self) -> Self::Limbs;
    /// The number with these least bytes, sign-extended; at most `BYTES` of them.
    fn from_le_bytes(bytes: &[u8]) -> Self;
}

/// A window over values: 128 bits, so magnitudes within about 2^70 of each other stay inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ValueWindow(i128);

/// A window over squares of values: 256 bits, since a square has twice the digits and twice the
/// range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SquareWindow {
    low: u128,
    high: i128,
}

impl Window for ValueWindow {
    type Limbs = [u64; 2];

    const ZERO: Self = Self(0);
    const BYTES: usize = 16;
    const BITS: i32 = 127;
    const TERM_BITS: i32 = 53;
    const EXPONENT_MIN: i32 = -1074;
    const EXPONENT_SPECIAL: i32 = 972;
    const SUM_BITS_MAX: i32 = 1024 + 64;
    const NON_NEGATIVE: bool = false;

    #[inline(always)]
    fn term(value: f64) -> (Self, i32) {
        let (mantissa, exponent) = parts(value);
        let sign = (value.to_bits() as i64) >> 63;
        (Self(i128::from((mantissa as i64 ^ sign) - sign)), exponent)
    }

    #[inline(always)]
    fn shifted_left(self, by: u32) -> Self {
        Self(self.0 << (by & 127))
    }

    fn shifted_right(self, by: u32) -> Self {
        Self(self.0 >> by)
    }

    #[inline(always)]
    fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    fn trailing_zeros(self) -> u32 {
        self.0.trailing_zeros()
    }

    fn width(self) -> i32 {
        width(self.0)
    }

    fn limbs(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }

    fn from_le_bytes(bytes: &[u8]) -> Self {
        let mut all = [sign_byte(bytes); 16];
        all[..bytes.len()].copy_from_slice(bytes);
        Self(i128::from_le_bytes(all))
    }
}

impl Window for SquareWindow {
    type Limbs = [u64; 4];

    const ZERO: Self = Self { low: 0, high: 0 };
    const BYTES: usize = 32;
    const BITS: i32 = 255;
    const TERM_BITS: i32 = 106;
    const EXPONENT_MIN: i32 = -2148;
    const EXPONENT_SPECIAL: i32 = 1944;
    const SUM_BITS_MAX: i32 = 2048 + 64;
    const NON_NEGATIVE: bool = true;

    #[inline(always)]
    fn term(value: f64) -> (Self, i32) {
        let (mantissa, exponent) = parts(value);
        let low = u128::from(mantissa) * u128::from(mantissa);
        (Self { low, high: 0 }, 2 * exponent)
    }

    #[inline(always)]
    fn shifted_left(self, by: u32) -> Self {
        if by < 128 {
            // Two shifts, because `by` may be zero and a shift by 128 is none.
            let carried = ((self.low >> 1) >> (127 - by)) as i128;
            Self { low: self.low << by, high: (self.high << by) | carried }
        } else {
            Self { low: 0, high: (self.low << (by & 127)) as i128 }
        }
    }

    fn shifted_right(self, by: u32) -> Self {
        if by < 128 {
            let carried = ((self.high as u128) << 1) << (127 - by);
            Self { low: (self.low >> by) | carried, high: self.high >> by }
        } else {
            Self { low: (self.high >> (by & 127)) as u128, high: self.high >> 127 }
        }
    }

    #[inline(always)]
    fn checked_add(self, other: Self) -> Option<Self> {
        let (low, carry) = self.low.overflowing_add(other.low);
        let (high, overflow) = self.high.overflowing_add(other.high);
        let (high, overflow_carry) = high.overflowing_add(i128::from(carry));
        // Both at once cancel out: i128::MIN reached by wrapping is wrapped back by the carry.
        (overflow == overflow_carry).then_some(Self { low, high })
    }

    fn trailing_zeros(self) -> u32 {
        if self.low != 0 { self.low.trailing_zeros() } else { 128 + self.high.trailing_zeros() }
    }

    fn width(self) -> i32 {
        let sign = self.high >> 127;
        if self.high != sign { 128 + width(self.high) } else { 128 - (self.low ^ sign as u128).leading_zeros() as i32 }
    }

    fn limbs(self) -> [u64; 4] {
        let Self { low, high } = self;
        [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64]
    }

    fn from_le_bytes(bytes: &[u8]) -> Self {
        let fill = sign_byte(bytes);
        let (mut low, mut high) = ([fill; 16], [fill; 16]);
        let (front, back) = bytes.split_at(bytes.len().min(16));
        low[..front.len()].copy_from_slice(front);
        high[..back.len()].copy_from_slice(back);
        Self { low: u128::from_le_bytes(low), high: i128::from_le_bytes(high) }
    }
}

/// The magnitude of a value as 53-bit mantissa and exponent; NaN and the infinities read as the
/// binade above all others.
#[inline(always)]
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let biased = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let implicit = u64::from(biased != 0) << 52;
    (fraction | implicit, biased.max(1) as i32 - 1075)
}

fn width(number: i128) -> i32 {
    128 - (number ^ (number >> 127)).leading_zeros() as i32
}

/// The byte that extends a two's complement number upwards.
pub(super) fn sign_byte(bytes: &[u8]) -> u8 {
    if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_shifts<W: Window>(bytes: &[u8]) {
        let number = W::from_le_bytes(bytes);
        let room = W::BITS - number.width();
        for by in 0..room as u32 {
            let moved = number.shifted_left(by);
            assert_eq!(moved.shifted_right(by), number, "by {by}");
            assert_eq!(moved.trailing_zeros(), number.trailing_zeros() + by);
            assert_eq!(moved.width(), number.width() + by as i32);
        }
    }

    #[test]
    fn shifts_undo_each_other() {
        for bytes in [&[1][..], &[0xff], &[0x35, 0x81], &[7, 0, 0, 0, 0, 0, 0, 0, 0, 0x40], &[3; 14]] {
            check_shifts::<ValueWindow>(bytes);
            check_shifts::<SquareWindow>(bytes);
        }
        check_shifts::<SquareWindow>(&[0x91; 20]);
    }

    #[test]
    fn a_square_window_overflows_only_beyond_its_bits() {
        let number = |byte, top| {
            let mut bytes = [byte; 32];
            bytes[31] = top;
            SquareWindow::from_le_bytes(&bytes)
        };
        let (most, least) = (number(0xff, 0x7f), number(0, 0x80));
        let (one, minus_one) = (SquareWindow::from_le_bytes(&[1]), SquareWindow::from_le_bytes(&[0xff]));
        assert_eq!(most.checked_add(one), None);
        assert_eq!(least.checked_add(minus_one), None);
        assert_eq!(most.checked_add(least), Some(minus_one));
        assert_eq!(most.checked_add(minus_one).and_then(|less| less.checked_add(one)), Some(most));
        assert_eq!(least.checked_add(one).and_then(|more| more.checked_add(minus_one)), Some(least));
    }

    #[test]
    fn special_values_are_out_of_reach_of_every_base() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(ValueWindow::term(value).1 - ValueWindow::BASE_MAX > ValueWindow::SHIFT_MAX);
            assert!(SquareWindow::term(value).1 - SquareWindow::BASE_MAX > SquareWindow::SHIFT_MAX);
        }
    }
}

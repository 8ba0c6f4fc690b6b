//! How does a clamped value become an integer, and back?
//!
//! Noise is drawn on integers: on floats its bits give away what it hides (Mironov 2012). Integers and decimals are
//! counted in their own last digit. Floats are counted in steps of a power of two, such that the largest bound is between
//! 2^20 and 2^21 steps: a unit's value is off by less than a millionth of the bound.

use super::spec::Bounds;

/// A range of values, and the step in which they are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// What zero steps stand for.
    pub(super) origin: f64,
    /// One step.
    pub(super) step: f64,
    /// The smallest and the largest value, in steps from the origin.
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Scale {
    /// Values that are multiples of `step`, which divides the bounds.
    pub(super) fn exact(bounds: Bounds, step: f64) -> Self {
        Self { origin: 0.0, step, low: (bounds.low / step).ceil() as i64, high: (bounds.high / step).floor() as i64 }
    }

    /// Any values, counted from zero.
    pub(super) fn fine(bounds: Bounds) -> Self {
        Self::around(0.0, bounds)
    }

    /// Any values, counted from the middle of the bounds.
    pub(super) fn centered(bounds: Bounds) -> Self {
        Self::around(f64::midpoint(bounds.low, bounds.high), bounds)
    }

    fn around(origin: f64, bounds: Bounds) -> Self {
        const FINENESS: i32 = 20;
        let (low, high) = (bounds.low - origin, bounds.high - origin);
        let widest = low.abs().max(high.abs());
        // Where there is but one value, it is the origin or nothing is lost by it.
        let exponent = if widest > 0.0 { widest.log2().floor() as i32 } else { 0 };
        let step = f64::from(exponent - FINENESS).exp2();
        Self { origin, step, low: (low / step).round() as i64, high: (high / step).round() as i64 }
    }

    /// A value in steps, clamped. What is no number is nothing.
    pub(super) fn steps(&self, value: f64) -> Option<i64> {
        // A cast saturates.
        (!value.is_nan()).then(|| (((value - self.origin) / self.step).round() as i64).clamp(self.low, self.high))
    }

    /// The greatest distance from zero, in steps.
    pub(super) fn reach(&self) -> u64 {
        self.low.unsigned_abs().max(self.high.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_clamped_and_counted() {
        let scale = Scale::fine(Bounds { low: -1.0, high: 3.0 });
        assert_eq!(scale.step, 2_f64.powi(-19));
        assert_eq!(scale.steps(3.5), Some(3 << 19));
        assert_eq!(scale.steps(f64::NEG_INFINITY), Some(-(1 << 19)));
        assert_eq!(scale.steps(f64::NAN), None);
        assert_eq!(scale.reach(), 3 << 19);
    }

    #[test]
    fn what_is_centered_reaches_half_as_far() {
        let scale = Scale::centered(Bounds { low: 0.0, high: 60_000.0 });
        assert_eq!(scale.origin, 30_000.0);
        assert_eq!(scale.steps(60_000.0), scale.steps(1e9));
        assert!(scale.reach() < 1 << 21 && scale.reach() >= 1 << 20);
        let one = Scale::centered(Bounds { low: 5.0, high: 5.0 });
        assert_eq!((one.steps(9.0), one.reach()), (Some(0), 0));
    }

    #[test]
    fn decimals_are_counted_in_their_last_digit() {
        let scale = Scale::exact(Bounds { low: 0.0, high: 12.5 }, 0.01);
        assert_eq!((scale.low, scale.high), (0, 1_250));
    }
}

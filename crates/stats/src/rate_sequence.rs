//! Between which values does one rate lie, exactly and however often one looks?
//!
//! Every rate `p` is asked how well a beta mixture around it bets against it, the test of shares `p` and `1 - p`
//! ([`sample_ratio`](crate::sample_ratio)); those that lose less than `1 / alpha` are inside (S. Howard et al., Annals of
//! Statistics 49 (2021), 1055-1080, proposition 7). **Validity.** Exact from the first trial on, where asymptotic
//! sequences are not, for independent trials and exact counts.

use crate::error::Result;
use crate::interval::Interval;
use crate::normal_mixture::{Sides, tightness};
use crate::proportion::Proportion;
use crate::root;
use crate::sample_ratio::{checked_concentration, log_e_value};

/// Lower bounds below this are 0.
const LEAST: f64 = 1e-15;

/// The exact confidence sequence of a rate, tightest at `best` trials: the concentration of the mixture is
/// `best / r(alpha) - 1` with `r` as in [`NormalMixture::new`](crate::NormalMixture::new). `best` is fixed before the
/// data is seen.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < alpha < 1` and `1 < best / r(alpha) < 1e9`, where
/// `r(0.05)` is about 8 trials.
pub fn rate_interval(rate: Proportion, best: f64, alpha: f64) -> Result<Interval> {
    let concentration = checked_concentration(best / tightness(Sides::Two, alpha)? - 1.0)?;
    let (hits, misses) = (rate.num(), rate.den() - rate.num());
    Ok(Interval {
        low: lower_bound([hits, misses], concentration, alpha),
        high: 1.0 - lower_bound([misses, hits], concentration, alpha),
        level: 1.0 - alpha,
    })
}

/// The least share of the first of two counts that is not excluded.
fn lower_bound(counts: [u64; 2], concentration: f64, alpha: f64) -> f64 {
    let best = counts[0] as f64 / (counts[0] as f64 + counts[1] as f64);
    let short = |p: f64| -alpha.ln() - log_e_value(&[p, 1.0 - p], concentration, &counts);
    // A share of 1 has no likelihood of its own, and next to it the first count is all there is.
    let best = best.min(1.0 - LEAST);
    if best <= LEAST || short(LEAST) >= 0.0 { 0.0 } else { root::crossing(short, LEAST, best) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    fn interval(num: u64, den: u64) -> Interval {
        rate_interval(Proportion::new(num, den).unwrap(), 500.0, 0.05).unwrap()
    }

    /// confseq 0.0.11, `bernoulli_confidence_interval`.
    #[test]
    fn intervals_match_confseq() {
        close(interval(3, 500).low, 0.00019644262574894356, 1e-8, "low");
        close(interval(3, 500).high, 0.022345965616083593, 1e-8, "high");
        close(interval(60, 500).low, 0.08008022845990123, 1e-8, "low");
        close(interval(60, 500).high, 0.16819660381198442, 1e-8, "high");
    }

    #[test]
    fn intervals_hold_what_was_seen_and_mirror() {
        for den in [1, 2, 30, 1000, 3_000_000_000] {
            for num in [0, 1, den / 2, den - 1, den] {
                let (found, mirrored) = (interval(num, den), interval(den - num, den));
                let rate = num as f64 / den as f64;
                assert!(0.0 <= found.low && found.low <= rate && rate <= found.high && found.high <= 1.0, "{found:?}");
                assert!((found.low + mirrored.high - 1.0).abs() < 1e-12, "{found:?} {mirrored:?}");
            }
        }
        assert!(interval(0, 500).high < 0.03 && interval(0, 500).low == 0.0 && interval(500, 500).high == 1.0);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let rate = Proportion::new(1, 2).unwrap();
        for (best, alpha) in [(5.0, 0.05), (f64::NAN, 0.05), (f64::INFINITY, 0.05), (500.0, 0.0), (500.0, f64::NAN)] {
            assert!(rate_interval(rate, best, alpha).is_err());
        }
    }
}

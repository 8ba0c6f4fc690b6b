//! What do samples and their noise look like, drawn again? Chance here comes from the caller's seed alone.

use crate::gamma::binomial_density;

/// A source of uniform values: splitmix64 (G. Steele, D. Lea and C. Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A uniform value in (0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// `n` rows dealt out by `shares`, which sum to one.
    pub(super) fn multinomial(&mut self, n: u64, shares: &[f64], counts: &mut [f64]) {
        let (mut rows, mut rest) = (n, 1.0);
        for (count, &share) in counts.iter_mut().zip(shares) {
            let drawn = self.binomial(rows, (share / rest).clamp(0.0, 1.0));
            *count = drawn as f64;
            rows -= drawn;
            rest -= share;
        }
        if let Some(last) = counts.last_mut() {
            *last += rows as f64;
        }
    }

    /// Successes of `n` trials: by inversion from the mode outwards, in about `sqrt(n p (1 - p))` steps; where those are
    /// many, as a rounded normal value, whose skewness is wrong by less than a hundredth.
    fn binomial(&mut self, n: u64, p: f64) -> u64 {
        const MANY: f64 = 1e4;
        if n == 0 || p <= 0.0 || p >= 1.0 {
            return if p >= 1.0 { n } else { 0 };
        }
        let q = 1.0 - p;
        let (mean, variance) = (n as f64 * p, n as f64 * p * q);
        if variance > MANY {
            return ((mean + variance.sqrt() * self.normal()).round().max(0.0) as u64).min(n);
        }
        let mode = (((n + 1) as f64 * p) as u64).min(n);
        let at_mode = binomial_density(mode as f64, (n - mode) as f64, p, q);
        let mut left = self.uniform() - at_mode;
        let (mut below, mut above) = (mode, mode);
        let (mut low, mut high) = (at_mode, at_mode);
        while left > 0.0 && (below > 0 || above < n) {
            if above < n {
                high *= (n - above) as f64 / (above + 1) as f64 * (p / q);
                above += 1;
                left -= high;
                if left <= 0.0 {
                    return above;
                }
            }
            if below > 0 {
                low *= below as f64 / (n - below + 1) as f64 * (q / p);
                below -= 1;
                left -= low;
                if left <= 0.0 {
                    return below;
                }
            }
            // The rest is rounding.
            if low + high < 1e-18 {
                break;
            }
        }
        mode
    }

    /// Failures before the first success, where a failure has probability `exp(-1 / scale)`.
    pub(super) fn geometric(&mut self, scale: f64) -> f64 {
        (-scale * self.uniform().ln()).floor()
    }

    /// A standard normal value (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomials_have_their_mean_and_variance() {
        let mut random = Seeded::new(7);
        for (n, p) in [(1, 0.3), (20, 0.05), (300, 0.5), (100_000, 0.9)] {
            let draws = (0..4000).map(|_| random.binomial(n, p) as f64).collect::<Vec<_>>();
            let mean = draws.iter().sum::<f64>() / 4000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3999.0;
            let expected = n as f64 * p * (1.0 - p);
            assert!((mean - n as f64 * p).abs() < 4.0 * (expected / 4000.0).sqrt(), "{n} {p}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.1, "{n} {p}: {variance}");
        }
    }

    #[test]
    fn every_row_is_dealt() {
        let mut counts = [0.0; 4];
        Seeded::new(1).multinomial(1000, &[0.1, 0.0, 0.6, 0.3], &mut counts);
        assert_eq!((counts.iter().sum::<f64>(), counts[1]), (1000.0, 0.0));
    }
}

//! Where does chance come from?
//!
//! From counting: the numbers of row `n` are a pure function of seed, purpose and `n`, so rows can be
//! drawn in any order, on any thread, and twice. Only exact arithmetic is used (no `exp` or `sin` of the
//! system's library), so the same seed gives the same bytes on every machine. Not for privacy: noise
//! that protects people is drawn elsewhere and is never seeded.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes 64 bits so that every input bit moves every output bit (SplitMix64's finalizer).
pub(super) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The random numbers of one purpose, row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream(u64);

impl Stream {
    /// The numbers of `purpose` under `seed`; purposes do not share numbers.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let key = purpose.bytes().fold(mix(seed ^ GOLDEN), |key, byte| mix(key ^ u64::from(byte)));
        Self(key)
    }

    /// The numbers of row `n`.
    pub(super) fn at(self, n: u64) -> Random {
        Random(mix(self.0 ^ n.wrapping_mul(GOLDEN)))
    }
}

/// A run of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The next 128 bits.
    pub(super) fn id(&mut self) -> [u64; 2] {
        [self.bits(), self.bits()]
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with probability `share`.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        const WHOLE: f64 = 18_446_744_073_709_551_616.0; // 2^64
        self.bits() < (share * WHOLE) as u64
    }

    /// Uniform in `0..bound`; `bound` is at least 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Near to normal with mean 0 and deviation 1: the sum of four uniforms, within ±3.47.
    pub(super) fn normal(&mut self) -> f64 {
        const DEVIATION: f64 = 37_837.23; // 65,536 * sqrt(4 / 12)
        let bits = self.bits();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        (sum as f64 - 131_070.0) / DEVIATION
    }

    /// Near to lognormal: `median` times `exp(sigma * normal)`.
    pub(super) fn around(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }
}

/// A choice among a few, by weight.
#[derive(Debug)]
pub(super) struct Choice {
    /// Upper bounds of each choice in 64-bit space; what lies above the last is the last.
    bounds: Vec<u64>,
}

impl Choice {
    /// A choice of `0..weights.len()` in proportion to `weights`.
    pub(super) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut below = 0.0;
        let bounds = weights.iter().map(|weight| {
            below += weight / total;
            (below * (u64::MAX as f64)) as u64
        });
        Self { bounds: bounds.collect() }
    }

    /// The choice that `bits` falls on.
    pub(super) fn pick(&self, bits: u64) -> usize {
        self.bounds.partition_point(|bound| *bound <= bits).min(self.bounds.len() - 1)
    }

    /// The choice that `bits` falls on, faster when choices are few and the first ones likely.
    pub(super) fn scan(&self, bits: u64) -> usize {
        let last = self.bounds.len() - 1;
        self.bounds[..last].iter().position(|bound| bits < *bound).unwrap_or(last)
    }
}

/// `e` to the `power`, for powers within ±5, by halving and a Taylor polynomial: relative error below 1e-9.
fn exp(power: f64) -> f64 {
    const HALVINGS: u32 = 6;
    const TERMS: [f64; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let reduced = power * (1.0 / (1_u32 << HALVINGS) as f64);
    let sum = TERMS.iter().fold(0.0, |sum, term| sum * reduced + term);
    (0..HALVINGS).fold(sum, |root, _| root * root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        for step in -80..=80 {
            let power = f64::from(step) / 16.0;
            let error = exp(power) / power.exp() - 1.0;
            assert!(error.abs() < 1e-9, "exp({power}) is off by {error}");
        }
    }

    #[test]
    fn normal_has_mean_zero_and_deviation_one() {
        let mut random = Stream::new(1, "test").at(0);
        let draws: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn both_ways_of_choosing_agree_and_follow_the_weights() {
        let choice = Choice::new(&[6.0, 3.0, 1.0]);
        let mut random = Stream::new(2, "test").at(0);
        let mut counts = [0_u32; 3];
        for _ in 0..100_000 {
            let bits = random.bits();
            assert_eq!(choice.pick(bits), choice.scan(bits));
            counts[choice.pick(bits)] += 1;
        }
        assert!((59_000..61_000).contains(&counts[0]), "{counts:?}");
        assert!((9_000..11_000).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn rows_and_purposes_do_not_share_numbers() {
        let (a, b) = (Stream::new(3, "a"), Stream::new(3, "b"));
        let draws = [a.at(0).bits(), a.at(1).bits(), b.at(0).bits(), Stream::new(4, "a").at(0).bits()];
        for (index, draw) in draws.iter().enumerate() {
            assert!(!draws[..index].contains(draw));
        }
    }
}

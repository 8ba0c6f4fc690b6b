//! What does noise of a known mechanism do to a sum?

use crate::error::{Error, Result, open_range};
use crate::normal;

/// The noise of a count, independent of that of others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Noise {
    /// The discrete Laplace distribution: `k` has a probability in proportion to `exp(-|k| / scale)`.
    Laplace {
        /// Sensitivity over epsilon; above 0.
        scale: f64,
    },
    /// The discrete Gaussian distribution, here drawn as a rounded normal value.
    Gaussian {
        /// Standard deviation; above 0.
        scale: f64,
    },
}

impl Noise {
    /// Itself, if its scale is one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the scale lies in (0, 1e9).
    pub(crate) fn checked(self) -> Result<Self> {
        let (Self::Laplace { scale } | Self::Gaussian { scale }) = self;
        checked(scale).map(|_| self)
    }

    /// The variance of one draw, of a scale that was checked.
    pub(crate) fn variance(self) -> f64 {
        match self {
            Self::Laplace { scale } => {
                let rate = scale.recip();
                2.0 * (-rate).exp() / (-rate).exp_m1().powi(2)
            }
            Self::Gaussian { scale } => scale * scale,
        }
    }

    /// The standard deviation of one draw: `sqrt(2 a) / (1 - a)` with `a = exp(-1 / scale)` for the discrete Laplace
    /// distribution, the scale itself for the Gaussian one. Of `W` rows added up it is `sqrt(W)` times that.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the scale lies in (0, 1e9).
    pub fn stddev(self) -> Result<f64> {
        Ok(self.checked()?.variance().sqrt())
    }

    /// `P(K > k)` for one draw `K`: how likely noise alone is to lift a count by more than `k`.
    ///
    /// With `a = exp(-1 / scale)` and `k` a whole number it is `a^(k + 1) / (1 + a)` for discrete Laplace noise from 0 on,
    /// and by symmetry `1 - a^-k / (1 + a)` below; of a rounded normal value it is that of the normal above `k + 1/2`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the scale lies in (0, 1e9) and `k` is finite.
    pub fn survival(self, k: f64) -> Result<f64> {
        let k = open_range("count", k, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?.floor();
        Ok(match self.checked()? {
            Self::Laplace { scale } => {
                let beyond = |steps: f64| (-steps / scale).exp() / (1.0 + (-scale.recip()).exp());
                if k >= 0.0 { beyond(k + 1.0) } else { 1.0 - beyond(-k) }
            }
            Self::Gaussian { scale } => normal::survival((k + 0.5) / scale),
        })
    }

    /// An upper bound of `ln E exp(lambda K)` for one draw `K`.
    ///
    /// Of the discrete Laplace distribution it is that itself, `2 ln(1 - a) - ln(1 - a e^lambda) - ln(1 - a e^-lambda)`;
    /// of the discrete Gaussian one that of the normal distribution, `lambda^2 scale^2 / 2`, which is no less (C.
    /// Canonne, G. Kamath and T. Steinke, NeurIPS 2020, corollary 17).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the scale lies in (0, 1e9) and `lambda` is finite and, for Laplace noise, below
    /// `1 / scale` on either side: beyond that there is no mean.
    pub fn log_mgf(self, lambda: f64) -> Result<f64> {
        match self {
            Self::Laplace { scale } => {
                let rate = checked(scale)?.recip();
                if lambda.abs() < rate {
                    // 1 - a e^x, without cancellation.
                    let rest = |x: f64| (-(x - rate).exp_m1()).ln();
                    return Ok(2.0 * rest(0.0) - rest(lambda) - rest(-lambda));
                }
                Err(Error::OutOfRange { name: "lambda", value: lambda, allowed: "(-1/scale, 1/scale)" })
            }
            Self::Gaussian { scale } => {
                let lambda = open_range("lambda", lambda, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
                Ok(0.5 * (lambda * checked(scale)?).powi(2))
            }
        }
    }
}

fn checked(scale: f64) -> Result<f64> {
    open_range("noise scale", scale, 0.0, 1e9, "(0, 1e9)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    /// scipy 1.13.1, `dlaplace(1 / b)`; its generating function by direct summation.
    #[test]
    fn laplace_noise_matches_scipy() {
        for (scale, lambda, variance, log_mgf) in
            [(1.0, 0.3, 1.8413471884155848, 0.08717569469062655), (20.0, 0.015, 799.8333541646044, 0.09429193184989404)]
        {
            let noise = Noise::Laplace { scale };
            close(noise.stddev().unwrap().powi(2), variance, 1e-11, "variance");
            close(noise.log_mgf(lambda).unwrap(), log_mgf, 1e-10, "log mgf");
            close(noise.log_mgf(-lambda).unwrap(), log_mgf, 1e-10, "the other side");
        }
    }

    /// scipy 1.13.1, `dlaplace(1 / b).sf(3 b)`.
    #[test]
    fn the_tail_of_laplace_noise_matches_scipy() {
        for (scale, tail) in [(1.0, 0.01338980493269848), (2.0, 0.01879664308910234), (20.0, 0.02427132545075228)] {
            close(Noise::Laplace { scale }.survival(3.0 * scale).unwrap(), tail, 1e-12, "tail");
        }
    }

    #[test]
    fn tails_are_symmetric_and_fall() {
        for noise in [Noise::Laplace { scale: 3.0 }, Noise::Gaussian { scale: 3.0 }] {
            let above = |k: f64| noise.survival(k).unwrap();
            for k in -20..20 {
                let k = f64::from(k);
                assert!((above(k) + above(-k - 1.0) - 1.0).abs() < 1e-12, "{noise:?} {k}");
                assert!(above(k) > above(k + 1.0) && above(k) == above(k + 0.9), "{noise:?} {k}");
            }
            assert!(noise.survival(f64::NAN).is_err());
        }
    }

    /// The generating function of the discrete Gaussian distribution, summed directly, lies below the bound.
    #[test]
    fn the_bound_of_gaussian_noise_holds() {
        for (scale, lambda) in [(0.3, 2.0), (1.0, 0.5), (4.0, 0.1)] {
            let weight = |k: f64| (-0.5 * (k / scale).powi(2)).exp();
            let sum =
                |lambda: f64| (-60..=60).map(|k| weight(f64::from(k)) * (lambda * f64::from(k)).exp()).sum::<f64>();
            let bound = Noise::Gaussian { scale }.log_mgf(lambda).unwrap();
            let exact = (sum(lambda) / sum(0.0)).ln();
            assert!(exact <= bound + 1e-12, "{scale} {lambda}: {exact} {bound}");
        }
    }

    #[test]
    fn what_has_no_mean_is_refused() {
        let noise = Noise::Laplace { scale: 2.0 };
        assert!(noise.log_mgf(0.5).is_err() && noise.log_mgf(-0.6).is_err() && noise.log_mgf(f64::NAN).is_err());
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Noise::Laplace { scale }.stddev().is_err() && Noise::Gaussian { scale }.log_mgf(0.1).is_err());
        }
        assert!(Noise::Gaussian { scale: 1.0 }.log_mgf(f64::INFINITY).is_err());
    }
}

//! Did something change, at any time, whatever the distribution? An e-detector.

use super::Answer;
use crate::error::{Error, Result, open_range};

/// The Shiryaev-Roberts e-detector (J. Shin, A. Ramdas, A. Rinaldo, E-detectors: a nonparametric framework for
/// sequential change detection, 2022, arXiv:2203.03532): `M <- (M + 1) L`, alarm at `M >= arl`, where `L` is an e-value of
/// the window: 0 and up, with a mean of at most 1 while nothing has changed.
///
/// Then the mean of `M` after `t` windows is at most `t`, so that the first false alarm comes after at least `arl` windows
/// on average. Several e-values of a window are followed side by side, and `M` is the mean of their detectors.
#[derive(Debug, Clone, PartialEq)]
pub struct EDetector {
    arl: f64,
    /// Logarithms of `M`, one for each e-value: a product of many ratios leaves the range of numbers.
    logs: Vec<f64>,
}

impl EDetector {
    /// `arl` is the least mean number of windows to a false alarm, above 1.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `1 < arl < inf`.
    pub fn new(arl: f64) -> Result<Self> {
        let arl = open_range("arl", arl, 1.0, f64::INFINITY, "(1, inf)")?;
        Ok(Self { arl, logs: Vec::new() })
    }

    /// The next window by its p-value: `.5 / sqrt(p)` is an e-value of every calibrated p-value (V. Vovk and R. Wang,
    /// Annals of Statistics 49 (2021), 1736-1754). The statistic is `M`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `p` lies in `[0, 1]`.
    pub fn push_p(&mut self, p: f64) -> Result<Answer> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::OutOfRange { name: "p-value", value: p, allowed: "[0, 1]" });
        }
        Ok(self.push(&[0.5_f64.ln() - 0.5 * p.max(f64::MIN_POSITIVE).ln()]))
    }

    /// The next window by logarithms of its e-values, the same number in each window. The statistic is `M`.
    pub fn push(&mut self, log_e_values: &[f64]) -> Answer {
        self.logs.resize(log_e_values.len(), f64::NEG_INFINITY);
        for (log, &e_value) in self.logs.iter_mut().zip(log_e_values) {
            // ln(M + 1) without leaving the range.
            let restarted = if *log > 0.0 { *log + (-*log).exp().ln_1p() } else { log.exp().ln_1p() };
            *log = restarted + e_value;
        }
        let mean = self.logs.iter().map(|log| log.exp()).sum::<f64>() / self.logs.len().max(1) as f64;
        let statistic = mean.min(f64::MAX);
        let alarm = statistic >= self.arl;
        if alarm {
            self.logs.clear();
        }
        Answer { statistic, alarm }
    }
}

/// Logarithms of e-values of `hits` in `n` trials while the rate is `p0`: likelihood ratios of rates whose odds are 1.25,
/// 1.5, 2 and 4 times as great, or as small. Their mean under `p0` is exactly 1.
///
/// # Errors
/// [`Error::NumAboveDen`] if there are more hits than trials, [`Error::OutOfRange`] unless `0 < p0 < 1`.
pub fn rate_e_values(hits: u64, n: u64, p0: f64) -> Result<[f64; 8]> {
    let p0 = open_range("p0", p0, 0.0, 1.0, "(0, 1)")?;
    if hits > n {
        return Err(Error::NumAboveDen { num: hits, den: n });
    }
    let (hits, misses) = (hits as f64, (n - hits) as f64);
    Ok([0.25, 0.5, 1.0 / 1.5, 0.8, 1.25, 1.5, 2.0, 4.0].map(|odds: f64| {
        // The rate q with odds times those of p0: q / p0 = odds / d and (1 - q) / (1 - p0) = 1 / d.
        let d = 1.0 + p0 * (odds - 1.0);
        hits * (odds / d).ln() - misses * d.ln()
    }))
}

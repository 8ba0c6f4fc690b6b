//! What is a rate worth whose events come in clusters?
//!
//! Where tenants or users are assigned and their events counted, rows of one cluster resemble each other and the
//! variance of independent trials is too small by far. Only clusters count as independent here.

use crate::error::{Result, at_least, open_range};
use crate::estimate::Estimate;

/// Sums over the clusters of one arm: `m` is what a cluster has of the numerator, `d` of the denominator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterSums {
    /// Clusters.
    pub clusters: u64,
    /// Sum of `m`.
    pub m: f64,
    /// Sum of `m^2`.
    pub m2: f64,
    /// Sum of `d`.
    pub d: f64,
    /// Sum of `d^2`.
    pub d2: f64,
    /// Sum of `m d`.
    pub md: f64,
}

/// The ratio `R = sum m / sum d` over `K` clusters by the delta method:
/// `V = (S2_m - 2 R S_md + R^2 S2_d) / (K mean(d)^2)`, with sample variances and covariance (A. Deng, U. Knoblich and
/// J. Lu, KDD 2018).
///
/// **Validity.** Asymptotic in the number of clusters: some dozens at least, none of which dominates.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless there are two clusters, `sum d > 0` and all sums are finite.
pub fn ratio(sums: ClusterSums) -> Result<Estimate> {
    let k = at_least("clusters", sums.clusters as f64, 2.0, "[2, inf)")?;
    let d = open_range("denominator", sums.d, 0.0, f64::INFINITY, "(0, inf)")?;
    let ratio = sums.m / d;
    let covariance = |product: f64, a: f64, b: f64| (product - a * b / k) / (k - 1.0);
    let spread = covariance(sums.m2, sums.m, sums.m) - 2.0 * ratio * covariance(sums.md, sums.m, d)
        + ratio * ratio * covariance(sums.d2, d, d);
    let spread = open_range("sums", spread, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
    Estimate::new(ratio, spread.max(0.0) * k / (d * d))
}

/// A fixed bucket of clusters: what its released rows sum to, with their noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Events, with noise.
    pub num: f64,
    /// Trials, with noise.
    pub den: f64,
}

/// The ratio `R = N / D` over `B` buckets into which clusters were hashed before anything was seen:
/// `V = B / (B - 1) sum e_g^2 / D^2` with `e_g = N_g - R D_g`.
///
/// It needs to know neither clusters nor noise: both move the buckets apart, and so are measured together. `B = 32` for
/// each arm is a good choice: fewer leave the variance itself to chance, more have little in each.
///
/// **Validity.** Asymptotic in buckets of about the same size. The same buckets at each look.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless there are two buckets, `D > 0` and all counts are finite.
pub fn buckets(buckets: &[Bucket]) -> Result<Estimate> {
    let b = at_least("buckets", buckets.len() as f64, 2.0, "[2, inf)")?;
    let (num, den) = buckets.iter().fold((0.0, 0.0), |(num, den), bucket| (num + bucket.num, den + bucket.den));
    let den = open_range("noisy trials", den, 0.0, f64::INFINITY, "(0, inf)")?;
    let ratio = num / den;
    let squares = buckets.iter().map(|bucket| (bucket.num - ratio * bucket.den).powi(2)).sum::<f64>();
    Estimate::new(ratio, b / (b - 1.0) * squares / (den * den))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    const CONTROL: ClusterSums =
        ClusterSums { clusters: 240, m: 1020.0, m2: 9300.0, d: 10100.0, d2: 720000.0, md: 72500.0 };

    /// gbstats 0.8.0, `RatioStatistic`.
    #[test]
    fn the_variance_of_a_ratio_matches_gbstats() {
        let estimate = ratio(CONTROL).unwrap();
        close(estimate.value(), 0.100990099009901, 1e-12, "ratio");
        close(estimate.variance(), 1.9685155626918255e-05, 1e-12, "variance");
    }

    /// The residuals of buckets sum to 0, so both formulas are one where a bucket is a cluster.
    #[test]
    fn a_bucket_for_each_cluster_is_the_delta_method() {
        let rows = [(3.0, 20.0), (5.0, 31.0), (0.0, 12.0), (9.0, 40.0), (2.0, 8.0)];
        let sum = |of: fn((f64, f64)) -> f64| rows.iter().copied().map(of).sum::<f64>();
        let sums = ClusterSums {
            clusters: 5,
            m: sum(|(m, _)| m),
            m2: sum(|(m, _)| m * m),
            d: sum(|(_, d)| d),
            d2: sum(|(_, d)| d * d),
            md: sum(|(m, d)| m * d),
        };
        let each = rows.map(|(num, den)| Bucket { num, den });
        let (by_sums, by_buckets) = (ratio(sums).unwrap(), buckets(&each).unwrap());
        close(by_buckets.value(), by_sums.value(), 1e-14, "ratio");
        close(by_buckets.variance(), by_sums.variance(), 1e-12, "variance");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(ratio(ClusterSums { clusters: 1, ..CONTROL }).is_err());
        for bad in [0.0, f64::NAN, f64::INFINITY] {
            assert!(ratio(ClusterSums { d: bad, ..CONTROL }).is_err());
            assert!(buckets(&[Bucket { num: 1.0, den: bad }; 4]).is_err());
        }
        assert!(ratio(ClusterSums { m2: f64::NAN, ..CONTROL }).is_err());
        assert!(buckets(&[Bucket { num: f64::NAN, den: 1.0 }; 4]).is_err());
        assert!(buckets(&[]).is_err() && buckets(&[Bucket { num: 1.0, den: 2.0 }]).is_err());
    }
}

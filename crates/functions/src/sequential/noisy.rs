//! What are rates worth whose counts were noised?

use tidegate_stats::cluster::{Bucket, buckets};
use tidegate_stats::sample_ratio::noisy_share;
use tidegate_stats::{Estimate, NoisyRow};

use super::answer::{Answer, NoAnswer, Row, list, number};
use super::estimate::{estimates, of_estimates};
use crate::call::{Function, Parameter};

const RATE: &[Parameter] = &[number("num"), number("den"), number("num_noise_variance"), number("den_noise_variance")];

/// Fewer noisy events say too little.
const LEAST_EVENTS: f64 = 30.0;

/// - `noisy_rate(num, den, num_noise_variance, den_noise_variance)`: the rate over released rows, from sums over them: of
///   the noisy counts, and of the squares of the standard deviations of their noise. Null below 30 noisy events.
/// - `bucket_ratio(nums, dens)`: the rate over fixed buckets of clusters, whose spread measures clusters and noise
///   together. Null for fewer than two buckets.
/// - `noisy_share(n_t, n_c, share, noise_variance)`: the treatment's share among noisy counts of units, with the variance
///   it has if `share` is right: a sample ratio that noise does not break. Null without units.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_estimates("noisy_rate", RATE, |rows| estimates(rows, rate)),
        of_estimates("bucket_ratio", const { &[list("nums"), list("dens")] }, |rows| estimates(rows, of_buckets)),
        of_estimates(
            "noisy_share",
            const { &[number("n_t"), number("n_c"), number("share"), number("noise_variance")] },
            |rows| estimates(rows, share),
        ),
    ]
}

fn rate(row: Row<'_>) -> Answer<Estimate> {
    let (num, den) = (row.number(0)?, row.number(1)?);
    // A variance below 0 has no root, and is refused as no number.
    let (num_noise_stddev, den_noise_stddev) = (row.number(2)?.sqrt(), row.number(3)?.sqrt());
    if num < LEAST_EVENTS || den <= 0.0 {
        return Err(NoAnswer::Null);
    }
    Ok(Estimate::of_noisy([NoisyRow { num, den, num_noise_stddev, den_noise_stddev }])?)
}

fn of_buckets(row: Row<'_>) -> Answer<Estimate> {
    let (nums, dens) = (row.list(0)?, row.list(1)?);
    if nums.len() != dens.len() {
        let cause = format!("{} nums and {} dens; every bucket has one of each", nums.len(), dens.len());
        return Err(NoAnswer::Refused(cause));
    }
    if nums.len() < 2 || dens.iter().sum::<f64>() <= 0.0 {
        return Err(NoAnswer::Null);
    }
    let rows = nums.into_iter().zip(dens).map(|(num, den)| Bucket { num, den }).collect::<Vec<_>>();
    Ok(buckets(&rows)?)
}

fn share(row: Row<'_>) -> Answer<Estimate> {
    let (treatment, control) = (row.number(0)?, row.number(1)?);
    if treatment + control <= 0.0 {
        return Err(NoAnswer::Null);
    }
    Ok(noisy_share(treatment, control, row.number(2)?, row.number(3)?)?)
}

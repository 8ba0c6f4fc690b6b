//! By how much is the treatment worse, and how sure is that?
//!
//! Every check becomes one estimate that grows with harm, the edge it must be shown to lie below, and the edge above which
//! it is harm. The sequential tests ask for nothing else.

use tidegate_stats::cluster::{self, Bucket};
use tidegate_stats::{Estimate, NoisyRow, Result};

use crate::file::{Analysis, Check, GateFile, Kind, Margin, Test};
use crate::series::Sums;

/// Below so many events in an arm nothing is about normal.
const LEAST_EVENTS: f64 = 30.0;

/// Fewer buckets do not tell the variance between them.
const LEAST_BUCKETS: usize = 8;

/// What a test must show, in the unit of its estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edges {
    /// The estimate must be shown to lie below.
    pub(crate) pass: f64,
    /// Above is harm.
    pub(crate) harm: f64,
    /// From the value that is expected to `pass`: what the plan must be able to see.
    pub(crate) gap: f64,
}

impl Test {
    /// What must be shown; none for a hard limit, which shows nothing.
    pub(crate) fn edges(&self) -> Option<Edges> {
        match self {
            Self::NonInferior { margin } => {
                Some(Edges { pass: margin.share(), harm: margin.share(), gap: margin.share() })
            }
            Self::Superior { margin, expect } => {
                Some(Edges { pass: -margin.share(), harm: 0.0, gap: expect.share() - margin.share() })
            }
            Self::Below { limit, expect } => Some(Edges { pass: *limit, harm: *limit, gap: limit - expect }),
            Self::HardLimit { .. } => None,
        }
    }

    fn is_relative(&self) -> bool {
        matches!(
            self,
            Self::NonInferior { margin: Margin::Percent(_) } | Self::Superior { margin: Margin::Percent(_), .. }
        )
    }
}

/// One arm's value, with the variance of everything that moves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ArmEstimate {
    pub(crate) estimate: Estimate,
    /// The part of the variance that is noise.
    pub(crate) noise_variance: f64,
}

/// Why an arm's value cannot be told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooFew {
    Events,
    Buckets,
}

/// The value of one arm: none where too little of it was seen.
///
/// # Errors
/// What the statistics say of numbers that mean nothing.
pub(crate) fn arm(gate: &GateFile, kind: Kind, sums: &Sums) -> Result<std::result::Result<ArmEstimate, TooFew>> {
    let [num, den, third] = sums.numbers;
    let hits = if kind == Kind::Paired { num + third } else { num };
    if den < LEAST_EVENTS || sums.is_noisy() && kind != Kind::Ratio && hits < LEAST_EVENTS {
        return Ok(Err(TooFew::Events));
    }
    let value = if kind == Kind::Paired { (num - third) / den } else { num / den };
    let noise = sums.noise[0] + value * value * sums.noise[1] + sums.noise[2];
    let noise_variance = noise / (den * den);
    let independent = match kind {
        Kind::Proportion if sums.is_noisy() => noisy(sums)?,
        Kind::Proportion => smoothed(num, den) / den,
        // Of pairs that differ, one more: McNemar's variance, never 0.
        Kind::Paired => ((num + third + 1.0) / den - value * value).max(0.0) / den + noise_variance,
        Kind::Ratio => 0.0,
    };
    let mut variance = independent;
    if gate.unit.analysis == Analysis::Buckets {
        if sums.buckets.iter().filter(|[_, den, _]| *den > 0.0).count() < LEAST_BUCKETS {
            return Ok(Err(TooFew::Buckets));
        }
        // Buckets without an event are buckets all the same.
        let empty = usize::try_from(gate.unit.buckets).unwrap_or(usize::MAX).saturating_sub(sums.buckets.len());
        let buckets = sums
            .buckets
            .iter()
            .map(|[num, den, third]| Bucket { num: if kind == Kind::Paired { num - third } else { *num }, den: *den });
        let buckets = buckets.chain(std::iter::repeat_n(Bucket { num: 0.0, den: 0.0 }, empty)).collect::<Vec<_>>();
        // Where few buckets differ by luck, events still are not more certain than independent ones.
        variance = variance.max(cluster::buckets(&buckets)?.variance());
    }
    Ok(Ok(ArmEstimate { estimate: Estimate::new(value, variance)?, noise_variance }))
}

/// The variance of one exact event, of a rate with half an event more on each side: never 0.
fn smoothed(num: f64, den: f64) -> f64 {
    let rate = (num + 0.5) / (den + 1.0);
    rate * (1.0 - rate)
}

fn noisy(sums: &Sums) -> Result<f64> {
    let [num, den, _] = sums.numbers;
    let row = NoisyRow { num, den, num_noise_stddev: sums.noise[0].sqrt(), den_noise_stddev: sums.noise[1].sqrt() };
    Ok(Estimate::of_noisy([row])?.variance())
}

/// What the check looks at, growing with harm: the difference of the arms, the lift, or the treatment alone.
///
/// # Errors
/// What the statistics say of numbers that mean nothing, a control at 0 under a relative margin among them.
pub(crate) fn harm(check: &Check, treatment: Estimate, control: Option<Estimate>) -> Result<Estimate> {
    let contrast = match control {
        Some(control) if check.test.is_relative() => treatment.relative_to(control)?,
        Some(control) => treatment.minus(control)?,
        None => treatment,
    };
    Estimate::new(check.direction.harm() * contrast.value(), contrast.variance())
}

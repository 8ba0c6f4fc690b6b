//! Two sketches of numbers, in bins that the reference fills alike, and their distances along the number line.

use std::iter::Peekable;

use super::Paired;
use crate::error::{Error, Result};
use crate::{Bin, DdSketch};

/// Between which bounds the greatest distance of two distribution functions lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The distance at the edges of the sketches' bins, where both functions are known.
    pub d_lo: f64,
    /// The distance if within each bin all numbers of the one came before all of the other.
    pub d_hi: f64,
    /// How much of the distance the bins hide: `d_hi - d_lo`, but that equal numbers are no distance, which the
    /// zeros are.
    pub unresolved: f64,
}

/// How far the one distribution must be moved to become the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wasserstein {
    /// The first Wasserstein distance of the bins' values, in the unit of the numbers.
    pub w1: f64,
    /// By how much the distance of the numbers themselves may differ from that.
    pub error: f64,
    /// The standard deviation of the reference's values, to measure the distance by.
    pub reference_sd: f64,
}

/// The counts of both sketches in about `bins` bins that the reference fills alike.
///
/// The number line is cut at the reference's bin whose share of numbers up to it is nearest to `j / bins`, for
/// each `j` from 1 to `bins - 1`, the lower bin of two that are as near, never the last; and around each bin
/// that holds `1 / bins` of the reference or more. Bins that are empty in both sketches are left out.
///
/// # Errors
/// [`Error::Unlike`] if the accuracies differ; [`Error::OutOfRange`] unless `bins` lies in `[2, 1000]`.
pub fn of_numbers(reference: &DdSketch, current: &DdSketch, bins: u32) -> Result<Paired> {
    reference.alike(current)?;
    let cuts = cuts(reference, bins)?;
    let mut paired = Paired::default();
    let (mut left, mut right) = (reference.bins().peekable(), current.bins().peekable());
    for cut in cuts.into_iter().chain([i32::MAX]) {
        paired.push(take_through(&mut left, cut), take_through(&mut right, cut));
    }
    Ok(paired)
}

/// The counts of the next bins through `key`.
fn take_through(bins: &mut Peekable<impl Iterator<Item = Bin>>, key: i32) -> u64 {
    let mut count = 0;
    while let Some(bin) = bins.next_if(|bin| bin.key <= key) {
        count += bin.count;
    }
    count
}

/// The keys at which the number line is cut, ascending: each is the last of its bin.
pub(super) fn cuts(reference: &DdSketch, bins: u32) -> Result<Vec<i32>> {
    if !(2..=1000).contains(&bins) {
        return Err(Error::OutOfRange { name: "bins", value: bins.into(), allowed: "[2, 1000]" });
    }
    let (bins, total) = (u128::from(bins), u128::from(reference.count()));
    let mut cuts = Vec::new();
    // How many numbers lie up to the bin before, and which it is.
    let (mut below, mut before) = (0_u128, None);
    let mut next = 1;
    let mut all = reference.bins().peekable();
    while let Some(bin) = all.next() {
        let through = below + u128::from(bin.count);
        // In units of 1 / (bins total) the share through a bin is `bins through`, and the aim `next total`.
        while next < bins && (through * bins >= next * total || all.peek().is_none()) {
            let aim = next * total;
            let nearer_before = before.filter(|_| aim.abs_diff(below * bins) <= aim.abs_diff(through * bins));
            cuts.extend(nearer_before.or(all.peek().is_some().then_some(bin.key)));
            next += 1;
        }
        if u128::from(bin.count) * bins >= total {
            cuts.extend([bin.key - 1, bin.key]);
        }
        (below, before) = (through, Some(bin.key));
    }
    cuts.sort_unstable();
    cuts.dedup();
    Ok(cuts)
}

/// The Kolmogorov-Smirnov distance of the numbers in both sketches; `None` if one has none.
///
/// # Errors
/// [`Error::Unlike`] if the accuracies differ.
pub fn kolmogorov_smirnov(reference: &DdSketch, current: &DdSketch) -> Result<Option<KolmogorovSmirnov>> {
    let Some(steps) = steps(reference, current)? else {
        return Ok(None);
    };
    let (mut d_lo, mut d_hi, mut resolved_hi) = (0_f64, 0_f64, 0_f64);
    let mut below = (0.0, 0.0);
    for Step { value, through } in steps {
        let at_edges = (through.0 - through.1).abs();
        let within = (through.0 - below.1).max(through.1 - below.0);
        d_lo = d_lo.max(at_edges);
        d_hi = d_hi.max(within);
        resolved_hi = resolved_hi.max(if value == 0.0 { at_edges } else { within });
        below = through;
    }
    Ok(Some(KolmogorovSmirnov { d_lo, d_hi, unresolved: resolved_hi.max(d_lo) - d_lo }))
}

/// The first Wasserstein distance of the numbers in both sketches; `None` if one has none.
///
/// # Errors
/// [`Error::Unlike`] if the accuracies differ.
pub fn wasserstein(reference: &DdSketch, current: &DdSketch) -> Result<Option<Wasserstein>> {
    let Some(steps) = steps(reference, current)? else {
        return Ok(None);
    };
    let (mut w1, mut last) = (0.0, None);
    for Step { value, through } in steps {
        if let Some((before, shares)) = last {
            let (left, right): (f64, f64) = shares;
            let gap = (left - right).abs();
            // Not gap (value - before): the difference of two numbers may be more than there are.
            w1 += gap * value - gap * before;
        }
        last = Some((value, through));
    }
    // Each number is moved to its bin's value, which costs no more than the way to the farther edge.
    let moved = |sketch: &DdSketch| mean(sketch, |bin| (bin.upper - bin.value).max(bin.value - bin.lower));
    let centre = mean(reference, |bin| bin.value);
    let reference_sd = mean(reference, |bin| (bin.value - centre).powi(2)).sqrt();
    Ok(Some(Wasserstein { w1, error: moved(reference) + moved(current), reference_sd }))
}

/// The share of the current numbers that lie below the reference's first bin or above its last; `None` if one
/// has no numbers.
///
/// # Errors
/// [`Error::Unlike`] if the accuracies differ.
pub fn out_of_range(reference: &DdSketch, current: &DdSketch) -> Result<Option<f64>> {
    reference.alike(current)?;
    let mut keys = reference.bins().map(|bin| bin.key);
    let Some(first) = keys.next() else {
        return Ok(None);
    };
    let last = keys.last().unwrap_or(first);
    let outside = current.bins().filter(|bin| !(first..=last).contains(&bin.key)).map(|bin| bin.count).sum::<u64>();
    Ok((current.count() > 0).then(|| outside as f64 / current.count() as f64))
}

/// The mean of `what` over the numbers of `sketch`, which has some.
fn mean(sketch: &DdSketch, what: impl Fn(&Bin) -> f64) -> f64 {
    let count = sketch.count() as f64;
    sketch.bins().map(|bin| what(&bin) * (bin.count as f64 / count)).sum()
}

/// A place on the number line where at least one of two sketches has numbers.
struct Step {
    value: f64,
    /// The shares of both that lie up to here.
    through: (f64, f64),
}

/// The places where `reference` or `current` has numbers, ascending; `None` if one has none.
fn steps(reference: &DdSketch, current: &DdSketch) -> Result<Option<impl Iterator<Item = Step>>> {
    reference.alike(current)?;
    let (n, m) = (reference.count(), current.count());
    if n == 0 || m == 0 {
        return Ok(None);
    }
    let (mut left, mut right) = (reference.bins().peekable(), current.bins().peekable());
    let mut through = (0, 0);
    Ok(Some(std::iter::from_fn(move || {
        let key = match (left.peek(), right.peek()) {
            (Some(left), Some(right)) => left.key.min(right.key),
            (Some(bin), None) | (None, Some(bin)) => bin.key,
            (None, None) => return None,
        };
        let (here, there) = (left.next_if(|bin| bin.key == key), right.next_if(|bin| bin.key == key));
        through.0 += here.map_or(0, |bin| bin.count);
        through.1 += there.map_or(0, |bin| bin.count);
        let value = here.or(there)?.value;
        Some(Step { value, through: (through.0 as f64 / n as f64, through.1 as f64 / m as f64) })
    })))
}

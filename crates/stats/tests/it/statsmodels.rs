//! Where do our score statistics differ from those of statsmodels, and who is right?
//!
//! Up to 0.15.0 the cubic of `statsmodels.stats.proportion.score_test_proportions_2indep` has a wrong linear coefficient
//! (its issue 10269). Cases of the oracle are reproduced to their own tolerance with that coefficient, which shows that it
//! explains all of the difference; and what this room answers is compared with a maximum of the likelihood that was found
//! without any cubic.

use tidegate_stats::{Contrast, Direction, Margin, Proportions};
use tidegate_stats::{miettinen_nurminen_interval, non_inferiority, normal};

use crate::case::Case;

/// How far the wrong coefficient moves z in these cases, and the bounds of intervals, as a share of them.
const MOVED_Z: f64 = 3e-4;
const MOVED_BOUND: f64 = 3e-3;

/// `z` of the difference `d`, with the control's rate as `restricted` makes it and the variance times `factor`.
fn z(arms: Proportions, d: f64, factor: f64, restricted: fn(Proportions, f64) -> f64) -> f64 {
    let control = restricted(arms, d);
    let of = |rate: f64, n: u64| rate * (1.0 - rate) / n as f64;
    let variance = of(control + d, arms.treatment.den()) + of(control, arms.control.den());
    (arms.difference() - d) / (variance * factor).sqrt()
}

/// The middle root of the cubic, with `x_c d` where Miettinen and Nurminen have `n_c d`.
fn by_wrong_cubic(arms: Proportions, d: f64) -> f64 {
    let total = (arms.treatment.den() + arms.control.den()) as f64;
    let share = |count: u64| count as f64 / total;
    let (n_t, n_c) = (share(arms.treatment.den()), share(arms.control.den()));
    let (x_t, x_c) = (share(arms.treatment.num()), share(arms.control.num()));
    let l2 = (n_t + 2.0 * n_c) * d - 1.0 - x_t - x_c;
    let l1 = (x_c * d - 1.0 - 2.0 * x_c) * d + x_t + x_c;
    let l0 = x_c * d * (1.0 - d);
    let q = (l2 / 3.0).powi(3) - l1 * l2 / 6.0 + l0 / 2.0;
    let p = ((l2 / 3.0).powi(2) - l1 / 3.0).sqrt().copysign(q);
    let angle = (std::f64::consts::PI + (q / p.powi(3)).clamp(-1.0, 1.0).acos()) / 3.0;
    2.0 * p * angle.cos() - l2 / 3.0
}

/// Where the likelihood of all pairs with the difference `d` is greatest: its logarithm's derivative falls, and is halved in
/// on.
fn by_likelihood(arms: Proportions, d: f64) -> f64 {
    let slope = |hits: u64, trials: u64, rate: f64| hits as f64 / rate - (trials - hits) as f64 / (1.0 - rate);
    let (mut low, mut high) = ((-d).max(0.0), (1.0 - d).min(1.0));
    for _ in 0..200 {
        let control = low.midpoint(high);
        let rising = slope(arms.treatment.num(), arms.treatment.den(), control + d)
            + slope(arms.control.num(), arms.control.den(), control);
        if rising > 0.0 { low = control } else { high = control }
    }
    low.midpoint(high)
}

/// Where `z` of the difference falls to `target`.
fn bound(arms: Proportions, target: f64, factor: f64, restricted: fn(Proportions, f64) -> f64) -> f64 {
    let (mut low, mut high) = (-0.9, 0.9);
    for _ in 0..200 {
        let d = f64::midpoint(low, high);
        if z(arms, d, factor, restricted) > target { low = d } else { high = d }
    }
    f64::midpoint(low, high)
}

fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within * expected.abs(), "{found}, expected {expected}");
}

/// `test_proportions_2indep(method=score, alternative=smaller, correction=False)`.
pub(crate) fn score_test(case: &Case<'_>) {
    let (arms, margin) = (case.arms(), case.number("margin"));
    let theirs = z(arms, margin, 1.0, by_wrong_cubic);
    case.check("z", theirs);
    case.check("p", normal::cdf(theirs));
    let ours = non_inferiority(arms, Direction::LowerIsBetter, Margin::Absolute(margin)).unwrap();
    near(ours.z, z(arms, margin, 1.0, by_likelihood), 1e-9);
    near(ours.z, theirs, MOVED_Z);
    case.check_flag("non_inferior_5pct", ours.p_value < 0.05);
}

/// `confint_proportions_2indep(method=score)`, which has the factor `N / (N - 1)`.
pub(crate) fn score_interval(case: &Case<'_>) {
    let (arms, level) = (case.arms(), 1.0 - case.number("alpha"));
    let critical = normal::quantile(0.5 * (1.0 + level)).unwrap();
    let total = (arms.treatment.den() + arms.control.den()) as f64;
    let factor = total / (total - 1.0);
    let ours = miettinen_nurminen_interval(Contrast::Difference, arms, level).unwrap();
    for (path, target, ours) in [("0", critical, ours.low), ("1", -critical, ours.high)] {
        let theirs = bound(arms, target, factor, by_wrong_cubic);
        case.check(path, theirs);
        near(ours, bound(arms, target, factor, by_likelihood), 1e-9);
        near(ours, theirs, MOVED_BOUND);
    }
}

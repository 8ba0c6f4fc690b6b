//! What does the fixed-horizon test say of these counts?

use tidegate_stats as stats;
use tidegate_stats::{Contrast, NonInferiority, Proportions, non_inferiority, score_interval};

use crate::error::Result;
use crate::file::{Direction, Margin};
use crate::verdict::{Interval, Scale, Status};

pub(super) struct Reading {
    pub(super) answer: NonInferiority,
    pub(super) interval: Interval,
    pub(super) status: Status,
}

pub(super) fn read(arms: Proportions, direction: Direction, margin: Margin, alpha: f64) -> Result<Reading> {
    let margin = stats::Margin::from(margin);
    let answer = non_inferiority(arms, direction.into(), margin)?;
    let interval = interval(arms, margin.contrast(), 1.0 - 2.0 * alpha)?;
    let status = if answer.p_value < alpha {
        Status::Pass
    } else if answer.p_value_harm < alpha {
        Status::Fail
    } else {
        Status::Inconclusive
    };
    Ok(Reading { answer, interval, status })
}

/// At level `1 - 2 alpha` each bound is a one-sided test at alpha, so that interval and verdict agree.
fn interval(arms: Proportions, contrast: Contrast, level: f64) -> Result<Interval> {
    let found = score_interval(contrast, arms, level)?;
    let (of, none) = match contrast {
        Contrast::Difference => (Scale::Difference, 0.0),
        Contrast::Ratio => (Scale::RelativeChange, 1.0),
    };
    let high = (found.high - none).is_finite().then_some(found.high - none);
    Ok(Interval { of, low: found.low - none, high, level: found.level })
}

//! Is a hard limit exceeded?
//!
//! No statistics: exact counts of every window that was seen, mature or not. Nothing but the answer leaves here, so that the
//! counts may be those that are kept inside.

use super::{Context, Finding};
use crate::error::Result;
use crate::evidence::Evidence;
use crate::file::{Check, Span};
use crate::series::walk;
use crate::verdict::Status;

pub(crate) fn judge(
    context: Context<'_>,
    check: &Check,
    evidence: &Evidence,
    limit: f64,
    least: u64,
) -> Result<Finding> {
    let treatment = evidence.arm(&context.gate.arms.treatment)?;
    let (mut num, mut den, mut is_noisy) = (0.0, 0.0, false);
    walk(evidence, &[treatment], context.period(Span(0)), |_, sums| {
        [num, den, _] = sums[0].numbers;
        is_noisy = sums[0].is_noisy();
    });
    if is_noisy {
        let reason = format!("{}: a hard limit needs exact counts, and these are noised", check.name);
        return Ok(Finding::new(Status::Error, "noised_limit", reason));
    }
    if num > limit * den && den >= least as f64 {
        let reason = format!("{}: the hard limit is exceeded", check.name);
        return Ok(Finding::new(Status::Fail, "hard_limit", reason));
    }
    // Windows of which nothing was heard keep no limit, once labels should have come.
    let coverage = walk(evidence, &[treatment], context.period(context.gate.time.label_maturity), |_, _| {});
    if coverage.withheld_share() > context.gate.cohort.max_withheld_share {
        let reason = format!("{}: windows are withheld or missing, in which the limit may be exceeded", check.name);
        return Ok(Finding::new(context.open(), "withheld", reason));
    }
    if den < least as f64 {
        let reason = format!("{}: fewer than {least} events, too few for a limit to mean anything", check.name);
        return Ok(Finding::new(context.open(), "too_few_events", reason));
    }
    Ok(Finding::new(Status::Pass, "within_limit", format!("{}: the hard limit is kept", check.name)))
}

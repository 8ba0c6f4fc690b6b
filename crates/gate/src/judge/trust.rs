//! Does the comparison mean anything?
//!
//! A trust check that fails is `INCONCLUSIVE`, whatever the numbers of the version say: nothing is promoted on them.

use tidegate_stats::sample_ratio::noisy_share;
use tidegate_stats::{ConfidenceSequence, Estimate, SampleRatio, Sides};

use super::{Context, Finding};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::file::{OnSmall, Span, Trust};
use crate::series::{Sums, walk};
use crate::verdict::Status;
use crate::words;

/// The level of trust checks: they are looked at always, and a false alarm stops a rollout.
const ALPHA: f64 = 0.001;
/// Of how many windows nothing may be heard.
const PATIENCE: i64 = 3;
/// How close to the shares a mismatch is bet on.
const CONCENTRATION: f64 = 100.0;

pub(crate) fn judge(context: Context<'_>, trust: &Trust, read: Option<&Result<Evidence>>, facts: &Facts) -> Finding {
    let found = match (trust, read) {
        (Trust::SchemaUnchanged, _) => Ok(unchanged(&facts.changed_signals)),
        (Trust::OpenLedger, _) => Ok(paid(&facts.unpaid_days)),
        (_, Some(Ok(evidence))) if evidence.cells.is_empty() => Err(Error::NoEvidence),
        (_, Some(Ok(evidence))) => match trust {
            Trust::SampleRatio { share, .. } => sample_ratio(context, *share, evidence),
            Trust::OneExposure { max_share, .. } => one_exposure(context, *max_share, evidence),
            Trust::EqualLabelDelay { tolerance, .. } => label_delay(context, *tolerance, evidence),
            Trust::SchemaUnchanged | Trust::OpenLedger => Err(Error::NoEvidence),
        },
        (_, Some(Err(error))) => Err(error.clone()),
        (_, None) => Err(Error::NoEvidence),
    };
    found.unwrap_or_else(|error| Finding::from(&error))
}

fn holds(reason: impl Into<String>) -> Finding {
    Finding::new(Status::Pass, "holds", reason)
}

fn broken(cause: &'static str, reason: impl Into<String>) -> Finding {
    Finding::new(Status::Inconclusive, cause, reason)
}

fn unchanged(changed: &[String]) -> Finding {
    match changed {
        [] => holds("every signal is defined as it was at registration"),
        signals => {
            let reason = format!("changed since registration: {}; register the gate anew", signals.join(", "));
            broken("schema_changed", reason)
        }
    }
}

fn paid(unpaid: &[String]) -> Finding {
    match unpaid {
        [] => holds("the budget paid for every day"),
        days => broken("ledger_closed", format!("the budget cannot pay for {}", days.join("; "))),
    }
}

/// Sums of the treatment and the control over all windows, mature or not.
fn sums(context: Context<'_>, evidence: &Evidence) -> Result<Option<[Sums; 2]>> {
    let arms = &context.gate.arms;
    let arms = [evidence.arm(&arms.treatment)?, evidence.arm(&arms.control)?];
    let mut last = None;
    let period = context.period(Span(0));
    walk(evidence, &arms, period, |at_us, sums| last = Some((at_us, [sums[0].clone(), sums[1].clone()])));
    Ok(last.filter(|(at_us, _)| !is_stale(context, *at_us)).map(|(_, sums)| sums))
}

/// Whether the last that was heard is too old to speak about now.
fn is_stale(context: Context<'_>, at_us: i64) -> bool {
    context.until_us - context.gate.time.label_maturity.0 - at_us >= PATIENCE * context.gate.time.window.0
}

fn sample_ratio(context: Context<'_>, share: Option<f64>, evidence: &Evidence) -> Result<Finding> {
    let Some(share) = share.or(context.share) else {
        return Ok(Finding::new(
            Status::Error,
            "no_share",
            "the check sample_ratio says no share, and no ramp gives one",
        ));
    };
    let Some([treatment, control]) = sums(context, evidence)? else {
        return Ok(Finding::new(context.open(), "no_window", "no window of late with the units of both arms"));
    };
    let units = [treatment.numbers[0], control.numbers[0]];
    if units[0] + units[1] <= 0.0 {
        return Ok(Finding::new(context.open(), "no_traffic", "no unit was seen in either arm"));
    }
    let seen = format!("{} of {} units", units[0], units[0] + units[1]);
    let is_right = if treatment.is_noisy() || control.is_noisy() {
        let noise = 0.5 * (treatment.noise[0] + control.noise[0]);
        let found = noisy_share(units[0], units[1], share, noise)?;
        let planned = found.information()?;
        let interval = ConfidenceSequence::new(Sides::Two, ALPHA, planned)?.interval(found)?;
        interval.low <= share && share <= interval.high
    } else {
        let ratio = SampleRatio::new(&[share, 1.0 - share], CONCENTRATION)?;
        ratio.p_value(&[units[0] as u64, units[1] as u64])? > ALPHA
    };
    if !is_right {
        let reason =
            format!("{seen} in the treatment, {} were planned: assignment or logging is broken", words::percent(share));
        return Ok(broken("sample_ratio", reason));
    }
    Ok(cohort(context, units).unwrap_or_else(|| holds(format!("{seen} in the treatment, as planned"))))
}

/// Whether too few units were seen to speak for everybody.
fn cohort(context: Context<'_>, units: [f64; 2]) -> Option<Finding> {
    let cohort = &context.gate.cohort;
    let least = units[0].min(units[1]);
    (least < cohort.min_units as f64).then(|| {
        let status = match cohort.on_small {
            OnSmall::Continue => context.open(),
            OnSmall::Inconclusive => Status::Inconclusive,
        };
        let reason = format!("{least} units in the smaller arm, {} are needed", cohort.min_units);
        Finding::new(status, "small_cohort", reason)
    })
}

fn one_exposure(context: Context<'_>, max_share: f64, evidence: &Evidence) -> Result<Finding> {
    let mut last = [0.0; 3];
    let mut noise = [0.0; 3];
    let mut heard_us = None;
    walk(evidence, &[0], context.period(Span(0)), |at_us, sums| {
        (last, noise, heard_us) = (sums[0].numbers, sums[0].noise, Some(at_us));
    });
    if heard_us.is_none_or(|at_us| is_stale(context, at_us)) {
        return Ok(Finding::new(context.open(), "no_window", "no window of late that counts crossed units"));
    }
    let [crossed, units, _] = last;
    // Of noised counts, what lies beyond the noise.
    let least = crossed - 3.0 * (noise[0] + max_share * max_share * noise[1]).sqrt();
    if least > max_share * units.max(0.0) {
        let reason = format!("{crossed} of {units} units saw both arms, {} may", words::percent(max_share));
        return Ok(broken("crossed_units", reason));
    }
    Ok(holds("units stayed in their arms"))
}

fn label_delay(context: Context<'_>, tolerance: f64, evidence: &Evidence) -> Result<Finding> {
    let Some(arms) = sums(context, evidence)? else {
        return Ok(Finding::new(context.open(), "no_window", "no window of late with labels of both arms"));
    };
    if arms.iter().any(|sums| sums.numbers[1] < 30.0) {
        return Ok(Finding::new(context.open(), "too_few_events", "too few decisions to compare their labels"));
    }
    let share = |sums: &Sums| {
        let [labelled, decided, _] = sums.numbers;
        let rate = (labelled + 0.5) / (decided + 1.0);
        let noise = (sums.noise[0] + rate * rate * sums.noise[1]) / (decided * decided);
        Estimate::new(labelled / decided, (rate * (1.0 - rate)).max(0.0) / decided + noise)
    };
    let difference = share(&arms[0])?.minus(share(&arms[1])?)?;
    let interval = ConfidenceSequence::new(Sides::Two, ALPHA, difference.information()?)?.interval(difference)?;
    if interval.low > tolerance || interval.high < -tolerance {
        let reason =
            format!("labelled share of the treatment: {} against the control", words::points(difference.value()));
        return Ok(broken("unequal_labels", reason));
    }
    Ok(holds("labels come as fast in both arms"))
}

#[cfg(test)]
mod tests;

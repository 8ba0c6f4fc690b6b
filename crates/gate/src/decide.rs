//! What does the evidence allow the gate to say?
//!
//! ```text
//! evidence unusable                                  ERROR
//! before the horizon (events, windows)               CONTINUE, no statistic is shown
//! at the horizon, fewer buckets than planned         INCONCLUSIVE
//! at the horizon, p <  alpha                         PASS          the interval lies inside the margin
//! at the horizon, p of harm < alpha                  FAIL          the interval lies beyond the margin
//! at the horizon, otherwise                          INCONCLUSIVE  the interval holds the margin
//! ```
//! The test is a fixed-horizon test: **read once**, at the horizon, its chance to pass a version that is
//! worse by the whole margin is alpha. Peeking before the horizon is refused here; evaluating again after
//! an inconclusive answer is the same mistake, and the caller, who has the record, must refuse it.
//!
//! Events are taken as independent. Where a few tenants bring most events, alpha is not kept; tests that
//! measure the variance between buckets are not here yet.

mod answer;
mod test;

use tidegate_stats::{Proportion, Proportions};

use crate::error::Result;
use crate::evidence::Evidence;
use crate::file::{Check, GateFile, Test};
use crate::tally::{ArmTally, Tally};
use crate::verdict::{ArmObserved, CheckVerdict, Observed, PerArm, Status, Threshold, Verdict};

/// What is still missing to the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Missing {
    events: PerArm<u64>,
    windows: u64,
}

/// Decides. Pure: the same arguments give the same verdict.
///
/// # Guarantee
/// No evidence that is missing, impossible or short of the horizon gives [`Status::Pass`]. Held by the
/// tests of this module.
#[must_use]
pub fn decide(gate: &GateFile, evidence: &Evidence) -> Verdict {
    weigh(gate, evidence).unwrap_or_else(|error| Verdict::from_error(gate, &error))
}

fn weigh(gate: &GateFile, evidence: &Evidence) -> Result<Verdict> {
    let tally = Tally::new(&gate.arms, evidence)?;
    let missing = missing(gate, &tally);
    let [check] = &gate.checks;
    let check = weigh_check(gate, check, &tally, missing)?;
    Ok(answer::verdict(gate, check, missing, tally))
}

/// `None` at or after the horizon.
fn missing(gate: &GateFile, tally: &Tally) -> Option<Missing> {
    let horizon = &gate.time.horizon;
    let missing = Missing {
        events: PerArm {
            control: horizon.events_per_arm.saturating_sub(tally.control.den),
            treatment: horizon.events_per_arm.saturating_sub(tally.treatment.den),
        },
        windows: horizon.windows.unwrap_or(0).saturating_sub(tally.windows),
    };
    let nothing = Missing { events: PerArm { control: 0, treatment: 0 }, windows: 0 };
    (missing != nothing).then_some(missing)
}

fn weigh_check(gate: &GateFile, check: &Check, tally: &Tally, missing: Option<Missing>) -> Result<CheckVerdict> {
    let Test::NonInferior { margin } = check.test;
    let control = observed(&gate.arms.control, &tally.control);
    let treatment = observed(&gate.arms.treatment, &tally.treatment);
    let mut verdict = CheckVerdict {
        name: check.name.clone(),
        signal: check.signal.clone(),
        verdict: Status::Continue,
        test: "non_inferior",
        direction: check.direction,
        threshold: Threshold {
            margin: margin.to_string(),
            margin_absolute: control.rate.map(|rate| margin.absolute(rate)),
            alpha: gate.error.alpha,
        },
        observed: Observed {
            difference: treatment.rate.zip(control.rate).map(|(treatment, control)| treatment - control),
            control,
            treatment,
        },
        z: None,
        p_value: None,
        p_value_harm: None,
        interval: None,
        n: PerArm { control: tally.control.den, treatment: tally.treatment.den },
        windows: tally.windows,
        buckets: PerArm { control: tally.control.buckets, treatment: tally.treatment.buckets },
    };
    if missing.is_some() {
        return Ok(verdict);
    }
    let arms = Proportions {
        treatment: Proportion::new(tally.treatment.num, tally.treatment.den)?,
        control: Proportion::new(tally.control.num, tally.control.den)?,
    };
    let test = test::read(arms, check.direction, margin, gate.error.alpha)?;
    verdict.z = Some(test.answer.z);
    verdict.p_value = Some(test.answer.p_value);
    verdict.p_value_harm = Some(test.answer.p_value_harm);
    verdict.interval = Some(test.interval);
    verdict.verdict = if too_few_buckets(gate, &verdict) { Status::Inconclusive } else { test.status };
    Ok(verdict)
}

fn too_few_buckets(gate: &GateFile, check: &CheckVerdict) -> bool {
    let needed = gate.cohort.as_ref().map_or(0, |cohort| cohort.min_buckets);
    check.buckets.control.min(check.buckets.treatment) < needed
}

fn observed(arm: &str, tally: &ArmTally) -> ArmObserved {
    let rate = (tally.den > 0).then(|| tally.num as f64 / tally.den as f64);
    ArmObserved { arm: arm.to_owned(), num: tally.num, den: tally.den, rate }
}

#[cfg(test)]
mod tests;

//! How is the answer said?

use tidegate_stats::{SampleSize, events_per_arm};

use super::{Missing, too_few_buckets};
use crate::file::{Check, Direction, GateFile, Test};
use crate::tally::Tally;
use crate::verdict::{CheckVerdict, Observed, Status, Verdict};
use crate::words::{count, percent, points, probability};

pub(super) fn verdict(gate: &GateFile, check: CheckVerdict, missing: Option<Missing>, tally: Tally) -> Verdict {
    Verdict {
        gate: gate.gate.clone(),
        version: gate.version,
        digest: gate.digest(),
        verdict: check.verdict,
        reason: reason(gate, &check, missing),
        what_happened: what_happened(gate, &check, &tally),
        why: why(gate, &check),
        what_changed: what_changed(&check.name, &check.observed),
        what_next: what_next(gate, &check, missing),
        ignored_rows: tally.ignored,
        checks: vec![check],
    }
}

fn reason(gate: &GateFile, check: &CheckVerdict, missing: Option<Missing>) -> String {
    if let Some(missing) = missing {
        return format!("{}: the planned horizon is not reached, {} missing", check.name, shortfall(gate, missing));
    }
    if too_few_buckets(gate, check) {
        let (control, treatment) = (check.buckets.control, check.buckets.treatment);
        return format!(
            "{}: events come from {control} and {treatment} buckets ({}, {}), fewer than the {} planned",
            check.name,
            gate.arms.control,
            gate.arms.treatment,
            gate.cohort.as_ref().map_or(0, |cohort| cohort.min_buckets),
        );
    }
    let (p, harm) = (check.p_value.unwrap_or(1.0), check.p_value_harm.unwrap_or(1.0));
    let (margin, alpha) = (&check.threshold.margin, check.threshold.alpha);
    let change = match &check.observed {
        Observed { difference: Some(difference), .. } => points(*difference),
        _ => "unknown".into(),
    };
    match check.verdict {
        Status::Pass => format!(
            "{}: {change}, shown to be less than {margin} worse (p {}, alpha {alpha})",
            check.name,
            probability(p)
        ),
        Status::Fail => format!(
            "{}: {change}, shown to be more than {margin} worse (p {}, alpha {alpha})",
            check.name,
            probability(harm)
        ),
        _ => format!(
            "{}: {change}, neither less nor more than {margin} worse is shown (p {} and {}, alpha {alpha})",
            check.name,
            probability(p),
            probability(harm)
        ),
    }
}

/// `12000 events of v1, 11950 events of v2 and 2 windows`
fn shortfall(gate: &GateFile, missing: Missing) -> String {
    let arms = [(&gate.arms.control, missing.events.control), (&gate.arms.treatment, missing.events.treatment)];
    let mut parts: Vec<String> =
        arms.iter().filter(|(_, n)| *n > 0).map(|(arm, n)| format!("{} of {arm}", count(*n, "event"))).collect();
    if missing.windows > 0 {
        parts.push(count(missing.windows, "window"));
    }
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => "nothing".into(),
    }
}

fn what_happened(gate: &GateFile, check: &CheckVerdict, tally: &Tally) -> String {
    let Observed { control, treatment, .. } = &check.observed;
    let mut text = format!(
        "gate {} version {} read {} of {}: {} of {} in {}, {} of {} in {}",
        gate.gate,
        gate.version,
        count(check.windows, "window"),
        check.signal,
        control.num,
        count(control.den, "event"),
        control.arm,
        treatment.num,
        count(treatment.den, "event"),
        treatment.arm,
    );
    let rows: u64 = tally.ignored.values().sum();
    if rows > 0 {
        let arms: Vec<&str> = tally.ignored.keys().map(String::as_str).collect();
        text += &format!("; {} of other arms left out ({})", count(rows, "row"), arms.join(", "));
    }
    text
}

fn why(gate: &GateFile, check: &CheckVerdict) -> String {
    let margin = &check.threshold.margin;
    let worse = match check.direction {
        Direction::LowerIsBetter => "higher",
        Direction::HigherIsBetter => "lower",
    };
    match check.verdict {
        Status::Continue => "a fixed-horizon test may be read once, at its planned horizon; \
                             an earlier look would pass bad versions more often than alpha says"
            .into(),
        Status::Pass => format!("a rate {worse} by {margin} or more is refuted at level {}", gate.error.alpha),
        Status::Fail => format!("a rate {worse} by {margin} or less is refuted at level {}", gate.error.alpha),
        _ if too_few_buckets(gate, check) => "too few buckets do not speak for everybody".into(),
        _ => format!("the interval of the change holds the margin {margin}; the evidence fits both sides of it"),
    }
}

fn what_changed(name: &str, observed: &Observed) -> String {
    let Observed { control, treatment, difference } = observed;
    let (Some(from), Some(to), Some(difference)) = (control.rate, treatment.rate, difference) else {
        return format!("{name}: unknown, an arm has no events yet");
    };
    let (from, to) = (percent(from), percent(to));
    format!("{name}: {from} in {}, {to} in {}, {}", control.arm, treatment.arm, points(*difference))
}

fn what_next(gate: &GateFile, check: &CheckVerdict, missing: Option<Missing>) -> String {
    let (control, treatment) = (&gate.arms.control, &gate.arms.treatment);
    if let Some(missing) = missing {
        let plan = gate.time.horizon.events_per_arm;
        return match needed_events(gate, check) {
            Some(needed) if needed > plan => format!(
                "collect {} more; the plan of {plan} events per arm is short of the {needed} that power {} needs \
                 at the overall rate",
                shortfall(gate, missing),
                gate.error.power,
            ),
            _ => format!("collect {} more", shortfall(gate, missing)),
        };
    }
    match check.verdict {
        Status::Pass => format!("promote {treatment}"),
        Status::Fail => format!("keep {control} and roll {treatment} back"),
        _ if too_few_buckets(gate, check) => {
            format!("keep {control}; register a new version of the gate and collect from more buckets")
        }
        _ => {
            let plan = needed_events(gate, check)
                .map(|needed| format!("; power {} needs about {needed} events per arm", gate.error.power))
                .unwrap_or_default();
            format!("keep {control}; do not read this gate again, register a new version with a later horizon{plan}")
        }
    }
}

/// Events per arm for the wanted power, at the rate of both arms together: that rate tells nothing about
/// their difference, so it may be looked at before the horizon.
fn needed_events(gate: &GateFile, check: &CheckVerdict) -> Option<u64> {
    let [Check { test: Test::NonInferior { margin }, .. }] = gate.checks;
    let Observed { control, treatment, .. } = &check.observed;
    let rate = (control.num as f64 + treatment.num as f64) / (control.den as f64 + treatment.den as f64);
    let plan = SampleSize {
        rate,
        direction: check.direction.into(),
        margin: margin.into(),
        alpha: gate.error.alpha,
        power: gate.error.power,
    };
    events_per_arm(plan).ok()
}

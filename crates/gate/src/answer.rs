//! How is the answer said? What happened, why, what changed, what next.

use crate::file::{AtMax, GateFile, Rollback};
use crate::stage::Stage;
use crate::verdict::{CheckVerdict, Status, Verdict};
use crate::words;

/// Puts the four answers into a verdict.
pub(crate) fn say(gate: &GateFile, verdict: &mut Verdict) {
    verdict.what_happened = what_happened(gate, verdict);
    verdict.why = why(gate, verdict);
    verdict.what_changed = what_changed(verdict);
    verdict.what_next = what_next(gate, verdict);
}

fn what_happened(gate: &GateFile, verdict: &Verdict) -> String {
    let windows = verdict.checks.iter().filter_map(|check| Some(check.numbers.as_ref()?.windows)).max().unwrap_or(0);
    let since = verdict.since.as_deref().unwrap_or("the beginning");
    format!(
        "gate {} version {} ({} to {}) read {} of {} from {since} to {}",
        gate.gate,
        gate.version,
        gate.stage.from,
        gate.stage.to,
        words::count(windows, "window"),
        words::count(gate.checks.len() as u64, "check"),
        verdict.as_of,
    )
}

fn why(gate: &GateFile, verdict: &Verdict) -> String {
    match (verdict.verdict, verdict.cause) {
        (Status::Pass, _) => format!(
            "every check is shown at level {}, whenever one looked, and every trust check holds",
            gate.error.alpha
        ),
        (Status::Fail, "hard_limit") => "a hard limit is exact: one breach is enough".into(),
        (Status::Fail, _) => format!("harm is shown at level {} over all checks and looks", gate.error.alpha),
        (Status::Error, _) => "evidence that is missing, broken or contradictory never counts as success".into(),
        (Status::Inconclusive, "not_shown") => "the longest time is over, and time is no evidence".into(),
        (Status::Inconclusive, _) => "the comparison cannot be trusted, whatever the numbers say".into(),
        (Status::Continue, "too_early") => {
            format!("no promotion before {}; harm would be told at any time", gate.time.min)
        }
        (Status::Continue, _) => "neither benefit nor harm is shown yet, and there is time left".into(),
    }
}

fn what_changed(verdict: &Verdict) -> String {
    let changes = verdict.checks.iter().filter_map(change).collect::<Vec<_>>();
    if changes.is_empty() { "unknown: there are no numbers to compare".into() } else { changes.join("; ") }
}

fn change(check: &CheckVerdict) -> Option<String> {
    let numbers = check.numbers.as_ref()?;
    let number = |value: f64| if value.abs() < 1.0 { words::percent(value) } else { format!("{value:.4}") };
    Some(match numbers.control {
        Some(control) => format!("{}: {} to {}", check.name, number(control), number(numbers.treatment)),
        None => format!("{}: {}", check.name, number(numbers.treatment)),
    })
}

fn what_next(gate: &GateFile, verdict: &Verdict) -> String {
    let treatment = &gate.arms.treatment;
    match verdict.verdict {
        Status::Pass if gate.approvals.required > 0 => {
            format!("have {} approve, then promote {treatment} to {}", people(gate), gate.stage.to)
        }
        Status::Pass => format!("promote {treatment} to {}", gate.stage.to),
        Status::Fail if gate.decide.rollback == Rollback::Automatic => {
            format!("{treatment} is rolled back from {}", gate.stage.from)
        }
        Status::Fail if gate.stage.from == Stage::Local => format!("keep {treatment} from going on"),
        Status::Fail => format!("roll {treatment} back from {}", gate.stage.from),
        Status::Error => "repair what gives the evidence, then evaluate again".into(),
        Status::Continue => {
            let left = (verdict.progress.max_days - verdict.progress.days).max(0.0);
            format!("wait for more evidence; {left:.1} days are left")
        }
        Status::Inconclusive if verdict.cause == "not_shown" => match gate.decide.at_max {
            AtMax::Hold => format!("hold {treatment}; to ask again, register a new version of the gate"),
            AtMax::Rollback => format!("roll {treatment} back; nothing was shown in time"),
        },
        Status::Inconclusive => format!("hold {treatment} and repair what cannot be trusted"),
    }
}

fn people(gate: &GateFile) -> String {
    let roles = match gate.approvals.roles.as_slice() {
        [] => String::new(),
        roles => format!(" ({})", roles.join(" or ")),
    };
    let required = gate.approvals.required;
    if required == 1 { format!("one person{roles}") } else { format!("{required} people{roles}") }
}

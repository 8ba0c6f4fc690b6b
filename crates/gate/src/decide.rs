//! What may follow from the evidence?
//!
//! The answer of the whole is the gravest of its parts: harm before errors, errors before doubt, doubt before waiting. Only
//! if every part passes, the shortest time has passed and nothing is in doubt, the version passes. **Silence is never
//! success**: what is missing, withheld or broken is one of the others by construction.

use crate::answer;
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::file::{GateFile, Promote, Test};
use crate::judge::check::{Seen, judge_all};
use crate::judge::{Context, Finding, trust};
use crate::verdict::{CheckVerdict, Progress, Status, TrustVerdict, Verdict};
use crate::words;

/// Decides. Pure: the same arguments give the same verdict.
///
/// # Guarantee
/// No evidence that is missing, impossible, withheld or early gives [`Status::Pass`]. Held by the tests of this module.
#[must_use]
pub fn decide(gate: &GateFile, facts: &Facts) -> Verdict {
    let context = Context::new(gate, facts);
    let parts = match (clock_jump(facts), context) {
        (Some(error), _) => Err(error),
        (None, None) => Err(first_error(facts)),
        (None, Some(context)) => weigh(context, facts),
    };
    let (finding, checks, trust) = match parts {
        Ok((checks, trust)) => {
            (settle(gate, &checks, &trust), checks, trust.into_iter().map(|(verdict, _)| verdict).collect())
        }
        Err(error) => (Finding::from(&error), Vec::new(), Vec::new()),
    };
    let days = context.map_or(0.0, |context| context.elapsed().days());
    let mut verdict = Verdict {
        gate: gate.gate.clone(),
        version: gate.version,
        digest: gate.digest(),
        from: gate.stage.from,
        to: gate.stage.to,
        since: context.map(|context| words::instant(context.since_us)),
        as_of: words::instant(facts.as_of_us),
        verdict: finding.status,
        cause: finding.cause,
        reason: finding.reason,
        what_happened: String::new(),
        why: String::new(),
        what_changed: String::new(),
        what_next: String::new(),
        checks,
        trust,
        progress: Progress { days, min_days: gate.time.min.days(), max_days: gate.time.max.days() },
    };
    answer::say(gate, &mut verdict);
    verdict
}

fn clock_jump(facts: &Facts) -> Option<Error> {
    let earlier = facts.judged_as_of_us.filter(|&earlier| facts.as_of_us < earlier)?;
    Some(Error::ClockJump { as_of: words::instant(facts.as_of_us), earlier: words::instant(earlier) })
}

/// Why there is nothing that could have begun the step.
fn first_error(facts: &Facts) -> Error {
    facts.checks.iter().find_map(|read| read.as_ref().err().cloned()).unwrap_or(Error::NoEvidence)
}

type Trusted = (TrustVerdict, &'static str);

fn weigh(context: Context<'_>, facts: &Facts) -> Result<(Vec<CheckVerdict>, Vec<Trusted>)> {
    let gate = context.gate;
    let checks = gate.checks.iter().zip(&facts.checks);
    let seen = checks.map(|(check, read)| Seen::new(context, check, read)).collect::<Vec<_>>();
    let trust = gate.trust.iter().enumerate().map(|(i, trust)| {
        let read = facts.trust.get(i).and_then(Option::as_ref);
        let Finding { status, cause, reason } = trust::judge(context, trust, read, facts);
        (TrustVerdict { name: trust.name(), verdict: status, reason }, cause)
    });
    Ok((judge_all(gate, &seen)?, trust.collect()))
}

/// The gravest of the parts that count.
fn settle(gate: &GateFile, checks: &[CheckVerdict], trust: &[Trusted]) -> Finding {
    let is_one_of_many = |check: &CheckVerdict| {
        gate.decide.promote == Promote::AnySuperior && check.test == "superior" && check.verdict != Status::Fail
    };
    // Of those one is enough: the best of them counts.
    let best = checks.iter().filter(|check| is_one_of_many(check)).min_by_key(|check| check.verdict.gravity());
    let counted = checks.iter().filter(|check| !is_one_of_many(check)).chain(best);
    let checks = counted.map(|check| Finding::new(check.verdict, check.cause, check.reason.clone()));
    let trust = trust
        .iter()
        .map(|(trust, cause)| Finding::new(trust.verdict, cause, format!("{}: {}", trust.name, trust.reason)));
    // Of equals the first: checks stand in the order of the declaration.
    let parts = trust.chain(checks).collect::<Vec<_>>();
    let gravest = parts.iter().map(|part| part.status.gravity()).max();
    let first = parts.iter().find(|part| Some(part.status.gravity()) == gravest).cloned();
    match first {
        Some(finding) if finding.status == Status::Pass => Finding::new(Status::Pass, "shown", shown(gate)),
        Some(finding) => finding,
        // A declaration has a check.
        None => Finding::from(&Error::NoEvidence),
    }
}

fn shown(gate: &GateFile) -> String {
    let shown = gate.checks.iter().filter(|check| !matches!(check.test, Test::HardLimit { .. })).count();
    let limits = gate.checks.len() - shown;
    let limits =
        if limits == 0 { String::new() } else { format!(", {} kept", words::count(limits as u64, "hard limit")) };
    format!("{} shown{limits}", words::count(shown as u64, "check"))
}

#[cfg(test)]
mod tests;

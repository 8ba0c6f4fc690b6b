//! May a version take its next step, and what runs then?

use super::{Action, Canary, HeldBack, Pointer, Refusal, Registration, Rollout, Standing};
use crate::file::GateFile;
use crate::stage::Stage;
use crate::verdict::Status;
use crate::words;

/// Passing over what evidence, time and other people say. Missing parts are not passed over: such a version cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Why; it is recorded and shown to everybody.
    pub reason: String,
}

/// The next generation, in which the registration `id` has taken its next step.
///
/// # Errors
/// The first rule that forbids it.
pub fn advance(rollout: &Rollout, id: &str, by: &str, at_us: i64, over: Option<&Override>) -> Result<Pointer, Refusal> {
    let registration = rollout.registrations.get(id).ok_or_else(|| Refusal::Unknown(id.to_owned()))?;
    if !registration.missing_parts.is_empty() {
        return Err(Refusal::MissingParts(registration.missing_parts.clone()));
    }
    let Some(now) = rollout.now() else { return adopt(rollout, registration, id, by, at_us) };
    if registration.baseline && rollout.position(id).is_some_and(|at| at.stage == Stage::Registered) {
        return Err(Refusal::BaselineRuns(now.generation));
    }
    if at_us < now.at_us {
        return Err(Refusal::ClockJump { generation: now.generation, latest: words::instant(now.at_us) });
    }
    let position = rollout.position(id).ok_or_else(|| Refusal::Unknown(id.to_owned()))?;
    match position.standing {
        Standing::Active => {}
        Standing::Held => return Err(Refusal::Ended("held")),
        Standing::RolledBack => return Err(Refusal::Ended("rolled back")),
    }
    if let Some((other, at)) = rollout.out().filter(|(other, _)| *other != id) {
        let label = rollout.registrations.get(other).map(|other| other.label.clone()).unwrap_or_default();
        return Err(Refusal::Occupied { label, stage: at.stage });
    }
    let permit = match position.stage {
        Stage::General => return Err(Refusal::Arrived),
        Stage::Registered => Permit::default(),
        stage => permit(rollout, id, stage, at_us, over)?,
    };
    let mut next = step(rollout, now, registration, id, by, at_us);
    next.verdict = permit.verdict;
    next.approved_by = permit.approved_by;
    next.break_glass = over.map(|over| over.reason.clone());
    let from_canary = registration.gates.get(&Stage::Canary).and_then(|gate| rollout.gates.get(gate));
    route(&mut next, now, position.stage, position.ramp_step, from_canary)?;
    next.reason = match over {
        Some(over) => format!("break glass: {}", over.reason),
        None if position.stage == Stage::Registered => "registered".to_owned(),
        None => "the gate passed".to_owned(),
    };
    Ok(next)
}

/// What runs already is taken over: nothing was compared, and the record says so.
fn adopt(rollout: &Rollout, registration: &Registration, id: &str, by: &str, at_us: i64) -> Result<Pointer, Refusal> {
    if !registration.baseline {
        return Err(Refusal::NoBaseline);
    }
    Ok(Pointer {
        name: registration.name.clone(),
        generation: 0,
        action: Action::Adopt,
        registration: id.to_owned(),
        bundle: registration.bundle.clone(),
        from: Stage::Registered,
        to: Stage::General,
        general: registration.bundle.clone(),
        canary: None,
        shadow: None,
        local: None,
        held_back: None,
        last_known_good: registration.bundle.clone(),
        verdict: None,
        approved_by: Vec::new(),
        break_glass: None,
        reason: "what runs already".to_owned(),
        facts: rollout.facts,
        by: by.to_owned(),
        at_us,
    })
}

/// What allows a step.
#[derive(Debug, Default)]
struct Permit {
    verdict: Option<String>,
    approved_by: Vec<String>,
}

fn permit(rollout: &Rollout, id: &str, stage: Stage, at_us: i64, over: Option<&Override>) -> Result<Permit, Refusal> {
    let judged = rollout.judgement(id);
    if over.is_some() {
        return Ok(Permit { verdict: judged.map(|judged| judged.verdict.clone()), approved_by: Vec::new() });
    }
    let gate = rollout.gate(id).ok_or(Refusal::NoGate(stage))?;
    if let Some(freeze) = gate.time.freeze.iter().find(|freeze| freeze.holds_at(at_us)) {
        let (from, to) = (freeze.from.to_string(), freeze.to.to_string());
        return Err(Refusal::Frozen { from, to, reason: freeze.reason.clone() });
    }
    let judged = judged.filter(|judged| judged.gate == gate.digest());
    let judged = judged.ok_or_else(|| Refusal::NotJudged(gate.gate.clone()))?;
    if judged.status != Status::Pass {
        return Err(Refusal::NotPassed { gate: gate.gate.clone(), status: judged.status });
    }
    if let Some(age) = gate.approvals.drill.filter(|age| rollout.fresh_drill(*age, at_us).is_none()) {
        return Err(Refusal::StaleDrill(age.to_string()));
    }
    let approvals = rollout.approvals_of(judged, gate, at_us);
    let have = u32::try_from(approvals.len()).unwrap_or(u32::MAX);
    if have < gate.approvals.required {
        return Err(Refusal::AwaitingApproval { have, need: gate.approvals.required });
    }
    let approved_by = approvals.into_iter().map(|approval| approval.by.clone()).collect();
    Ok(Permit { verdict: Some(judged.verdict.clone()), approved_by })
}

/// A generation in which nothing has moved yet.
pub(super) fn step(
    rollout: &Rollout,
    now: &Pointer,
    registration: &Registration,
    id: &str,
    by: &str,
    at_us: i64,
) -> Pointer {
    Pointer {
        generation: now.generation + 1,
        action: Action::Advance,
        registration: id.to_owned(),
        bundle: registration.bundle.clone(),
        verdict: None,
        approved_by: Vec::new(),
        break_glass: None,
        reason: String::new(),
        facts: rollout.facts,
        by: by.to_owned(),
        at_us,
        ..now.clone()
    }
}

/// Moves the bundle of `next` one step on from `stage`.
fn route(
    next: &mut Pointer,
    now: &Pointer,
    stage: Stage,
    ramp_step: usize,
    gate: Option<&GateFile>,
) -> Result<(), Refusal> {
    let bundle = next.bundle.clone();
    let canary = |gate: &GateFile, step: usize| {
        let share = gate.stage.ramp.get(step).copied();
        share.map(|share| Canary { bundle: bundle.clone(), share, step })
    };
    (next.from, next.to) = (stage, stage.next().unwrap_or(stage));
    match stage {
        Stage::Registered => next.local = Some(bundle),
        Stage::Local => (next.local, next.shadow) = (None, Some(bundle)),
        Stage::Shadow => {
            let gate = gate.ok_or(Refusal::NoGate(Stage::Canary))?;
            next.shadow = None;
            next.canary = canary(gate, 0);
            next.held_back = (gate.stage.hold_back > 0.0)
                .then(|| HeldBack { bundle: now.general.clone(), share: gate.stage.hold_back });
        }
        Stage::Canary | Stage::General => match gate.and_then(|gate| canary(gate, ramp_step + 1)) {
            Some(canary) => (next.canary, next.to) = (Some(canary), Stage::Canary),
            None => {
                next.canary = None;
                next.last_known_good.clone_from(&now.general);
                next.general = bundle;
            }
        },
    }
    Ok(())
}

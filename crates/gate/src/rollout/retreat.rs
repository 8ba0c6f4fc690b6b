//! What runs after a version was taken back?
//!
//! Nothing is asked but that there is something to return to: no approval, no verdict, no calendar.

use super::advance::step;
use super::{Action, Pointer, Refusal, Rollout};
use crate::stage::Stage;

/// The next generation, in which the candidate is gone from wherever it was; without one, in which everybody has the last
/// known good.
///
/// # Errors
/// [`Refusal::NoBaseline`] or [`Refusal::NothingToRestore`].
pub fn rollback(
    rollout: &Rollout,
    by: &str,
    at_us: i64,
    reason: &str,
    verdict: Option<String>,
) -> Result<Pointer, Refusal> {
    let now = rollout.now().ok_or(Refusal::NoBaseline)?;
    let out = rollout.out().map(|(id, _)| id);
    let general = || rollout.pointers.iter().rev().find(|pointer| pointer.bundle == now.general);
    let id = out.or_else(|| general().map(|at| at.registration.as_str())).ok_or(Refusal::NoBaseline)?;
    let registration = rollout.registrations.get(id).ok_or_else(|| Refusal::Unknown(id.to_owned()))?;
    let stage = rollout.position(id).map_or(Stage::General, |position| position.stage);
    if out.is_none() && now.general == now.last_known_good {
        return Err(Refusal::NothingToRestore(now.general.clone()));
    }
    let mut next = step(rollout, now, registration, id, by, at_us.max(now.at_us));
    next.action = Action::RollBack;
    (next.from, next.to) = (stage, Stage::Registered);
    (next.local, next.shadow, next.canary) = (None, None, None);
    if out.is_none() {
        next.general.clone_from(&now.last_known_good);
    }
    next.reason = reason.to_owned();
    next.verdict = verdict;
    Ok(next)
}

/// The next generation, in which the candidate stays where it is and goes no further.
///
/// # Errors
/// [`Refusal::Unknown`] when nothing is on its way.
pub fn hold(
    rollout: &Rollout,
    by: &str,
    at_us: i64,
    reason: &str,
    verdict: Option<String>,
) -> Result<Pointer, Refusal> {
    let now = rollout.now().ok_or(Refusal::NoBaseline)?;
    let (id, position) = rollout.out().ok_or_else(|| Refusal::Unknown(now.name.clone()))?;
    let registration = rollout.registrations.get(id).ok_or_else(|| Refusal::Unknown(id.to_owned()))?;
    let mut next = step(rollout, now, registration, id, by, at_us.max(now.at_us));
    next.action = Action::Hold;
    (next.from, next.to) = (position.stage, position.stage);
    next.reason = reason.to_owned();
    next.verdict = verdict;
    Ok(next)
}

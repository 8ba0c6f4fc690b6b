//! `tidegate promote promote` and `rollback`: what runs changes, one generation at a time.

use std::process::ExitCode;

use tidegate_gate::Status;
use tidegate_gate::rollout::{Override, Refusal, Rollout, advance, rollback};

use super::{gate, instant_of, move_pointer, open, refused, require_subject, tell};
use crate::cli::Place;
use crate::cli::promote::Acting;
use crate::failure::{Failure, Result};
use crate::promote::{Asking, Desk, judge};

/// What a rollback ends with, so that a job notices.
const ROLLED_BACK: u8 = 5;

pub(super) async fn promote(
    place: &Place,
    name: Option<&str>,
    break_glass: Option<&str>,
    acting: &Acting,
) -> Result<ExitCode> {
    let at_us = instant_of(place, acting)?;
    let mut desk = open(place, acting).await?;
    let (name, label) = match name.and_then(|name| name.split_once('@')) {
        Some((name, label)) => (Some(name), Some(label)),
        None => (name, None),
    };
    let name = desk.records.name(name)?;
    let rollout = desk.records.rollout(&name)?;
    let id = match label {
        None => require_subject(&rollout, &name)?,
        Some(label) => {
            let newest = rollout.registrations.iter().filter(|(_, registration)| registration.label == label);
            let newest = newest.max_by_key(|(_, registration)| registration.at_us).map(|(id, _)| id.clone());
            newest.ok_or_else(|| {
                let cause = format!("{name}@{label} is not registered");
                Failure::usage("TG660", cause, "register it, or look at `tidegate promote status`")
            })?
        }
    };
    let over = break_glass.map(|reason| Override { reason: reason.to_owned() });
    let next = advance(&rollout, &id, &desk.me.name, at_us, over.as_ref());
    let next = next.map_err(|refusal| refused(&refusal))?;
    if next.verdict.is_some() && over.is_none() {
        still_passes(place, &desk, &rollout, &id, at_us).await?;
    }
    let moved = move_pointer(&mut desk, &name, next, acting).await?;
    if let Some(reason) = &moved.break_glass {
        eprintln!("GLASS WAS BROKEN by {}: {reason}. Evidence, approvals and freezes were passed over.", moved.by);
    }
    tell(&rollout, &moved, acting)?;
    Ok(ExitCode::SUCCESS)
}

/// A verdict is of the evidence that there was. What has come since must not speak against it.
async fn still_passes(place: &Place, desk: &Desk, rollout: &Rollout, id: &str, at_us: i64) -> Result<()> {
    let hushed = gate::hushed(place).await?;
    let asking = Asking { by: &desk.me.name, now_us: at_us, hushed: &hushed };
    let verdict = judge(&desk.records.store, rollout, id, None, &asking).await?.verdict;
    if verdict.verdict == Status::Pass {
        return Ok(());
    }
    eprintln!("since that verdict: {}", verdict.reason);
    Err(refused(&Refusal::NotPassed { gate: verdict.gate, status: verdict.verdict }))
}

pub(super) async fn roll_back(place: &Place, name: Option<&str>, reason: &str, acting: &Acting) -> Result<ExitCode> {
    let at_us = instant_of(place, acting)?;
    let mut desk = open(place, acting).await?;
    let name = desk.records.name(name)?;
    let rollout = desk.records.rollout(&name)?;
    let next = rollback(&rollout, &desk.me.name, at_us, reason, None);
    let next = next.map_err(|refusal| refused(&refusal))?;
    let moved = move_pointer(&mut desk, &name, next, acting).await?;
    tell(&rollout, &moved, acting)?;
    Ok(ExitCode::from(ROLLED_BACK))
}

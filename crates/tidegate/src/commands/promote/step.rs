//! `tidegate promote promote` and `rollback`: what runs changes, one generation at a time.

use std::process::ExitCode;

use tidegate_gate::rollout::{Override, advance, rollback};

use super::{instant_of, move_pointer, open, refused, require_subject, tell};
use crate::cli::Place;
use crate::cli::promote::Acting;
use crate::failure::{Failure, Result};

/// What a rollback ends with, so that a job notices.
const ROLLED_BACK: u8 = 5;

pub(super) async fn promote(
    place: &Place,
    name: Option<&str>,
    break_glass: Option<&str>,
    acting: &Acting,
) -> Result<ExitCode> {
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
    let next = advance(&rollout, &id, &desk.me.name, instant_of(acting), over.as_ref());
    let next = next.map_err(|refusal| refused(&refusal))?;
    let moved = move_pointer(&mut desk, &name, next, acting).await?;
    if let Some(reason) = &moved.break_glass {
        eprintln!("GLASS WAS BROKEN by {}: {reason}. Evidence, approvals and freezes were passed over.", moved.by);
    }
    tell(&moved, acting)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn roll_back(place: &Place, name: Option<&str>, reason: &str, acting: &Acting) -> Result<ExitCode> {
    let mut desk = open(place, acting).await?;
    let name = desk.records.name(name)?;
    let rollout = desk.records.rollout(&name)?;
    let next = rollback(&rollout, &desk.me.name, instant_of(acting), reason, None);
    let next = next.map_err(|refusal| refused(&refusal))?;
    let moved = move_pointer(&mut desk, &name, next, acting).await?;
    tell(&moved, acting)?;
    Ok(ExitCode::from(ROLLED_BACK))
}

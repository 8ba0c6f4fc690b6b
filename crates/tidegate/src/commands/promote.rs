//! `tidegate promote`: a version on its way, step by step.
//!
//! Each verb reads the facts, lets `tidegate_gate` decide, and files what was decided. What is printed is data on stdout;
//! the exit code says what follows.

use std::process::ExitCode;
use std::time::Duration;

use tidegate_gate::rollout::{Action, Pointer, Refusal, Rollout};
use tidegate_ledger::Store;
use tidegate_stream::now_us;

use super::gate;
use crate::cli::Place;
use crate::cli::promote::{Acting, Promote, PromoteCommand};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::promote::{Act, Desk, Filed, enroll, file_new, publish};

mod approve;
mod drill;
mod evaluate;
mod look;
mod register;
mod step;

/// Another writer was faster, and did something else.
const LOST_RACE: u8 = 7;

pub(crate) async fn run(place: &Place, options: &Promote) -> Result<ExitCode> {
    match &options.command {
        PromoteCommand::Enroll { name, roles, key } => {
            enroll(&place.project, name, roles, key)?;
            print(&format!("{name} may act with {}; keep that file private\n", key.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        PromoteCommand::Register { bundle, gates, baseline, unplanned, assume, acting } => {
            let asked = register::Asked { bundle, gates, baseline: *baseline, unplanned: *unplanned, assume: *assume };
            register::run(place, &asked, acting).await
        }
        PromoteCommand::Plan { file, assume, json } => gate::plan_file(place, file, *assume, *json).await,
        PromoteCommand::Evaluate { name, as_of, format, watch, every, advance, acting } => {
            let asked = evaluate::Asked { name: name.as_deref(), as_of_us: as_of.map(|at| at.0), format: *format };
            if *watch {
                evaluate::watch(place, &asked, *every, *advance, acting).await
            } else {
                evaluate::run(place, &asked, acting).await
            }
        }
        PromoteCommand::Approve { name, acting } => approve::run(place, name.as_deref(), acting).await,
        PromoteCommand::Promote { name, break_glass, acting } => {
            step::promote(place, name.as_deref(), break_glass.as_deref(), acting).await
        }
        PromoteCommand::Rollback { name, reason, acting } => {
            step::roll_back(place, name.as_deref(), reason, acting).await
        }
        PromoteCommand::Drill { name, into, acting } => {
            drill::run(place, name.as_deref(), into.as_deref(), acting).await
        }
        PromoteCommand::Verify { json } => look::verified(place, *json).await,
        PromoteCommand::Status { name, json } => look::status(place, name.as_deref(), *json).await,
        PromoteCommand::Log { name, json } => look::log(place, name.as_deref(), *json).await,
    }
}

/// When it is done: now, but in a rehearsal.
///
/// # Errors
/// TG677 when another instant is given in earnest: a freeze, an expiry and the age of a drill could be dated away.
fn instant_of(place: &Place, acting: &Acting) -> Result<i64> {
    match acting.at {
        None => Ok(now_us()),
        Some(at) if Config::read(&place.project)?.promotion.simulated_time => Ok(at.0),
        Some(_) => {
            let cause = "acts are dated by the clock, and --at is for rehearsals";
            let fix =
                "leave --at out; a project for rehearsals says simulated_time = true in [promotion] of tidegate.toml";
            Err(Failure::usage("TG677", cause, fix))
        }
    }
}

/// A clock for durations.
fn elapsed() -> Duration {
    Duration::from_micros(u64::try_from(now_us()).unwrap_or(0))
}

/// Opens the desk, files charges that are new, and writes what follows from pointers that another did not live to write.
async fn open(place: &Place, acting: &Acting) -> Result<Desk> {
    let mut desk = Desk::open(place, acting.key.as_deref(), acting.dry_run).await?;
    if !acting.dry_run {
        file_new(&mut desk).await?;
        for name in desk.records.names() {
            publish(&desk.records.store, &desk.records.rollout(&name)?.pointers).await?;
        }
    }
    Ok(desk)
}

/// A refusal as it ends a command: its own exit code, told on stderr.
fn refused(refusal: &Refusal) -> Failure {
    Failure::refusal(refusal.code(), refusal.exit_code(), refusal.to_string(), refusal.help())
}

/// Files the next generation.
///
/// # Errors
/// TG674 when another stands in its place that does something else.
async fn move_pointer(desk: &mut Desk, name: &str, next: Pointer, acting: &Acting) -> Result<Pointer> {
    if acting.dry_run {
        return Ok(next);
    }
    let standing = match desk.file(Act::Point(next.clone())).await? {
        Filed::New => next,
        Filed::Other(other) => match *other {
            // Somebody else did the very same: that is success, and theirs is the record of it.
            Act::Point(found) if is_same_step(&found, &next) => {
                desk.settle().await?;
                found
            }
            _ => {
                let cause = format!("another process moved {name} first, to generation {}", next.generation);
                let fix = "look at `tidegate promote status` and decide again";
                return Err(Failure::refusal("TG674", LOST_RACE, cause, fix));
            }
        },
    };
    publish(&desk.records.store, &desk.records.rollout(name)?.pointers).await?;
    Ok(standing)
}

/// Whether two writers decided the same.
fn is_same_step(a: &Pointer, b: &Pointer) -> bool {
    let step = |pointer: &Pointer| {
        let Pointer { action, registration, from, to, general, canary, shadow, local, .. } = pointer.clone();
        (action, registration, from, to, general, canary, shadow, local)
    };
    step(a) == step(b)
}

/// A bundle by its label, where that is known.
fn label_of(rollout: &Rollout, bundle: &str) -> String {
    let known = rollout.registrations.values().find(|registration| registration.bundle == bundle);
    known.map_or_else(|| bundle.to_owned(), |registration| registration.label.clone())
}

/// Tells what moved.
fn tell(rollout: &Rollout, pointer: &Pointer, acting: &Acting) -> Result<()> {
    if acting.json {
        return print(&gate::to_json(pointer)?);
    }
    let what = match pointer.action {
        Action::Adopt => "runs: taken over as it is".to_owned(),
        Action::Advance => match &pointer.canary {
            Some(canary) if pointer.to == tidegate_gate::Stage::Canary => {
                format!("is in canary at {:.4} % of the units", canary.share * 100.0)
            }
            _ => format!("is in {}", pointer.to),
        },
        Action::RollBack => {
            format!("was rolled back from {}; everybody has {}", pointer.from, label_of(rollout, &pointer.general))
        }
        Action::Hold => format!("is held in {}", pointer.to),
    };
    let dry = if acting.dry_run { "would be: " } else { "" };
    let label = label_of(rollout, &pointer.bundle);
    print(&format!("{dry}{} {label} {what} (generation {})\n", pointer.name, pointer.generation))
}

/// The registration that a verb is about: the one that is out, or else the newest that is only registered.
fn subject(rollout: &Rollout) -> Option<String> {
    let waiting = || {
        let waiting = rollout.registrations.iter().filter(|(id, registration)| {
            let position = rollout.position(id);
            let is_ahead = position.is_some_and(|at| at.stage == tidegate_gate::Stage::Registered);
            let is_new = position.is_some_and(|at| at.standing == tidegate_gate::rollout::Standing::Active);
            is_ahead && is_new && (rollout.now().is_none() || !registration.baseline)
        });
        waiting.max_by_key(|(_, registration)| registration.at_us).map(|(id, _)| id.clone())
    };
    rollout.out().map(|(id, _)| id.to_owned()).or_else(waiting)
}

fn require_subject(rollout: &Rollout, name: &str) -> Result<String> {
    subject(rollout).ok_or_else(|| {
        let fix = "register a version with `tidegate promote register`";
        Failure::refusal("TG660", 1, format!("no version of {name} is on its way"), fix)
    })
}

/// Writes a file of the registry whose name says what is in it.
async fn keep(store: &Store, path: &str, bytes: &[u8]) -> Result<()> {
    let _ = store.create(path, bytes.to_vec()).await?;
    Ok(())
}

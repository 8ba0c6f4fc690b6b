//! `tidegate promote evaluate`: the gate is asked, its verdict kept, and harm taken back.

use std::process::ExitCode;
use std::time::Duration;

use tidegate_gate::Status;
use tidegate_gate::file::{AtMax, Rollback};
use tidegate_gate::rollout::{Rollout, Standing, advance as next_step, hold, rollback};

use super::{gate, instant_of, keep, move_pointer, open, refused, require_subject, tell};
use crate::cli::Place;
use crate::cli::gate::VerdictFormat;
use crate::cli::promote::Acting;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::promote::{Act, Asking, Desk, Judged, judge};

/// What was typed.
pub(super) struct Asked<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) as_of_us: Option<i64>,
    pub(super) format: VerdictFormat,
}

pub(super) async fn run(place: &Place, asked: &Asked<'_>, acting: &Acting) -> Result<ExitCode> {
    let mut desk = open(place, acting).await?;
    let judged = evaluate(place, &mut desk, asked, acting).await?;
    print(&gate::show(&judged.verdict, asked.format)?)?;
    follow(place, &mut desk, asked, &judged, acting).await?;
    Ok(ExitCode::from(judged.verdict.exit_code()))
}

/// Asks the gate, and files its verdict.
async fn evaluate(place: &Place, desk: &mut Desk, asked: &Asked<'_>, acting: &Acting) -> Result<Judged> {
    let name = desk.records.name(asked.name)?;
    let rollout = desk.records.rollout(&name)?;
    let id = require_subject(&rollout, &name)?;
    let now_us = instant_of(place, acting)?;
    if asked.as_of_us.is_some_and(|as_of| as_of > now_us) {
        let fix = "evaluate as of an instant that has passed";
        return Err(Failure::usage("TG627", "there is no evidence of the future", fix));
    }
    let judged_us = rollout.judgement(&id).map(|judged| judged.as_of_us);
    if asked.as_of_us.zip(judged_us).is_some_and(|(as_of, judged)| as_of < judged) {
        let fix = "evaluate as of a later instant, or leave --as-of out";
        return Err(Failure::usage("TG627", "a later verdict stands; the past is not judged again", fix));
    }
    let hushed = gate::hushed(place).await?;
    let asking = Asking { by: &desk.me.name, now_us, hushed: &hushed };
    let judged = judge(&desk.records.store, &rollout, &id, asked.as_of_us, &asking).await?;
    if !acting.dry_run {
        keep(&desk.records.store, &judged.path(), &judged.file).await?;
        // Whoever was first has signed the same: the file is named by what it rests on.
        let _ = desk.file(Act::Judge(judged.run_id.clone(), judged.judgement.clone())).await?;
    }
    Ok(judged)
}

/// Takes harm back, and ends what had its time, where the gate says that nobody needs to be asked.
async fn follow(place: &Place, desk: &mut Desk, asked: &Asked<'_>, judged: &Judged, acting: &Acting) -> Result<()> {
    let name = desk.records.name(asked.name)?;
    let rollout = desk.records.rollout(&name)?;
    let id = require_subject(&rollout, &name)?;
    let Some(gate) = rollout.gate(&id).filter(|gate| gate.decide.rollback == Rollback::Automatic) else {
        return Ok(());
    };
    let verdict = Some(judged.judgement.verdict.clone());
    let (by, at_us, reason) = (desk.me.name.clone(), instant_of(place, acting)?, judged.verdict.reason.clone());
    let is_spent =
        judged.verdict.verdict == Status::Inconclusive && judged.verdict.progress.days >= gate.time.max.days();
    let next = match (judged.verdict.verdict, gate.decide.at_max) {
        (Status::Fail, _) => rollback(&rollout, &by, at_us, &reason, verdict),
        (Status::Inconclusive, AtMax::Rollback) if is_spent => rollback(&rollout, &by, at_us, &reason, verdict),
        (Status::Inconclusive, AtMax::Hold) if is_spent && is_active(&rollout, &id) => {
            hold(&rollout, &by, at_us, &reason, verdict)
        }
        _ => return Ok(()),
    };
    let next = next.map_err(|refusal| refused(&refusal))?;
    let moved = move_pointer(desk, &name, next, acting).await?;
    let would = if acting.dry_run { "would be " } else { "" };
    eprintln!("{} {would}moved to generation {}: {}", moved.name, moved.generation, moved.reason);
    Ok(())
}

fn is_active(rollout: &Rollout, id: &str) -> bool {
    rollout.position(id).is_some_and(|position| position.standing == Standing::Active)
}

/// Evaluates again and again, and steps on where the rules allow it.
pub(super) async fn watch(
    place: &Place,
    asked: &Asked<'_>,
    every: Duration,
    advance: bool,
    acting: &Acting,
) -> Result<ExitCode> {
    /// How many times the pause doubles at most.
    const DOUBLINGS: u32 = 3;
    let mut failures = 0;
    loop {
        match turn(place, asked, advance, acting).await {
            Ok(Some(code)) => return Ok(code),
            Ok(None) => failures = 0,
            // What is wrong with what was written will not change by waiting.
            Err(failure) if !failure.may_pass() => return Err(failure),
            Err(failure) => {
                failures += 1;
                eprintln!("{failure}; trying again");
            }
        }
        let pause = every * 2_u32.pow(failures.min(DOUBLINGS));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// One evaluation of a watch; an exit code once there is nothing more to watch.
async fn turn(place: &Place, asked: &Asked<'_>, advance: bool, acting: &Acting) -> Result<Option<ExitCode>> {
    let mut desk = open(place, acting).await?;
    let judged = evaluate(place, &mut desk, asked, acting).await?;
    print(&gate::show(&judged.verdict, asked.format)?)?;
    follow(place, &mut desk, asked, &judged, acting).await?;
    let name = desk.records.name(asked.name)?;
    let rollout = desk.records.rollout(&name)?;
    let code = ExitCode::from(judged.verdict.exit_code());
    let Some((id, position)) = rollout.out() else { return Ok(Some(code)) };
    if position.standing == Standing::Held {
        return Ok(Some(code));
    }
    if advance && judged.verdict.verdict == Status::Pass {
        match next_step(&rollout, id, &desk.me.name, instant_of(place, acting)?, None) {
            Ok(next) => {
                let moved = move_pointer(&mut desk, &name, next, acting).await?;
                tell(&rollout, &moved, acting)?;
                if moved.to == tidegate_gate::Stage::General {
                    return Ok(Some(ExitCode::SUCCESS));
                }
            }
            Err(refusal) => eprintln!("{refusal}; {}", refusal.help()),
        }
    }
    Ok(None)
}

//! `tidegate promote status`, `log` and `verify`: looking changes nothing and needs no key.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::{Value, json};
use tidegate_gate::render::changelog;
use tidegate_gate::rollout::{Rollout, Standing};

use super::{gate, label_of, subject};
use crate::cli::Place;
use crate::failure::Result;
use crate::output::print;
use crate::promote::{Records, verify};
use crate::words::counted;

pub(super) async fn status(place: &Place, name: Option<&str>, json: bool) -> Result<ExitCode> {
    let records = Records::read(place).await?;
    for doubt in &records.doubtful {
        eprintln!("warning: {} is not believed: {}", doubt.file, doubt.why);
    }
    let names = match name {
        Some(name) => vec![records.name(Some(name))?],
        None => records.names(),
    };
    let mut all = Vec::new();
    let mut text = String::new();
    for name in &names {
        let rollout = records.rollout(name)?;
        all.push(document(name, &rollout));
        text += &describe(name, &rollout);
    }
    if names.is_empty() {
        text = "nothing is registered yet\n".to_owned();
    }
    print(&if json { gate::to_json(&all)? } else { text })?;
    Ok(ExitCode::SUCCESS)
}

fn document(name: &str, rollout: &Rollout) -> Value {
    let candidate = subject(rollout).map(|id| {
        json!({
            "registration": id,
            "bundle": rollout.registrations.get(&id).map(|registration| &registration.bundle),
            "label": label(rollout, &id),
            "position": rollout.position(&id),
            "verdict": rollout.judgement(&id),
            "approvals": approvals(rollout, &id),
        })
    });
    json!({ "name": name, "now": rollout.now(), "candidate": candidate, "drill": rollout.drills.last() })
}

fn label(rollout: &Rollout, id: &str) -> String {
    rollout.registrations.get(id).map(|registration| registration.label.clone()).unwrap_or_default()
}

/// Who has approved the last verdict, whenever that was.
fn approvals(rollout: &Rollout, id: &str) -> Vec<String> {
    let (Some(judged), Some(gate)) = (rollout.judgement(id), rollout.gate(id)) else { return Vec::new() };
    let at_us = rollout.approvals.iter().map(|approval| approval.at_us).max().unwrap_or(0);
    rollout.approvals_of(judged, gate, at_us).into_iter().map(|approval| approval.by.clone()).collect()
}

fn describe(name: &str, rollout: &Rollout) -> String {
    let mut text = format!("{name}\n");
    let mut line = |part: String| {
        let _ = writeln!(text, "  {part}");
    };
    match rollout.now() {
        Some(now) => {
            line(format!("runs              {} (generation {})", label_of(rollout, &now.general), now.generation));
            line(format!("last known good   {}", label_of(rollout, &now.last_known_good)));
            if let Some(held_back) = &now.held_back {
                let share = held_back.share * 100.0;
                line(format!("held back         {share:.2} % stay with {}", label_of(rollout, &held_back.bundle)));
            }
        }
        None => line("runs              nothing that is known here".to_owned()),
    }
    if let Some((id, position)) = subject(rollout).and_then(|id| Some((id.clone(), rollout.position(&id)?))) {
        let share = rollout.now().and_then(|now| now.canary.as_ref()).map(|canary| canary.share * 100.0);
        let at = match share.filter(|_| position.stage == tidegate_gate::Stage::Canary) {
            Some(share) => format!("canary at {share:.2} %"),
            None => position.stage.to_string(),
        };
        let held = if position.standing == Standing::Held { ", held" } else { "" };
        line(format!("under way         {} in {at}{held}", label(rollout, &id)));
        match (rollout.judgement(&id), rollout.gate(&id)) {
            (Some(judged), Some(gate)) => {
                line(format!("last verdict      {} of {} ({})", judged.status, gate.gate, judged.verdict));
                let have = approvals(rollout, &id);
                let by = if have.is_empty() { String::new() } else { format!(": {}", have.join(", ")) };
                line(format!("approvals         {} of {}{by}", have.len(), gate.approvals.required));
            }
            (None, Some(gate)) => line(format!("waits for         an evaluation of {}", gate.gate)),
            (_, None) if position.stage == tidegate_gate::Stage::Registered => {
                line("waits for         `tidegate promote promote`".to_owned());
            }
            (_, None) => line(format!("stands still      no gate was registered for the step from {}", position.stage)),
        }
    }
    if let Some(drill) = rollout.drills.last() {
        let how = if drill.restored { "restored" } else { "FAILED" };
        line(format!("last drill        {how} in {:.1} ms", drill.took_us as f64 / 1e3));
    }
    text
}

pub(super) async fn log(place: &Place, name: Option<&str>, json: bool) -> Result<ExitCode> {
    let records = Records::read(place).await?;
    let name = records.name(name)?;
    let rollout = records.rollout(&name)?;
    print(&match json {
        true => gate::to_json(&rollout.pointers)?,
        false => changelog(&name, &rollout.pointers, |bundle| label_of(&rollout, bundle)),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn verified(place: &Place, json: bool) -> Result<ExitCode> {
    let mut records = Records::open(place).await?;
    let problems = verify(&mut records, &gate::hushed(place).await?).await?;
    if json {
        print(&gate::to_json(&json!({ "entries": records.entries.len(), "problems": problems }))?)?;
    } else if problems.is_empty() {
        print(&format!("{} verified, nothing was changed\n", counted(records.entries.len() as u64, "act")))?;
    } else {
        for problem in &problems {
            print(&format!("{problem}\n"))?;
        }
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

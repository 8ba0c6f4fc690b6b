//! `tidegate promote approve`: somebody other than the author consents to one verdict.

use std::process::ExitCode;

use serde_json::json;
use tidegate_gate::Status;
use tidegate_gate::rollout::Approval;

use super::{gate, instant_of, open, require_subject};
use crate::cli::Place;
use crate::cli::promote::Acting;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::promote::{Act, Filed};

pub(super) async fn run(place: &Place, name: Option<&str>, acting: &Acting) -> Result<ExitCode> {
    let at_us = instant_of(place, acting)?;
    let mut desk = open(place, acting).await?;
    let name = desk.records.name(name)?;
    let rollout = desk.records.rollout(&name)?;
    let id = require_subject(&rollout, &name)?;
    let registration = &rollout.registrations[&id];
    let refuse = |code: &str, cause: String, fix: &str| Err(Failure::refusal(code, 1, cause, fix));
    if registration.author == desk.me.name || registration.bundle_author == desk.me.name {
        let cause = format!("{} made or registered it, and nobody approves their own work", desk.me.name);
        return refuse("TG676", cause, "have somebody else approve");
    }
    let (Some(judged), Some(gate)) = (rollout.judgement(&id), rollout.gate(&id)) else {
        return refuse("TG666", "there is no verdict to approve".into(), "run `tidegate promote evaluate`");
    };
    if judged.status != Status::Pass {
        let cause = format!("the last verdict is {}, and only a PASS is approved", judged.status);
        return refuse("TG666", cause, "evaluate again when there is more evidence");
    }
    let roles = &gate.approvals.roles;
    if !roles.is_empty() && !desk.me.roles.iter().any(|role| roles.contains(role)) {
        let cause = format!("{} has none of the roles {}", desk.me.name, roles.join(", "));
        return refuse("TG676", cause, "have somebody with the role approve, or change people.toml");
    }
    let approval = Approval {
        registration: id.clone(),
        bundle: registration.bundle.clone(),
        gate: judged.gate.clone(),
        verdict: judged.verdict.clone(),
        by: desk.me.name.clone(),
        roles: desk.me.roles.clone(),
        at_us,
    };
    let (verdict, required) = (judged.verdict.clone(), gate.approvals.required);
    let is_new = acting.dry_run || desk.file(Act::Approve(approval)).await? == Filed::New;
    let rollout = desk.records.rollout(&name)?;
    let have = match (rollout.judgement(&id), rollout.gate(&id)) {
        (Some(judged), Some(gate)) => rollout.approvals_of(judged, gate, at_us).len(),
        _ => 0,
    };
    if acting.json {
        print(&gate::to_json(&json!({
            "name": name, "verdict": verdict, "by": desk.me.name, "new": is_new, "have": have, "need": required,
            "dry_run": acting.dry_run,
        }))?)?;
    } else {
        let how = if is_new { "approves" } else { "approved already" };
        print(&format!("{} {how} {name} {}: {have} of {required}\n", desk.me.name, registration_label(&rollout, &id)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn registration_label(rollout: &tidegate_gate::rollout::Rollout, id: &str) -> String {
    rollout.registrations.get(id).map(|registration| registration.label.clone()).unwrap_or_default()
}

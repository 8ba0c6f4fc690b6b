//! `tidegate promote register`: a bundle and its gates, frozen together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use tidegate_gate::rollout::{Registration, Rollout};
use tidegate_gate::{GateFile, Stage};

use super::{gate, instant_of, open};
use crate::cli::Place;
use crate::cli::gate::Assume;
use crate::cli::promote::Acting;
use crate::evidence;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::promote::{Act, Desk, Filed, Registered};
use crate::registry::Registry;

/// What was typed.
pub(super) struct Asked<'a> {
    pub(super) bundle: &'a str,
    pub(super) gates: &'a [PathBuf],
    pub(super) baseline: bool,
    pub(super) unplanned: bool,
    pub(super) assume: Assume,
}

pub(super) async fn run(place: &Place, asked: &Asked<'_>, acting: &Acting) -> Result<ExitCode> {
    let gates = read(place, asked.gates)?;
    let at_us = instant_of(place, acting)?;
    let mut desk = open(place, acting).await?;
    let hushed = gate::hushed(place).await?;
    let registry = Registry::open(desk.records.store.clone());
    let digest = registry.resolve(asked.bundle).await?;
    let manifest = registry.get(digest).await?;
    let name = manifest.bundle.to_string();
    for (gate, _) in gates.values() {
        if gate.bundle.as_ref().is_some_and(|bundle| *bundle != name) {
            let cause = format!("the gate {} judges bundles of another name than {name}", gate.gate);
            return Err(Failure::usage("TG607", cause, "correct `bundle:` in the gate, or name another gate"));
        }
    }
    let mut signals = BTreeMap::new();
    for (gate, _) in gates.values() {
        let reading = evidence::read(&desk.records.store, gate, &hushed).await?;
        let defined = reading.signals.into_iter();
        signals.extend(defined.filter_map(|(signal, hashes)| Some((signal, hashes.into_iter().next_back()?))));
        refuse_undecidable(&desk, gate, &hushed, asked).await?;
    }
    let registration = Registration {
        name: name.clone(),
        bundle: digest.to_string(),
        label: manifest.version.to_string(),
        missing_parts: manifest.missing_parts().into_iter().map(str::to_owned).collect(),
        gates: gates.iter().map(|(stage, (gate, _))| (*stage, gate.digest())).collect(),
        signals,
        baseline: asked.baseline,
        author: desk.me.name.clone(),
        bundle_author: manifest.author.clone(),
        at_us,
    };
    let guarded = [Stage::Local, Stage::Shadow, Stage::Canary].into_iter().filter(|_| !asked.baseline);
    let unguarded = guarded.filter(|stage| !gates.contains_key(stage)).collect::<Vec<_>>();
    if let Some((local, _)) = gates.get(&Stage::Local) {
        refuse_used_traces(&desk.records.rollout(&name)?, local, &registration)?;
    }
    let missing = registration.missing_parts.clone();
    let registered =
        Registered { registration, gates: gates.into_iter().map(|(stage, (_, text))| (stage, text)).collect() };
    let id = registered.id();
    let is_new = acting.dry_run || matches!(desk.file(Act::Register(registered)).await?, Filed::New);
    if acting.json {
        print(&gate::to_json(&json!({
            "registration": id, "name": name, "bundle": digest.to_string(), "new": is_new,
            "missing_parts": missing, "dry_run": acting.dry_run,
        }))?)?;
    } else {
        let how = if is_new { "registered" } else { "is registered already" };
        print(&format!("{name} {} {how} as {}\n", manifest.version, &id[..12]))?;
    }
    if !unguarded.is_empty() {
        let steps = unguarded.iter().map(|stage| stage.name()).collect::<Vec<_>>().join(", ");
        eprintln!("warning: no gate guards the step from {steps}; there it will stand still");
    }
    if !missing.is_empty() {
        eprintln!("warning: the bundle has no {}; it cannot be promoted", missing.join(", no "));
    }
    Ok(ExitCode::SUCCESS)
}

/// The gates with their texts, by the stage that each guards.
fn read(place: &Place, files: &[PathBuf]) -> Result<BTreeMap<Stage, (GateFile, String)>> {
    let mut gates = BTreeMap::new();
    for file in files {
        let path = if file.is_file() { file.clone() } else { place.project.join(file) };
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::io("read", path.display(), &error))?;
        let gate = gate::parse(&path.display().to_string(), &text)?;
        let stage = gate.stage.from;
        if gates.insert(stage, (gate, text)).is_some() {
            let cause = format!("two gates guard the step from {stage}");
            return Err(Failure::usage("TG607", cause, "give one gate for each step"));
        }
    }
    Ok(gates)
}

/// Historical traces are told apart by the name of their arm alone. Traces that another registration was judged by would judge
/// the wrong version, or the same one again with alpha spent anew.
fn refuse_used_traces(rollout: &Rollout, local: &GateFile, new: &Registration) -> Result<()> {
    let arm = &local.arms.treatment;
    let used = rollout.registrations.iter().find(|(id, known)| {
        let is_other = known.bundle != new.bundle || known.gates != new.gates;
        let gate = known.gates.get(&Stage::Local).and_then(|gate| rollout.gates.get(gate));
        let is_judged = rollout.judgements.iter().any(|judged| judged.registration == **id);
        is_other && is_judged && gate.is_some_and(|gate| gate.arms.treatment == *arm)
    });
    let Some((_, known)) = used else { return Ok(()) };
    let cause = format!("the traces of the arm {arm} have judged {} already", known.label);
    Err(Failure::usage("TG678", cause, "give the traces of this version an arm of their own, such as its version"))
}

/// A gate that cannot decide would hold every version, good or bad. Where nothing is known of its traffic that cannot be
/// told yet, and is no reason to refuse.
async fn refuse_undecidable(desk: &Desk, gate: &GateFile, hushed: &BTreeSet<String>, asked: &Asked<'_>) -> Result<()> {
    if asked.unplanned {
        return Ok(());
    }
    let (plan, _) = gate::plan_of(&desk.records.store, gate, hushed, asked.assume.traffic()).await?;
    let Some(short) = plan.checks.iter().find(|check| check.traffic.is_some() && !check.decides) else { return Ok(()) };
    let cause = format!("the gate {} cannot decide: {}", gate.gate, short.reason);
    let fix = "raise `time.max` or the margin, or the traffic; --unplanned registers it all the same";
    Err(Failure::usage("TG675", cause, fix))
}

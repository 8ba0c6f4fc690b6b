//! How is a registered gate asked, and how is its answer kept?
//!
//! A run is named by what it rests on: the gate, the step, the bytes of its evidence, and up to where that goes. So the same
//! evaluation twice is one evaluation, whoever makes it, and one that died is finished by the next.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tidegate_gate::file::Trust;
use tidegate_gate::rollout::{Judgement, Rollout};
use tidegate_gate::{Facts, GateFile, Stage, Verdict, decide};
use tidegate_ledger::Store;

use super::act::{VerdictFile, digest_of, verdict_path};
use super::charges;
use super::outputs::bytes_of;
use crate::evidence::{self, Reading};
use crate::failure::{Failure, Result};

/// A verdict, and everything that proves it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) run_id: String,
    pub(crate) judgement: Judgement,
    /// The bytes of its file.
    pub(crate) file: Vec<u8>,
}

/// Who asks, when, and of which signals nobody knows how much noise is in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) by: &'a str,
    pub(crate) now_us: i64,
    pub(crate) hushed: &'a BTreeSet<String>,
}

/// Asks the gate that guards the next step of a registration, as of an instant, or of the end of its evidence as far as it
/// is of the past.
///
/// # Errors
/// When there is no gate for the step, or the store fails.
pub(crate) async fn judge(
    store: &Store,
    rollout: &Rollout,
    id: &str,
    as_of_us: Option<i64>,
    asking: &Asking<'_>,
) -> Result<Judged> {
    let position = rollout.position(id);
    let (Some(gate), Some(position)) = (rollout.gate(id), position) else {
        let stage = position.map_or(Stage::Registered, |position| position.stage);
        let cause = format!("no gate guards the step from {stage}");
        return Err(Failure::usage(
            "TG665",
            cause,
            "register the bundle with a gate for the step, or promote it from `registered`",
        ));
    };
    let reading = evidence::read(store, gate, asking.hushed).await?;
    let judged_us = rollout.judgement(id).map(|judged| judged.as_of_us);
    // Historical traces are older than the registration.
    let since_us = (position.stage != Stage::Local).then_some(position.since_us);
    let end_us = end_of(gate, &reading, since_us, asking.now_us).max(judged_us.unwrap_or(i64::MIN));
    let as_of_us = as_of_us.unwrap_or(end_us);
    let registered = rollout.registrations.get(id).map(|registration| &registration.signals);
    let changed = registered.map(|signals| changed(signals, &reading)).unwrap_or_default();
    let unpaid = match gate.trust.contains(&Trust::OpenLedger) {
        true => charges::unpaid_days(store, gate, &reading, since_us.unwrap_or(i64::MIN), as_of_us).await?,
        false => Vec::new(),
    };
    let share = gate.stage.ramp.get(position.ramp_step).copied();
    let step = position.since_generation.unwrap_or(0);
    let run_id = digest_of(&(gate.digest(), id, step, &reading.inputs, as_of_us, &changed, &unpaid));
    let facts = Facts {
        as_of_us,
        since_us,
        share,
        judged_as_of_us: judged_us,
        checks: reading.checks,
        trust: reading.trust,
        changed_signals: changed.clone(),
        unpaid_days: unpaid.clone(),
    };
    let verdict = decide(gate, &facts);
    let file = VerdictFile {
        run_id: &run_id,
        registration: id,
        step,
        as_of_us,
        share,
        inputs: &reading.inputs,
        changed_signals: &changed,
        unpaid_days: &unpaid,
        verdict: to_value(&verdict)?,
    };
    let file = bytes_of(&to_value(&file)?)?;
    let judgement = Judgement {
        registration: id.to_owned(),
        gate: gate.digest(),
        verdict: format!("sha256:{:x}", Sha256::digest(&file)),
        step,
        status: verdict.verdict,
        as_of_us,
        by: asking.by.to_owned(),
    };
    Ok(Judged { verdict, run_id, judgement, file })
}

impl Judged {
    /// Where its file lies.
    pub(crate) fn path(&self) -> String {
        verdict_path(&self.run_id)
    }
}

/// Up to where evidence goes if nobody says: to its end, as far as that has passed; and once the longest time is over by the
/// clock, too, to now: silence does not stop the time.
fn end_of(gate: &GateFile, reading: &Reading, since_us: Option<i64>, now_us: i64) -> i64 {
    /// Windows that may be on their way.
    const PATIENCE: i64 = 3;
    let end = reading.last_us(gate).map_or(now_us, |last| last.min(now_us));
    let time = &gate.time;
    let longest_us = time.max.0 + time.label_maturity.0 + PATIENCE * time.window.0;
    if since_us.is_some_and(|since| now_us >= since.saturating_add(longest_us)) { now_us } else { end }
}

/// Signals that are defined otherwise than at registration. One that had no rows then may have any definition.
fn changed(registered: &BTreeMap<String, String>, reading: &Reading) -> Vec<String> {
    let is_other = |name: &String, known: &String| {
        reading.signals.get(name).is_some_and(|found| found.iter().any(|definition| definition != known))
    };
    registered.iter().filter(|(name, known)| is_other(name, known)).map(|(name, _)| name.clone()).collect()
}

fn to_value<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))
}

//! Is everything as it was when it was decided, and was it decided by the rules?
//!
//! Without a network and without trust in whoever holds the store but in the keys of people: every log is read and chained
//! anew, every signature and every digest recomputed, every step of every rollout decided again on the facts that stood
//! before it, and every verdict given again on its evidence where that still lies there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidegate_gate::render::{cloud_event, flagd};
use tidegate_gate::rollout::{Action, Override, Pointer, Rollout, advance, hold, rollback};
use tidegate_ledger::{Budget, Chain, Store, encode};
use tidegate_stream::{Commit, History, LOG, ReleaseEntry};

use super::act::{Act, pointer_path, verdict_path};
use super::desk::{Entry, FOLDERS, Records};
use super::judge::{Asking, judge};
use super::outputs::{bytes_of, event_path, flags_path};
use crate::failure::Result;
use crate::registry::Registry;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Problem {
    /// The file.
    pub(crate) file: String,
    /// Its first bad byte, where that can be told.
    pub(crate) byte: Option<u64>,
    /// What is wrong.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.byte {
            Some(byte) => write!(f, "{}, byte {byte}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Everything that is wrong, sorted by file.
///
/// # Errors
/// Only where the store cannot be read.
pub(crate) async fn verify(records: &mut Records, hushed: &BTreeSet<String>) -> Result<Vec<Problem>> {
    let store = records.store.clone();
    let mut verifier = Verifier { store: &store, problems: BTreeSet::new() };
    let log_holds = verifier.audit_log(records).await?;
    verifier.registry().await?;
    let released = verifier.commits().await?;
    verifier.released(&released).await?;
    // Of a log that is damaged nothing more can be said: what it should hold is not known.
    if log_holds {
        records.load().await?;
        for doubt in &records.doubtful {
            verifier.wrong(&doubt.file, None, &doubt.why);
        }
        verifier.envelopes(records).await?;
        verifier.verdicts(records, &released).await?;
        for name in records.names() {
            verifier.rollout(records, &name, hushed).await?;
        }
    }
    verifier.budget(records).await?;
    Ok(verifier.problems.into_iter().collect())
}

struct Verifier<'a> {
    store: &'a Store,
    problems: BTreeSet<Problem>,
}

impl Verifier<'_> {
    fn wrong(&mut self, file: impl Into<String>, byte: Option<u64>, what: impl Into<String>) {
        self.problems.insert(Problem { file: file.into(), byte, what: what.into() });
    }

    /// Tiles, signatures, head: all from the entries.
    async fn audit_log(&mut self, records: &Records) -> Result<bool> {
        let Some(reader) = &records.reader else { return Ok(true) };
        match reader.verify(&records.people.keys).await {
            Ok(_) => return Ok(true),
            Err(tidegate_audit::Error::Damaged(damage)) => {
                self.wrong(damage.file, Some(damage.offset), damage.what.to_string());
            }
            Err(tidegate_audit::Error::Store(error)) => return Err(error.into()),
            Err(error) => self.wrong("audit", None, error.to_string()),
        }
        Ok(false)
    }

    /// Every file is an entry, every entry is a file, and both are the same bytes.
    async fn envelopes(&mut self, records: &Records) -> Result<()> {
        let mut logged: BTreeMap<String, &Entry> =
            records.entries.iter().map(|entry| (entry.act.path(), entry)).collect();
        for folder in FOLDERS {
            for path in self.store.list(folder).await? {
                let is_known = records.doubtful.iter().any(|doubt| doubt.path.as_ref() == Some(&path));
                match logged.remove(&path) {
                    None if is_known => {}
                    Some(entry) => self.same(&path, &entry.bytes, "the audit log has it otherwise").await?,
                    None => self.wrong(path, None, "it is not in the audit log"),
                }
            }
        }
        for path in logged.into_keys() {
            self.wrong(path, None, "it is in the audit log, and the file is missing");
        }
        Ok(())
    }

    async fn registry(&mut self) -> Result<()> {
        for (file, what) in Registry::open(self.store.clone()).audit().await?.bad {
            self.wrong(file, None, what);
        }
        Ok(())
    }

    /// The commit log; what it says was released, every time.
    async fn commits(&mut self) -> Result<Vec<ReleaseEntry>> {
        let mut entries = Vec::new();
        match Chain::<Commit>::open(self.store.clone(), LOG).await {
            Ok((_, commits)) => {
                for commit in &commits {
                    if let Commit::Release(release) = &commit.body {
                        entries.extend(release.releases.iter().cloned());
                    }
                }
                let standing = History::of(&commits);
                // The last word on each path comes last.
                entries.extend(standing.released.into_values());
            }
            Err(tidegate_ledger::Error::Damaged { file, fault }) => self.wrong(file, None, fault.to_string()),
            Err(error) => return Err(error.into()),
        }
        Ok(entries)
    }

    /// The budget's log, and that every charge that was filed is in it.
    async fn budget(&mut self, records: &Records) -> Result<()> {
        let budget = match Budget::open(self.store.clone()).await {
            Ok(budget) => budget,
            Err(tidegate_ledger::Error::Damaged { file, fault }) => {
                self.wrong(file, None, fault.to_string());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        for entry in &records.entries {
            let Act::Charge(charged) = &entry.act else { continue };
            let record = usize::try_from(charged.seq).ok().and_then(|seq| budget.charges().get(seq));
            let bytes = record.and_then(|record| encode(record.seq, record.prev, &record.body).ok());
            if bytes.map(|bytes| format!("{:x}", Sha256::digest(bytes))).as_deref() != Some(&charged.record) {
                self.wrong(
                    format!("log/budget/{:020}.json", charged.seq),
                    None,
                    "the audit log has the charge otherwise",
                );
            }
        }
        Ok(())
    }

    /// Every released file is what was released last.
    async fn released(&mut self, entries: &[ReleaseEntry]) -> Result<()> {
        let last: BTreeMap<&str, &ReleaseEntry> = entries.iter().map(|entry| (entry.path.as_str(), entry)).collect();
        for folder in ["released", "internal"] {
            for path in self.store.list(folder).await? {
                let Some(entry) = last.get(path.as_str()) else {
                    self.wrong(path, None, "nobody released it");
                    continue;
                };
                let bytes = self.store.get(&path).await?.unwrap_or_default();
                if format!("{:x}", Sha256::digest(&bytes)) != entry.sha256 {
                    self.wrong(path, None, "its bytes are not those that were released");
                }
            }
        }
        Ok(())
    }

    /// Verdict files are what was signed, and rest on what was released.
    async fn verdicts(&mut self, records: &Records, released: &[ReleaseEntry]) -> Result<()> {
        let known: BTreeSet<(&str, &str)> =
            released.iter().map(|entry| (entry.path.as_str(), entry.sha256.as_str())).collect();
        let mut signed = BTreeSet::new();
        for entry in &records.entries {
            let Act::Judge(run_id, _) = &entry.act else { continue };
            let path = verdict_path(run_id);
            signed.insert(path.clone());
            // That it is what was signed is asked of every act that is believed.
            let bytes = self.store.get(&path).await?.unwrap_or_default();
            let file = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
            let inputs = file["inputs"].as_object().cloned().unwrap_or_default();
            for (input, digest) in &inputs {
                if !known.contains(&(input.as_str(), digest.as_str().unwrap_or_default())) {
                    self.wrong(&path, None, format!("{input} was never released with those bytes"));
                }
            }
        }
        for path in self.store.list("registry/verdicts").await? {
            // One whose evaluation died before it was signed says nothing, and is signed by the next that asks the same.
            if !signed.contains(&path) && !self.is_whole_verdict(&path).await? {
                self.wrong(path, None, "nobody signed it");
            }
        }
        Ok(())
    }

    async fn is_whole_verdict(&self, path: &str) -> Result<bool> {
        let bytes = self.store.get(path).await?.unwrap_or_default();
        let file = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
        Ok(file["run_id"].as_str().is_some_and(|run_id| verdict_path(run_id) == path))
    }

    /// Every generation follows from the facts that stood before it, and what follows from it is as it should be.
    async fn rollout(&mut self, records: &Records, name: &str, hushed: &BTreeSet<String>) -> Result<()> {
        let whole = records.rollout(name)?;
        for (generation, pointer) in whole.pointers.iter().enumerate() {
            let path = pointer_path(name, pointer.generation);
            if pointer.generation != generation as u64 {
                self.wrong(path, None, format!("generation {generation} is missing before it"));
                return Ok(());
            }
            let mut before = Records::rollout_of(name, &records.entries, pointer.facts)?;
            before.pointers = whole.pointers[..generation].to_vec();
            if let Err(what) = follows(&before, pointer) {
                self.wrong(path, None, what);
            }
            self.same(&event_path(pointer), &bytes_of(&cloud_event(pointer))?, "it does not follow from the pointer")
                .await?;
        }
        if let Some(now) = whole.now() {
            self.same(&flags_path(name), &bytes_of(&flagd(now))?, "it does not follow from the pointer").await?;
        }
        self.judged_again(&whole, hushed).await
    }

    /// The last verdict of the step that is under way, given again on the evidence that lies there now: it is the same run
    /// where nothing was released since.
    async fn judged_again(&mut self, rollout: &Rollout, hushed: &BTreeSet<String>) -> Result<()> {
        let Some((id, _)) = rollout.out() else { return Ok(()) };
        let Some(last) = rollout.judgement(id) else { return Ok(()) };
        let before = Rollout {
            judgements: rollout.judgements.iter().filter(|judged| *judged != last).cloned().collect(),
            ..rollout.clone()
        };
        let asking = Asking { by: &last.by, now_us: i64::MAX, hushed };
        if let Ok(again) = judge(self.store, &before, id, Some(last.as_of_us), &asking).await {
            let kept = self.store.get(&again.path()).await?;
            if kept.is_some_and(|kept| finding(&kept) != finding(&again.file)) {
                self.wrong(again.path(), None, "the gate gives another verdict on this evidence");
            }
        }
        Ok(())
    }

    /// A file whose bytes are known.
    async fn same(&mut self, path: &str, expected: &[u8], otherwise: &str) -> Result<()> {
        match self.store.get(path).await? {
            None => self.wrong(path, None, "it is missing"),
            Some(found) if found == expected => {}
            Some(found) => self.wrong(path, Some(first_difference(&found, expected)), otherwise),
        }
        Ok(())
    }
}

/// What a verdict's file has found, without the words in which it is said.
fn finding(file: &[u8]) -> Value {
    let file = serde_json::from_slice::<Value>(file).unwrap_or_default();
    let verdict = &file["verdict"];
    let checks = verdict["checks"].as_array().cloned().unwrap_or_default();
    let checks = checks.iter().map(|check| json!([check["name"], check["verdict"], check["cause"], check["numbers"]]));
    let trust = verdict["trust"].as_array().cloned().unwrap_or_default();
    let trust = trust.iter().map(|trust| json!([trust["name"], trust["verdict"]]));
    json!([verdict["verdict"], verdict["cause"], checks.collect::<Vec<_>>(), trust.collect::<Vec<_>>()])
}

fn first_difference(found: &[u8], expected: &[u8]) -> u64 {
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    differs.unwrap_or(found.len().min(expected.len())) as u64
}

/// Whether a generation is what the rules give.
fn follows(before: &Rollout, pointer: &Pointer) -> Result<(), String> {
    let over = pointer.break_glass.clone().map(|reason| Override { reason });
    let (by, at_us) = (pointer.by.as_str(), pointer.at_us);
    let expected = match pointer.action {
        Action::Adopt | Action::Advance => advance(before, &pointer.registration, by, at_us, over.as_ref()),
        Action::RollBack => rollback(before, by, at_us, &pointer.reason, pointer.verdict.clone()),
        Action::Hold => hold(before, by, at_us, &pointer.reason, pointer.verdict.clone()),
    };
    match expected {
        Err(refusal) => Err(format!("the rules refuse it: {refusal}")),
        Ok(expected) => {
            if expected == *pointer {
                Ok(())
            } else {
                Err("the rules give another routing".to_owned())
            }
        }
    }
}

//! How do closed windows become files that readers see, exactly once?
//!
//! ```text
//! state of the due days -> release -> staging/<record>-<release id> -> commit record -> released/... -> staging removed
//! ```
//!
//! Until the record is written nothing has happened; once it is, publication may be repeated at will:
//! it copies staged bytes to a path that follows from signal and day.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use tidegate_algebra::{Closed, Panes, Released, Windows};
use tidegate_ledger::Store;
use tidegate_signal::{Scope, Signal};

use crate::commit::{ReleaseEntry, StateFile};
use crate::dirty::Release;
use crate::epoch::{Limits, sha256_hex};
use crate::error::{Error, Result};
use crate::history::{History, SignalHistory};
use crate::layout;
use crate::released::{ReleasedDay, Standing, by_day, file_of};
use crate::state::Shelf;

const DAY_US: i64 = 86_400_000_000;

/// What a signal has to release now.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) entries: Vec<ReleaseEntry>,
    /// Released files of an earlier definition that this one does not replace.
    pub(crate) removed: Vec<String>,
    /// Groups below the threshold in the days that were looked at.
    pub(crate) withheld: u64,
    /// Verdicts that turned.
    pub(crate) turned: u64,
}

/// Computes and stages the days of `signal` that are due, when windows are closed as far as `closed` says.
pub(crate) async fn stage(
    store: &Store,
    history: &History,
    signal: &Signal,
    closed: Closed,
    limits: &Limits,
    record: u64,
) -> Result<Due> {
    let name = signal.name();
    let fingerprint = signal.cut.fingerprint();
    let nothing = SignalHistory::default();
    let own = history.signals.get(&(name.to_owned(), fingerprint.clone())).unwrap_or(&nothing);
    let before = released_by(history, name);
    let current = |day| before.get(&day).copied().filter(|entry| entry.fingerprint == *fingerprint);
    let code_hash = &signal.definition.code_hash;
    let rows_by_day = signal.filed_by.is_some();
    let days = Release { signal: own, windows: signal.windows, rows_by_day, closed, code_hash }.due(current);
    let mut result = Due::default();
    if !days.is_empty() {
        let staging = Staging { store, signal, own, closed, limits, record };
        result = staging.stage(&days, current).await?;
    }
    // Days of an earlier definition must not stand beside days of this one.
    let replaced = result.entries.iter().map(|entry| entry.day).collect::<BTreeSet<_>>();
    let stale = before.values().filter(|entry| entry.fingerprint != *fingerprint && !replaced.contains(&entry.day));
    result.removed = stale.map(|entry| entry.path.clone()).collect();
    result.removed.extend(moved(&result.entries, &before));
    Ok(result)
}

/// Where days of another scope lay before.
pub(crate) fn moved(entries: &[ReleaseEntry], before: &BTreeMap<Option<i32>, &ReleaseEntry>) -> Vec<String> {
    let before = entries.iter().filter_map(|entry| before.get(&entry.day).filter(|before| before.path != entry.path));
    before.map(|before| before.path.clone()).collect()
}

/// The released days of a signal.
pub(crate) fn released_by<'a>(history: &'a History, name: &str) -> BTreeMap<Option<i32>, &'a ReleaseEntry> {
    let entries = history.released.iter().filter(|((signal, _), _)| signal == name);
    entries.map(|((_, day), entry)| (*day, entry)).collect()
}

/// True when what is filed under `days` cannot be made without `state`.
fn is_needed(signal: &Signal, state: &StateFile, days: &BTreeSet<Option<i32>>) -> bool {
    match signal.windows {
        None if signal.filed_by.is_none() => true,
        // Whether a session starts in a day shows in what lies up to a gap before it; how long it lasts, in all after.
        Some(Windows::Session { gap_us }) => {
            let first = days.first().copied().flatten().map(i64::from).unwrap_or_default();
            let from = first - (gap_us / DAY_US + 1);
            state.days.iter().any(|&day| i64::from(day) >= from)
        }
        _ => state.days.iter().any(|&day| days.contains(&Some(day))),
    }
}

/// A signal whose days are made and staged.
struct Staging<'a> {
    store: &'a Store,
    signal: &'a Signal,
    own: &'a SignalHistory,
    closed: Closed,
    limits: &'a Limits,
    /// The record that will name what is staged.
    record: u64,
}

impl Staging<'_> {
    async fn stage<'e>(
        &self,
        due: &BTreeSet<Option<i32>>,
        before: impl Fn(Option<i32>) -> Option<&'e ReleaseEntry>,
    ) -> Result<Due> {
        let signal = self.signal;
        let days = due.iter().copied().collect::<Option<BTreeSet<_>>>();
        let panes =
            Panes { closed: self.closed, lateness_us: signal.definition.lateness_us, stands: signal.stands, days };
        let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
        let released = self.release(due, &panes).await?;
        let rows = released.sorted_by(&signal.sort_order).map_err(explain)?;
        let mut parts = by_day(signal, &rows)?;
        let empty = RecordBatch::new_empty(released.rows.schema());
        let mut result = Due { withheld: released.withheld, ..Due::default() };
        for &day in due {
            let rows = parts.remove(&day).unwrap_or_else(|| empty.clone());
            let mut restatements = day.and_then(|day| self.own.restatements.get(&day)).cloned().unwrap_or_default();
            restatements.extend(before(day).map(|entry| self.own.restatement(entry)));
            let file = file_of(signal, day, &rows, &Standing { panes: &panes, restatements: &restatements })?;
            let pending_us = day.and_then(|day| released.pending.get(&day).copied());
            result.entries.push(self.stage_file(day, file, pending_us).await?);
        }
        Ok(result)
    }

    /// Releases the days that are due, going through their state part by part.
    async fn release(&self, due: &BTreeSet<Option<i32>>, panes: &Panes) -> Result<Released> {
        let signal = self.signal;
        let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
        let files = self.own.states.iter().filter(|file| is_needed(signal, file, due)).collect::<Vec<_>>();
        let (mut parts, mut groups) = (Vec::new(), 0);
        let shelf = Shelf::of(self.store, signal);
        for part in shelf.parts(&files, self.limits.state_bytes) {
            let states = shelf.read(&files, part).await?;
            let released = signal.cut.release(states, panes).await.map_err(explain)?;
            groups += released.groups;
            if let Some(most) = signal.definition.max_groups.filter(|&most| groups > most) {
                return Err(Error::TooManyGroups { signal: signal.name().to_owned(), most });
            }
            parts.push(released);
        }
        Released::together(&signal.cut.output_schema(), parts).map_err(explain)
    }

    async fn stage_file(&self, day: Option<i32>, file: ReleasedDay, pending_us: Option<i64>) -> Result<ReleaseEntry> {
        let signal = self.signal;
        let entry = ReleaseEntry {
            signal: signal.name().to_owned(),
            day,
            release_id: file.release_id.clone(),
            version: signal.definition.version.clone(),
            code_hash: signal.definition.code_hash.clone(),
            fingerprint: signal.cut.fingerprint().clone(),
            through_record: self.own.last_record(),
            closed: self.closed,
            pending_us,
            rows: file.rows,
            bytes: file.bytes.len() as u64,
            sha256: sha256_hex(&file.bytes),
            staged: layout::staging_file(self.record, &file.release_id),
            path: layout::published_file(signal.definition.scope, signal.name(), day),
        };
        if file.rows > 0 {
            self.store.replace(&entry.staged, file.bytes.into()).await?;
        }
        Ok(entry)
    }
}

/// Makes the files of `entries` what the log says. Safe to repeat.
pub(crate) async fn publish(store: &Store, entries: &[ReleaseEntry], removed: &[String]) -> Result<()> {
    for entry in entries {
        if entry.rows == 0 {
            store.delete(&entry.path).await?;
            continue;
        }
        if let Some(bytes) = store.get(&entry.staged).await? {
            store.replace(&entry.path, bytes).await?;
            store.delete(&entry.staged).await?;
        }
    }
    for path in removed {
        store.delete(path).await?;
    }
    Ok(())
}

/// Publishes what a crash kept from readers, and forgets releases whose file has vanished or has another size, so that
/// they are made again from state.
pub(crate) async fn recover(store: &Store, history: &mut History) -> Result<()> {
    let staged = store.list("staging").await?;
    let is_staged = |entry: &ReleaseEntry| staged.contains(&entry.staged);
    let unpublished = history.released.values().filter(|entry| is_staged(entry)).cloned().collect::<Vec<_>>();
    publish(store, &unpublished, &[]).await?;
    let mut present = BTreeMap::new();
    for scope in Scope::ALL {
        present.extend(store.list_sized(scope.folder()).await?);
    }
    history.released.retain(|_, entry| entry.rows == 0 || present.get(&entry.path) == Some(&entry.bytes));
    Ok(())
}

//! What is settled in a drain, and how far does that reach? Rows of two streams that meet, windows that are noised, and
//! what was shown of people: it stands, and what comes later for it is late.

use std::collections::BTreeMap;

use tidegate_algebra::Closed;
use tidegate_signal::Signal;

use super::{Engine, InputEnd};
use crate::clock::now_us;
use crate::commit::{Commit, SettledCommit};
use crate::error::Result;
use crate::history::SignalHistory;
use crate::{join, layout, noise};

impl Engine {
    /// Per signal that takes nothing back, the event time before which rows of `stream` come too late for it.
    pub(super) fn settled_us(&self, stream: &str) -> BTreeMap<String, i64> {
        let signals = self.signals.iter().filter(|signal| signal.stands && signal.reads(stream));
        let cutoff = |signal: &Signal| {
            let settled = self.signal_history(signal).settled;
            let cutoff_us = match (&signal.join, signal.cut.private_spec(), signal.panes()) {
                (Some(join), _, _) => join::cutoff(signal, join, stream, settled),
                (None, Some(_), Some(panes)) => noise::cutoff(panes, settled),
                (None, None, Some(panes)) => noise::cutoff(panes, self.shown(signal)),
                (None, _, None) => i64::MIN,
            };
            (signal.name().to_owned(), cutoff_us)
        };
        signals.map(cutoff).collect()
    }

    /// How far the windows of `signal` were closed when they were last shown.
    fn shown(&self, signal: &Signal) -> Closed {
        let entries = self
            .history
            .released
            .values()
            .filter(|entry| entry.signal == signal.name() && entry.fingerprint == *signal.cut.fingerprint());
        entries.fold(Closed::default(), |shown, entry| Closed {
            watermark_us: shown.watermark_us.max(entry.closed.watermark_us),
            sealed_us: shown.sealed_us.max(entry.closed.sealed_us),
        })
    }

    /// Lets rows of two streams meet as far as both have come, and noises windows that are closed.
    pub(super) async fn settle(&mut self, end: InputEnd) -> Result<()> {
        let ended = self.newly_sealed(end);
        for signal in 0..self.signals.len() {
            let name = self.signals[signal].name().to_owned();
            if self.failed.contains_key(&name) {
                continue;
            }
            match self.settle_signal(signal, end, &ended).await {
                Ok(None) => {}
                Ok(Some((commit, expired))) => {
                    self.commit(commit).await?;
                    for path in expired {
                        self.store.delete(&path).await?;
                    }
                    self.compact(&name).await?;
                }
                Err(error) if error.is_damage() => return Err(error),
                Err(error) => {
                    self.failed.insert(name, error);
                }
            }
        }
        Ok(())
    }

    /// The record to commit, and the files that nothing needs after it.
    async fn settle_signal(
        &mut self,
        signal: usize,
        end: InputEnd,
        ended: &BTreeMap<String, i64>,
    ) -> Result<Option<(Commit, Vec<String>)>> {
        let signal = &self.signals[signal];
        let before = self.signal_history(signal);
        // What this signal has yet to read may be a partner, or part of a total.
        if signal.streams().any(|name| before.is_behind(name, &self.stream_history(name))) {
            return Ok(None);
        }
        let closed = self.settles(signal, &before, end, ended);
        let path = layout::state_file(signal.name(), signal.cut.fingerprint(), self.chain.len(), &self.run.id);
        let (store, limits, before) = (&self.store, &self.limits, &before);
        let windows = signal.windows.zip(signal.panes());
        let met = match (&signal.join, windows, self.budget.as_mut()) {
            _ if closed == before.settled => return Ok(None),
            (Some(join), _, _) => join::Step { store, signal, join, before, closed, limits }.make(path).await?,
            (None, Some((windows, panes)), Some(budget)) if signal.cut.private_spec().is_some() => {
                let input = self.streams.iter().find(|input| input.contract.name == signal.stream);
                let cap = input.map(|input| input.budget).unwrap_or_default();
                let run = &self.run;
                noise::Step { store, signal, windows, panes, before, closed, limits, run, cap }
                    .make(budget, path)
                    .await?
            }
            _ => return Ok(None),
        };
        let join::Met { rows, state, expired } = met;
        let settled = SettledCommit {
            run_id: self.run.id.clone(),
            generation: self.run.generation,
            committed_at_us: now_us(),
            signal: signal.name().to_owned(),
            fingerprint: signal.cut.fingerprint().clone(),
            closed,
            rows,
            state,
            expired: expired.clone(),
        };
        let commit = if signal.join.is_some() { Commit::Join(settled) } else { Commit::Noise(settled) };
        Ok(Some((commit, expired)))
    }

    /// How far `signal` settles now.
    fn settles(&self, signal: &Signal, before: &SignalHistory, end: InputEnd, ended: &BTreeMap<String, i64>) -> Closed {
        let standing = |name: &str| {
            let history = self.stream_history(name);
            let sealed = history.latest_us.is_some() && history.closed.sealed_us >= history.latest_us;
            join::Standing { ended: end == InputEnd::End || sealed || ended.contains_key(name), history }
        };
        if let Some(join) = &signal.join {
            return join::reached(join, before.settled, &standing(&signal.stream), &standing(&join.stream));
        }
        self.closed_with(&signal.stream, ended)
    }

    /// How far the windows of `signal` are closed: as far as its stream has come, or what it takes nothing back of.
    pub(super) fn closed_for(&self, signal: &Signal, sealed: &BTreeMap<String, i64>) -> Closed {
        if signal.join.is_some() || signal.cut.private_spec().is_some() {
            return self.signal_history(signal).settled;
        }
        self.closed_with(&signal.stream, sealed)
    }

    /// How far the windows of a stream are closed, when the streams `sealed` end now.
    fn closed_with(&self, stream: &str, sealed: &BTreeMap<String, i64>) -> Closed {
        let mut closed = self.stream_history(stream).closed;
        closed.sealed_us = closed.sealed_us.max(sealed.get(stream).copied());
        closed
    }
}

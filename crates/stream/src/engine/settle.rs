//! What is settled in a drain, and how far does that reach? Rows of two streams that meet, windows that are noised, and
//! what was shown of people: it stands, and what comes later for it is late.

use std::collections::BTreeMap;

use tidegate_algebra::Closed;
use tidegate_signal::Signal;

use super::{Engine, InputEnd};
use crate::clock::now_us;
use crate::commit::{Commit, SettledCommit};
use crate::error::{Error, Result};
use crate::{join, layout, noise};

impl Engine {
    /// Per signal that takes nothing back, the event time before which rows of `stream` come too late for it.
    pub(super) fn settled_us(&self, stream: &str) -> BTreeMap<String, i64> {
        let signals = self.signals.iter().filter(|signal| signal.stands && signal.reads(stream));
        let cutoff = |signal: &Signal| {
            let history = self.signal_history(signal);
            let cutoff_us = match (&signal.join, signal.cut.private_spec(), signal.panes()) {
                (Some(join), _, _) => join::cutoff(signal, join, stream, history.joined),
                (None, Some(_), Some(panes)) => noise::cutoff(panes, history.noised),
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
                Ok(()) => {}
                Err(error) if error.is_damage() || matches!(error, Error::Ledger(_)) => return Err(error),
                Err(error) => {
                    self.failed.insert(name, error);
                }
            }
        }
        Ok(())
    }

    /// First rows meet; then windows are noised, maybe of what came of it.
    async fn settle_signal(&mut self, signal: usize, end: InputEnd, ended: &BTreeMap<String, i64>) -> Result<()> {
        let history = self.signal_history(&self.signals[signal]);
        // What this signal has yet to read may be a partner, or part of a total.
        if self.signals[signal].streams().any(|name| history.is_behind(name, &self.stream_history(name))) {
            return Ok(());
        }
        if let Some(commit) = self.join(signal, end, ended).await? {
            self.commit_settled(Commit::Join(commit)).await?;
        }
        if let Some(commit) = self.noise(signal, ended).await? {
            self.commit_settled(Commit::Noise(commit)).await?;
        }
        Ok(())
    }

    async fn commit_settled(&mut self, commit: Commit) -> Result<()> {
        let (Commit::Join(settled) | Commit::Noise(settled)) = &commit else { return Ok(()) };
        let (signal, expired) = (settled.signal.clone(), settled.expired.clone());
        self.commit(commit).await?;
        for path in expired {
            self.store.delete(&path).await?;
        }
        self.compact(&signal).await
    }

    /// What rows that meet now make.
    async fn join(&self, signal: usize, end: InputEnd, ended: &BTreeMap<String, i64>) -> Result<Option<SettledCommit>> {
        let signal = &self.signals[signal];
        let Some(join) = &signal.join else { return Ok(None) };
        let before = &self.signal_history(signal);
        let standing = |name: &str| {
            let history = self.stream_history(name);
            let sealed = history.latest_us.is_some() && history.closed.sealed_us >= history.latest_us;
            join::Standing { ended: end == InputEnd::End || sealed || ended.contains_key(name), history }
        };
        let closed = join::reached(join, before.joined, &standing(&signal.stream), &standing(&join.stream));
        if closed == before.joined {
            return Ok(None);
        }
        let (store, limits) = (&self.store, &self.limits);
        let step = join::Step { store, signal, join, before, closed, limits };
        Ok(Some(self.settled(signal, closed, step.make(self.state_path(signal)).await?)))
    }

    /// What panes that are noised now make.
    async fn noise(&mut self, signal: usize, ended: &BTreeMap<String, i64>) -> Result<Option<SettledCommit>> {
        let signal = &self.signals[signal];
        let before = &self.signal_history(signal);
        let closed = match signal.join {
            Some(_) => before.joined,
            None => self.closed_with(&signal.stream, ended),
        };
        let path = self.state_path(signal);
        let (Some(windows), Some(panes), Some(_), Some(budget)) =
            (signal.windows, signal.panes(), signal.cut.private_spec(), self.budget.as_mut())
        else {
            return Ok(None);
        };
        if closed == before.noised {
            return Ok(None);
        }
        let caps = self.streams.iter().map(|input| (input.contract.name.clone(), input.budget));
        let caps = &caps.collect::<BTreeMap<_, _>>();
        let (store, limits, run) = (&self.store, &self.limits, &self.run);
        let step = noise::Step { store, signal, windows, panes, before, closed, limits, run, caps };
        let met = step.make(budget, path).await?;
        Ok(Some(self.settled(signal, closed, met)))
    }

    fn state_path(&self, signal: &Signal) -> String {
        layout::state_file(signal.name(), signal.cut.fingerprint(), self.chain.len(), &self.run.id)
    }

    fn settled(&self, signal: &Signal, closed: Closed, met: join::Met) -> SettledCommit {
        let join::Met { rows, state, waiting, expired } = met;
        SettledCommit {
            run_id: self.run.id.clone(),
            generation: self.run.generation,
            committed_at_us: now_us(),
            signal: signal.name().to_owned(),
            fingerprint: signal.cut.fingerprint().clone(),
            closed,
            rows,
            state,
            waiting,
            expired,
        }
    }

    /// How far the windows of `signal` are closed: as far as its stream has come, or what it takes nothing back of.
    pub(super) fn closed_for(&self, signal: &Signal, sealed: &BTreeMap<String, i64>) -> Closed {
        let history = self.signal_history(signal);
        if signal.cut.private_spec().is_some() {
            return history.noised;
        }
        if signal.join.is_some() {
            return history.joined;
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

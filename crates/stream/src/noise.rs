//! When is a pane of a window noised, and who pays? Once, when it closes; and the whole day that it lies in, before
//! anything is drawn. Windows of several panes are sums of what was drawn.
//!
//! ```text
//! totals of units wait -> charge each block -> bound, draw -> noised rows -> record -> released as any state
//! ```
//!
//! A block, a day or an epoch of days, is one mechanism, whose coordinates are shown as its panes close: it is charged when
//! its first pane is, and its units' totals wait until its last one has closed. A crash after the charge leaves it standing and nothing shown;
//! the next run finds it paid. A crash after the draw leaves rows that no record names and nobody saw.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};
use tidegate_algebra::private::{Bounded, PrivateSpec};
use tidegate_algebra::{Closed, Panes, Side, Windows, utc_day};
use tidegate_ledger::{Block, Budget, Charge, Spend, Store};
use tidegate_privacy::{Cost, Grant};
use tidegate_signal::{Policy, Signal};

use crate::clock::now_us;
use crate::commit::{JoinedRows, StateFile};
use crate::engine::Run;
use crate::epoch::Limits;
use crate::error::{Error, Result};
use crate::history::{SignalHistory, WaitingRows};
use crate::join::Met;
use crate::state::Shelf;

/// The event time before which a row comes too late: its pane was noised, and stands.
pub(crate) fn cutoff(panes: Windows, settled: Closed) -> i64 {
    let passed = settled.watermark_us.map_or(i64::MIN, |watermark_us| panes.cutoff(watermark_us, 0));
    // What follows a session within its gap would prolong it.
    let ended = settled.sealed_us.map(|sealed_us| panes.pane_end(panes.pane_of(sealed_us)));
    passed.max(ended.unwrap_or(i64::MIN))
}

/// What one release of `signal` costs each block.
pub(crate) fn spend(signal: &Signal) -> Result<Spend> {
    let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
    let calibration = signal.cut.calibration().unwrap_or(Err(tidegate_algebra::Error::NotPrivate));
    let Cost { rho_nano, delta_atto } = calibration.map_err(explain)?.cost();
    Ok(Spend { rho_nano, delta_atto })
}

/// A signal whose panes are noised as far as `closed`.
pub(crate) struct Step<'a> {
    pub(crate) store: &'a Store,
    pub(crate) signal: &'a Signal,
    pub(crate) windows: Windows,
    /// Their panes: each is noised once.
    pub(crate) panes: Windows,
    pub(crate) before: &'a SignalHistory,
    pub(crate) closed: Closed,
    pub(crate) limits: &'a Limits,
    pub(crate) run: &'a Run,
    /// What a block of each stream may spend.
    pub(crate) caps: &'a BTreeMap<String, Spend>,
}

impl Step<'_> {
    /// Charges the days that have panes to show, and noises those panes. The rows that come of it are written to
    /// `path`.
    pub(crate) async fn make(&self, budget: &mut Budget, path: String) -> Result<Met> {
        let name = self.signal.name();
        let explain = |source| Error::Signal { signal: name.to_owned(), source };
        let cut = &self.signal.cut;
        let private = cut.units().zip(cut.private_spec());
        let (side, spec) = private.ok_or_else(|| explain(tidegate_algebra::Error::NotPrivate))?;
        let expired = self.waiting().filter(|waiting| self.is_expired(spec, waiting));
        let mut met = Met { expired: expired.map(|waiting| waiting.file.path.clone()).collect(), ..Met::default() };
        let days = self.days();
        if days.is_empty() {
            return Ok(met);
        }
        let mut spend = spend(self.signal)?;
        let cap = |block: &Block| self.caps.get(&block.stream).copied().unwrap_or_default();
        let blocks =
            days.iter().map(|&day| spec.block_of(day)).map(|block| (*block.start(), block)).collect::<BTreeMap<_, _>>();
        for block in blocks.values() {
            let paid = budget.charge(self.charge(block, spend), &cap).await;
            let unpaid = |source| match source {
                source @ tidegate_ledger::Error::OverBudget { .. } => Error::Unpaid { signal: name.to_owned(), source },
                other => other.into(),
            };
            spend = paid.map_err(unpaid)?.spend();
        }
        let shelf = Shelf { store: self.store, signal: name, layout: side.layout() };
        let files = self.waiting().map(|waiting| &waiting.file);
        // All days of a block, also those that are over: they say which groups and days were a unit's first.
        let all = blocks.into_values().flatten().collect::<BTreeSet<_>>();
        let files = files.filter(|file| file.days.iter().any(|day| all.contains(day))).collect::<Vec<_>>();
        let of_blocks = Panes { closed: self.closed, days: Some(all), ..Panes::default() };
        let panes = Panes { days: Some(days), ..of_blocks.clone() };
        let mut bounded = Bounded::default();
        for part in shelf.parts(&files, self.limits.state_bytes) {
            let states = shelf.read(&files, part).await?;
            bounded.add(cut.bound(states, &of_blocks, self.before.noised).await.map_err(explain)?);
        }
        let grant = Grant::paid(Cost { rho_nano: spend.rho_nano, delta_atto: spend.delta_atto });
        let noised = cut.draw(bounded, &panes, self.before.noised, grant).map_err(explain)?;
        met.rows = JoinedRows { leading: 0, aggregated: noised.rows() as u64 };
        if !noised.is_empty() {
            let file = Shelf::of(self.store, self.signal).write(path, noised).await?;
            let starts = panes.days.iter().flatten().flat_map(|&day| self.new_starts(day));
            let covered = starts.map(|start| (start, self.panes.pane_end(start))).collect::<Vec<_>>();
            let days = covered.iter().flat_map(|&(start, end)| self.windows.days_of_pane(start, end));
            let days = days.collect::<BTreeSet<_>>().into_iter().collect();
            met.state = Some(StateFile { days, covered, ..file });
        }
        Ok(met)
    }

    /// Totals of units that wait.
    fn waiting(&self) -> impl Iterator<Item = &WaitingRows> {
        let stream = self.signal.cut.units().map_or("", Side::stream);
        self.before.waiting.iter().filter(move |waiting| waiting.stream == stream)
    }

    /// The days that have panes which are closed now and were not before: those of which something waits, and where
    /// groups are public all since the first.
    fn days(&self) -> BTreeSet<i32> {
        let waiting = self.waiting().flat_map(|waiting| waiting.file.days.iter().copied());
        let mut days = waiting.collect::<BTreeSet<_>>();
        if self.signal.cut.private_spec().is_some_and(|spec| spec.min_units.is_none()) {
            let noised = self.before.touches.iter().flat_map(|(_, touch)| touch.days.iter().copied());
            let last = self.closed.watermark_us.max(self.closed.sealed_us);
            let last = last.map(|instant_us| self.panes.day_of(self.panes.pane_of(instant_us)));
            if let (Some(first), Some(last)) = (days.iter().copied().chain(noised).min(), last) {
                days.extend(first..=last);
            }
        }
        days.retain(|&day| self.new_starts(day).next().is_some());
        days
    }

    /// The panes of a day that are closed now and were not before.
    fn new_starts(&self, day: i32) -> impl Iterator<Item = i64> {
        let (panes, closed, before) = (self.panes, self.closed, self.before.noised);
        panes.starts_of_day(day).into_iter().filter(move |&start| {
            let end = panes.pane_end(start);
            closed.contains(start, end) && !before.contains(start, end)
        })
    }

    /// True when all blocks of a file are over: until then their units' first groups must be known.
    fn is_expired(&self, spec: &PrivateSpec, waiting: &WaitingRows) -> bool {
        let is_over = |&start: &i64| self.closed.contains(start, self.panes.pane_end(start));
        let mut days = waiting.file.days.iter().flat_map(|&day| spec.block_of(day));
        days.all(|day| self.panes.starts_of_day(day).iter().all(is_over))
    }

    fn charge(&self, days: &RangeInclusive<i32>, spend: Spend) -> Charge {
        let (name, fingerprint) = (self.signal.name(), self.signal.cut.fingerprint());
        Charge {
            id: id(&format!("signal {name} plan {fingerprint} day {}", days.start())),
            purpose: name.to_owned(),
            clause: clause(self.signal),
            blocks: payers(self.signal).flat_map(|payer| payer.blocks(self.panes, days)).collect(),
            spend,
            charged_at_us: now_us(),
            run_id: self.run.id.clone(),
        }
    }
}

/// A stream whose units pay for a signal's days.
pub(crate) struct Payer {
    pub(crate) stream: String,
    pub(crate) unit: String,
    /// How much older and younger than a pane the rows are that it is made of.
    pub(crate) reach_us: (i64, i64),
}

/// Who pays for a release of `signal`: the units of its stream, and of the one that its rows meet.
pub(crate) fn payers(signal: &Signal) -> impl Iterator<Item = Payer> {
    let unit = match &signal.policy {
        Policy::Differential { unit, .. } | Policy::Threshold { unit, .. } => unit.clone(),
        Policy::Open => String::new(),
    };
    let own = Payer { stream: signal.stream.clone(), unit, reach_us: (0, 0) };
    let met = signal.join.as_ref().and_then(|join| {
        let reach_us = (join.before_us, join.after_us);
        Some(Payer { stream: join.stream.clone(), unit: join.unit.clone()?, reach_us })
    });
    std::iter::once(own).chain(met)
}

impl Payer {
    /// How far apart in time a pane and its rows may lie.
    pub(crate) fn reach_us(&self) -> i64 {
        self.reach_us.0.abs().max(self.reach_us.1.abs())
    }

    /// The days of UTC whose rows the panes filed under `days` are made of; none where no panes are.
    pub(crate) fn days(&self, panes: Windows, days: &RangeInclusive<i32>) -> Option<RangeInclusive<i32>> {
        let first = days.clone().find_map(|day| panes.starts_of_day(day).first().copied())?;
        let last = days.clone().rev().find_map(|day| panes.starts_of_day(day).last().copied())?;
        let (before_us, after_us) = self.reach_us;
        let end_us = (panes.pane_end(last) - 1).saturating_add(after_us);
        Some(utc_day(first.saturating_sub(before_us))..=utc_day(end_us))
    }

    fn blocks(self, panes: Windows, days: &RangeInclusive<i32>) -> impl Iterator<Item = Block> {
        let days = self.days(panes, days).into_iter().flatten();
        days.map(move |day| Block { stream: self.stream.clone(), unit: self.unit.clone(), day: Some(day) })
    }
}

/// The hash of what is declared about a noised query.
pub fn clause(signal: &Signal) -> String {
    id(&signal.cut.private_spec().map(|spec| spec.text()).unwrap_or_default())
}

fn id(text: &str) -> String {
    Sha256::digest(text)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

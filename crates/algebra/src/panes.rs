//! Which windows do the panes of a state make?
//!
//! A state row belongs to one pane; at release it is dealt out to every window that contains the pane.
//! Telemetry is never copied: what is copied is state, one row per group and pane. Sessions are panes of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use datafusion::arrow::compute::{filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::TimestampMicrosecondType;

use crate::cut::{Cut, WindowKey};
use crate::error::Result;
use crate::release::Panes;
use crate::state::{PartialState, StateLayout};

/// Per day, the first watermark at which its rows change by themselves.
pub(crate) type Pending = BTreeMap<i32, i64>;

impl Cut {
    /// The state of the windows of `panes`, keyed by window, and what is pending of their days.
    pub(crate) fn shown(&self, states: Vec<PartialState>, panes: &Panes) -> Result<(Vec<PartialState>, Pending)> {
        for state in &states {
            self.layout.check(state)?;
        }
        let states = self.bridged(states)?;
        self.dealt(&self.layout, self.windows, states, panes)
    }

    /// States of `layout`, which are kept by the panes of `windows`, dealt out to those of the windows that `panes` names.
    pub(crate) fn dealt(
        &self,
        layout: &StateLayout,
        windows: Option<WindowKey>,
        states: Vec<PartialState>,
        panes: &Panes,
    ) -> Result<(Vec<PartialState>, Pending)> {
        for state in &states {
            layout.check(state)?;
        }
        let Some(key) = windows else {
            return Ok((states, Pending::new()));
        };
        let mut dealer = Dealer { key, panes, pending: Pending::new(), known: BTreeMap::new() };
        let deal = |mut state: PartialState| {
            let dealt = state.batches.iter().map(|batch| match key.end {
                Some(end) => dealer.keep(batch, end),
                None => dealer.deal(batch),
            });
            state.batches = dealt.collect::<Result<Vec<_>>>()?;
            Ok(state)
        };
        let states = states.into_iter().map(deal).collect::<Result<Vec<_>>>()?;
        Ok((states, dealer.pending))
    }
}

/// Deals state rows out to the windows that are shown.
struct Dealer<'a> {
    key: WindowKey,
    panes: &'a Panes,
    pending: Pending,
    /// Per pane, the keys of its shown windows.
    known: BTreeMap<i64, Vec<i64>>,
}

impl Dealer<'_> {
    /// Every row once for each of its windows, the window's key in place of the pane.
    fn deal(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let position = self.key.start;
        let panes = batch.column(position).as_primitive::<TimestampMicrosecondType>();
        let (mut rows, mut keys) = (Vec::new(), Vec::new());
        for (row, pane) in panes.iter().enumerate() {
            let Some(pane) = pane else { continue };
            for &key in self.shown(pane) {
                rows.push(row as u64);
                keys.push(key);
            }
        }
        let dealt = take_record_batch(batch, &UInt64Array::from(rows))?;
        let mut columns = dealt.columns().to_vec();
        let keys = TimestampMicrosecondArray::from(keys).with_data_type(panes.data_type().clone());
        columns[position] = Arc::new(keys);
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }

    /// The rows of shown sessions, whose end stands in column `end`.
    fn keep(&mut self, batch: &RecordBatch, end: usize) -> Result<RecordBatch> {
        let starts = batch.column(self.key.start).as_primitive::<TimestampMicrosecondType>();
        let ends = batch.column(end).as_primitive::<TimestampMicrosecondType>();
        let is_shown = |(start, end): (Option<i64>, Option<i64>)| match (start, end) {
            (Some(start), Some(end)) => self.shows(start, end),
            _ => false,
        };
        let kept = starts.iter().zip(ends).map(is_shown).collect::<Vec<_>>();
        Ok(filter_record_batch(batch, &BooleanArray::from(kept))?)
    }

    /// The keys of the windows that contain a pane and are shown.
    fn shown(&mut self, pane: i64) -> &[i64] {
        if !self.known.contains_key(&pane) {
            let windows = self.key.windows;
            let shown = windows.of_pane(pane).into_iter().filter(|&(start, end)| self.shows(start, end));
            let shown = shown.map(|(start, end)| windows.key_of(start, end)).collect();
            self.known.insert(pane, shown);
        }
        &self.known[&pane]
    }

    /// True for a closed window of a wanted day; notes what is pending of it.
    fn shows(&mut self, start: i64, end: i64) -> bool {
        let windows = &self.key.windows;
        let day = windows.day_of(start);
        if !self.panes.wants(day) {
            return false;
        }
        let closed = self.panes.closed.contains(start, end);
        if !self.panes.is_final(windows, start, end) {
            let next = if closed { windows.settles_us(start, end, self.panes.lateness_us) } else { end };
            self.pending.entry(day).and_modify(|first| *first = next.min(*first)).or_insert(next);
        }
        closed
    }
}

//! Which windows do the panes of a state make?
//!
//! A state row belongs to one pane; at release it is dealt out to every window that contains the pane.
//! Telemetry is never copied: what is copied is state, one row per group and pane.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::TimestampMicrosecondType;

use crate::cut::Cut;
use crate::error::Result;
use crate::release::Panes;
use crate::state::PartialState;
use crate::windows::Windows;

/// Per day, the first watermark at which its rows change by themselves.
pub(crate) type Pending = BTreeMap<i32, i64>;

impl Cut {
    /// The state of the windows of `panes`, keyed by window, and what is pending of their days.
    pub(crate) fn shown(&self, states: Vec<PartialState>, panes: &Panes) -> Result<(Vec<PartialState>, Pending)> {
        for state in &states {
            self.check(state)?;
        }
        let Some((position, windows)) = self.windows else {
            return Ok((states, Pending::new()));
        };
        let mut dealer = Dealer { position, windows, panes, pending: Pending::new(), known: BTreeMap::new() };
        let deal = |mut state: PartialState| {
            let dealt = state.batches.iter().map(|batch| dealer.deal(batch)).collect::<Result<Vec<_>>>();
            state.batches = dealt?;
            Ok(state)
        };
        let states = states.into_iter().map(deal).collect::<Result<Vec<_>>>()?;
        Ok((states, dealer.pending))
    }
}

/// Deals state rows out to the windows that are shown.
struct Dealer<'a> {
    /// Where the pane stands among the columns.
    position: usize,
    windows: Windows,
    panes: &'a Panes,
    pending: Pending,
    /// Per pane, the keys of its shown windows.
    known: BTreeMap<i64, Vec<i64>>,
}

impl Dealer<'_> {
    fn deal(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let panes = batch.column(self.position).as_primitive::<TimestampMicrosecondType>();
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
        columns[self.position] = Arc::new(keys);
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }

    /// The keys of the windows that contain a pane and are shown.
    fn shown(&mut self, pane: i64) -> &[i64] {
        let Self { windows, panes, pending, known, .. } = self;
        known.entry(pane).or_insert_with(|| {
            let mut shown = Vec::new();
            for (start, end) in windows.of_pane(pane) {
                let day = windows.day_of(start);
                if !panes.wants(day) {
                    continue;
                }
                let closed = panes.closed.contains(start, end);
                if closed {
                    shown.push(windows.key_of(start, end));
                }
                if !panes.is_final(windows, start, end) {
                    let next = if closed { windows.settles_us(start, end, panes.lateness_us) } else { end };
                    pending.entry(day).and_modify(|first| *first = next.min(*first)).or_insert(next);
                }
            }
            shown
        })
    }
}

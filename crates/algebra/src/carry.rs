//! What becomes of a group that is too small to be shown? It may wait for its next window.
//!
//! Where a threshold carries, the rows of such a group are counted in the next window of the same day in which the group
//! occurs, and so on until enough units stand behind them; what is too small at the end of the day stays withheld. Only
//! keys of state rows are moved here. Whether a group is shown is decided afterwards, as for every group, so that a
//! mistake here could misplace rows but never show fewer people than the threshold says.
//!
//! Later windows change nothing about earlier ones, so a window that was shown stays as it is while time goes on.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::arrow::row::{RowConverter, Rows, SortField};

use crate::aggregate::UnitSet;
use crate::cut::{Cut, WindowKey};
use crate::error::Result;
use crate::state::PartialState;

impl Cut {
    /// `states`, keyed by window, with the rows of groups below the threshold moved to the window that shows them.
    pub(crate) fn carried(&self, states: Vec<PartialState>) -> Result<Vec<PartialState>> {
        let (Some(threshold), Some(windows)) = (self.threshold.filter(|threshold| threshold.carries), self.windows)
        else {
            return Ok(states);
        };
        let rows = concat_batches(&self.layout.schema, states.iter().flat_map(|state| &state.batches))?;
        if rows.num_rows() == 0 {
            return Ok(states);
        }
        let shown_in = Carrier::over(&rows, &self.layout.divided_by, windows, threshold.k as usize)?.moved()?;
        let mut columns = rows.columns().to_vec();
        let starts =
            TimestampMicrosecondArray::from(shown_in).with_data_type(columns[windows.start].data_type().clone());
        columns[windows.start] = Arc::new(starts);
        Ok(vec![self.layout.state_of(vec![RecordBatch::try_new(rows.schema(), columns)?])])
    }
}

/// State rows in the order in which groups are carried: by group, then by window.
struct Carrier<'a> {
    order: Vec<usize>,
    /// The key of each row's group; absent where all are one group.
    groups: Option<Rows>,
    starts: Vec<i64>,
    units: &'a BinaryArray,
    windows: WindowKey,
    k: usize,
}

impl<'a> Carrier<'a> {
    fn over(rows: &'a RecordBatch, keys: &[usize], windows: WindowKey, k: usize) -> Result<Self> {
        let keys = keys.iter().map(|&key| Arc::clone(rows.column(key))).collect::<Vec<_>>();
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let groups = match keys.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields)?.convert_columns(&keys)?),
        };
        let starts = rows.column(windows.start).as_primitive::<TimestampMicrosecondType>().values().to_vec();
        // The threshold's own state is the last column of all.
        let units = rows.column(rows.num_columns() - 1).as_binary::<i32>();
        let mut order = (0..starts.len()).collect::<Vec<_>>();
        let place = |row: usize| (groups.as_ref().map(|groups| groups.row(row)), starts[row]);
        order.sort_unstable_by(|&left, &right| place(left).cmp(&place(right)));
        Ok(Self { order, groups, starts, units, windows, k })
    }

    /// The window of each row: its own, or the later one with which its group passes.
    fn moved(self) -> Result<Vec<i64>> {
        let mut shown_in = self.starts.clone();
        let mut waiting = Vec::<usize>::new();
        let mut units = UnitSet::new(self.k);
        let together = |left: &usize, right: &usize| self.is_same_day(*left, *right);
        for day in self.order.chunk_by(together) {
            for window in day.chunk_by(|&left, &right| self.starts[left] == self.starts[right]) {
                for &row in window {
                    units.extend(self.units.value(row))?;
                }
                waiting.extend(window);
                if units.is_full() {
                    for row in waiting.drain(..) {
                        shown_in[row] = self.starts[window[0]];
                    }
                    units.clear();
                }
            }
            waiting.clear();
            units.clear();
        }
        Ok(shown_in)
    }

    fn is_same_day(&self, left: usize, right: usize) -> bool {
        let group = |row: usize| self.groups.as_ref().map(|groups| groups.row(row));
        let day = |row: usize| self.windows.windows.day_of(self.starts[row]);
        group(left) == group(right) && day(left) == day(right)
    }
}
